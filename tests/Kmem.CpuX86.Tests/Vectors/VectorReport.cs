using System.Globalization;
using Xunit;

namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>Judges a run of recorded cases.</summary>
internal static class VectorReport
{
    /// <summary>Fails with the first differences; writes all of them where <c>KMEM_VECTOR_REPORT</c> names a folder.</summary>
    /// <param name="name">Name of the run.</param>
    /// <param name="results">For each case what differs, or null.</param>
    public static void Check(string name, IEnumerable<string?> results)
    {
        int count = 0;
        var wrong = new List<string>();
        foreach (string? result in results)
        {
            count++;
            if (result is not null)
            {
                wrong.Add(result);
            }
        }

        if (Environment.GetEnvironmentVariable("KMEM_VECTOR_REPORT") is { Length: > 0 } folder)
        {
            File.WriteAllLines(Path.Combine(folder, name + ".txt"), wrong.Prepend(string.Create(CultureInfo.InvariantCulture, $"{count} cases, {wrong.Count} wrong")));
        }

        Assert.True(count > 0, "there are no cases");
        Assert.True(wrong.Count == 0, string.Create(CultureInfo.InvariantCulture, $"{wrong.Count} of {count} cases differ:\n") + string.Join('\n', wrong.Take(30)));
    }
}
