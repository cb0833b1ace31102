using System.Globalization;
using Kmem.Engine;
using Xunit;
using Xunit.Abstractions;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Runs the real-mode cases recorded from an 80286 in both engine modes.</summary>
public sealed class RealVectorTests(ITestOutputHelper output)
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
    public void RealModeCasesEndAsRecorded(EngineMode mode)
    {
        SortedDictionary<string, int> counts = new(StringComparer.Ordinal);
        VectorReport.Check($"x86-286-{mode}", Run(mode, counts));
        foreach ((string reason, int count) in counts)
        {
            output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{count,5} {reason}"));
        }
    }

    private static IEnumerable<string?> Run(EngineMode mode, SortedDictionary<string, int> counts)
    {
        using var bench = new X86Bench(mode);
        foreach (RealCase test in RealCase.ReadAll(RealCase.Folder!))
        {
            RealDifference? difference = RealDifferences.Find(test);
            if (difference is not null)
            {
                counts[difference.Reason] = counts.GetValueOrDefault(difference.Reason) + 1;
            }

            yield return difference is { IsLeftOut: true } ? null : test.Run(bench, mode, difference);
            test.Clean(bench);
        }
    }
}
