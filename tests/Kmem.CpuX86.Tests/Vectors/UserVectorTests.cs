using Kmem.Engine;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Runs the recorded 64-bit cases in both engine modes.</summary>
public sealed class UserVectorTests
{
    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    [Trait("Category", "Vectors")]
    public void IntegerCasesEndAsRecorded(EngineMode mode) => VectorReport.Check($"x86-64-integer-{mode}", Run(mode, floating: false));

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    [Trait("Category", "Vectors")]
    public void FloatingAndVectorCasesEndAsRecorded(EngineMode mode) => VectorReport.Check($"x86-64-floating-{mode}", Run(mode, floating: true));

    private static IEnumerable<string?> Run(EngineMode mode, bool floating)
    {
        using var user = new UserBench(mode);
        foreach (UserCase test in UserCase.All)
        {
            if (test.IsFloating == floating)
            {
                yield return test.Run(user, mode);
            }
        }
    }
}
