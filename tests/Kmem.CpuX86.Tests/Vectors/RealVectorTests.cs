using Kmem.Engine;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Runs the real-mode cases recorded from an 80286 in both engine modes.</summary>
public sealed class RealVectorTests
{
    /// <summary>Runs where the data is; third-party data is not part of the repository.</summary>
    private sealed class DataTheoryAttribute : TheoryAttribute
    {
        public DataTheoryAttribute() => Skip = RealCase.Folder is null ? "the third-party vectors x86-286 are not beside the repository" : null;
    }

    [DataTheory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    [Trait("Category", "Vectors")]
    public void RealModeCasesEndAsRecorded(EngineMode mode) => VectorReport.Check($"x86-286-{mode}", Run(mode));

    private static IEnumerable<string?> Run(EngineMode mode)
    {
        using var bench = new X86Bench(mode);
        foreach (RealCase test in RealCase.ReadAll(RealCase.Folder!))
        {
            yield return RealDifferences.Explain(test) is null ? test.Run(bench, mode) : null;
            test.Clean(bench);
        }
    }
}
