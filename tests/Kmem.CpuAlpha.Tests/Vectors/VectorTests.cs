using Kmem.Engine;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>The recorded cases of the folder that <c>KMEM_VECTORS</c> names, default the copy in the tests' data.</summary>
[Trait("Category", "Vectors")]
public sealed class VectorTests
{
    private const int Shown = 20;

    public static TheoryData<EngineMode, bool, string> Groups()
    {
        var groups = new TheoryData<EngineMode, bool, string>();
        foreach (string group in VectorCase.All.Keys.DefaultIfEmpty("none"))
        {
            foreach (EngineMode mode in (EngineMode[])[EngineMode.Interpret, EngineMode.Translate])
            {
                groups.Add(mode, true, group);
                groups.Add(mode, false, group);
            }
        }

        return groups;
    }

    [Theory]
    [MemberData(nameof(Groups))]
    public void EveryCaseGivesWhatWasRecorded(EngineMode mode, bool isUser, string group)
    {
        Assert.True(VectorCase.All.ContainsKey(group), $"There are no vectors in {VectorCase.Folder}/alpha.");
        using var runner = new VectorRunner(new EngineOptions { Mode = mode, Verify = true }, isUser);
        string[] wrong = [.. VectorCase.All[group].Select(runner.Run).OfType<string>()];
        Assert.True(wrong.Length == 0, $"{wrong.Length} of {VectorCase.All[group].Length} cases differ:\n{string.Join('\n', wrong.Take(Shown))}");
    }
}
