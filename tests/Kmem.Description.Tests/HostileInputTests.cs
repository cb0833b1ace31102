using System.Diagnostics;
using System.Text;
using CsCheck;
using Xunit;

namespace Kmem.Description.Tests;

/// <summary>No input crashes, hangs or eats the host's memory.</summary>
public sealed class HostileInputTests
{
    [Fact]
    public void AnAliasBombIsStopped()
    {
        var text = new StringBuilder("kmem: 1\nx-a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n");
        for (char c = 'b'; c < 'l'; c++)
        {
            text.Append($"x-{c}: &{c} [*{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}, *{(char)(c - 1)}]\n");
        }

        long before = GC.GetTotalAllocatedBytes();
        Assert.Contains(Texts.Load(text.ToString()).Diagnostics.Sorted, d => d.Code == "KM1003");
        Assert.True(GC.GetTotalAllocatedBytes() - before < 256 << 20);
    }

    [Fact]
    public void DeepNestingIsStopped()
    {
        string text = "kmem: 1\nx-a: " + new string('[', 5000) + new string(']', 5000);
        Assert.True(Texts.Load(text).Diagnostics.HasErrors);
    }

    [Fact]
    public void DeepExpressionsAreStopped()
    {
        string text = "kmem: 1\nvars:\n  a: $(" + new string('(', 10_000) + "1" + new string(')', 10_000) + ")";
        Assert.Contains(Texts.Load(text).Diagnostics.Sorted, d => d.Code == "KM1003");
    }

    [Fact]
    public void AHugeFileIsRefused()
    {
        LoadResult result = Texts.Load("kmem: 1\n# " + new string('x', 5 << 20));
        Assert.Equal("KM1003", Assert.Single(result.Diagnostics.Sorted).Code);
    }

    [Fact]
    public void AHugeOverlayIsRefused() =>
        Assert.Contains(
            Texts.Load("kmem: 1\ndevices:\n  a:\n    type: x\n    overlays: [{id: o, space: s, range: 0..0xFFFF_FFFF_FFFF, each: 1}]").Diagnostics.Sorted, d => d.Code == "KM2206");

    [Fact]
    public void RandomBytesNeverThrow() => Gen.Byte.Array[0, 400].Sample(
        bytes => _ = DescriptionLoader.Load("/m.yaml", new LoadOptions { Files = new MemoryFileSource(new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["/m.yaml"] = bytes }) }),
        iter: 2000);

    [Fact]
    public void MutatedMachinesNeverThrowAndEndSoon()
    {
        string[] sources = [.. Directory.EnumerateFiles(Folder(), "*.yaml").Select(File.ReadAllText)];
        string[] pieces = ["$(", ")", "{", "}", "[", "]", ": ", "&a ", "*a", "<<: ", "- ", "..", "0x", "GiB", "\"", "'", "|\n", "\t", "%", "#", "\n", "~", "!x ", "as: ", "use:\n  - "];
        Gen.Select(Gen.Int[0, sources.Length - 1], Gen.Select(Gen.Int[0, 100_000], Gen.Int[0, pieces.Length - 1], Gen.Int[0, 12]).List[1, 6]).Sample(
            (which, edits) =>
            {
                var text = new StringBuilder(sources[which]);
                foreach ((int at, int piece, int cut) in edits)
                {
                    int place = at % text.Length;
                    text.Remove(place, Math.Min(cut, text.Length - place)).Insert(place, pieces[piece]);
                }

                var watch = Stopwatch.StartNew();
                LoadResult result = Texts.Load(text.ToString());
                _ = new DiagnosticText(new MemoryFileSource(text.ToString())).Render(result.Diagnostics);
                if (result.Machine is { } machine && !result.Diagnostics.HasErrors)
                {
                    _ = EffectiveWriter.Write(machine, origins: false);
                }

                Assert.True(watch.Elapsed < TimeSpan.FromSeconds(20));
            },
            iter: 600);
    }

    private static string Folder()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "Kmem.sln")))
        {
            folder = folder.Parent;
        }

        return Path.Combine(folder!.FullName, "machines");
    }
}
