using Kmem.Engine;
using Kmem.Testing;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Runs in real mode what a processor did in 16-bit segments of user mode, in both engine modes.</summary>
public sealed class SegmentVectorTests
{
    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    [Trait("Category", "Vectors")]
    public void CasesOf16BitSegmentsEndAsRecorded(EngineMode mode) => VectorReport.Check($"x86-16-{mode}", Run(mode));

    private static IEnumerable<string?> Run(EngineMode mode)
    {
        using var bench = new X86Bench(mode);
        byte[] segments = SegmentCase.Segments();
        foreach (SegmentCase test in SegmentCase.ReadAll(Path.Combine(SolutionFolders.Root, "tests", "data", "vectors", "x86-16", "cases.txt")))
        {
            yield return test.Run(bench, segments);
        }
    }
}
