using Kmem.Engine;
using Kmem.Testing;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Runs our own recording, single instructions and sequences of them in 64- and 32-bit code, <c>tests/data/x86/host.jsonl.gz</c>, in both engine modes.</summary>
public sealed class HostVectorTests
{
    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    [Trait("Category", "Vectors")]
    public void CasesEndAsOnTheRecordingProcessor(EngineMode mode) => VectorReport.Check($"host-{mode}", Run(mode));

    private static IEnumerable<string?> Run(EngineMode mode)
    {
        using var user = new UserBench(mode);
        foreach (UserCase test in UserCase.Read(Path.Combine(SolutionFolders.TestData, "x86", "host.jsonl.gz")))
        {
            yield return test.Run(user, mode);
        }
    }
}
