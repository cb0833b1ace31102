using Xunit;

namespace Kmem.Engine.Tests;

/// <summary>Ways to run code; every test of behaviour runs in all of them.</summary>
internal static class Modes
{
    public static readonly IReadOnlyDictionary<string, EngineOptions> Named = new Dictionary<string, EngineOptions>(StringComparer.Ordinal)
    {
        ["interpret"] = new() { Mode = EngineMode.Interpret },
        ["translate"] = new() { Mode = EngineMode.Translate },
        ["translate, calls"] = new() { Mode = EngineMode.Translate, SideExitLimit = 1 },
        ["both"] = new() { Mode = EngineMode.Both, HotThreshold = 2 },
    };

    public static TheoryData<string> All() => [.. Named.Keys];
}

/// <summary>Base of tests that run in every mode.</summary>
public abstract class EngineTest : IDisposable
{
    private readonly List<EngineBench> _benches = [];

    public static TheoryData<string> AllModes() => Modes.All();

    internal EngineBench Bench(string mode, int cpus = 1, int blockLimit = 64)
    {
        var bench = new EngineBench(Modes.Named[mode], cpus, blockLimit);
        _benches.Add(bench);
        return bench;
    }

    public void Dispose()
    {
        _benches.ForEach(b => b.Dispose());
        GC.SuppressFinalize(this);
    }
}
