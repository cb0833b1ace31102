using CsCheck;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.CharDevices.Tests;

public sealed class PageRunsTests
{
    [Fact]
    public void RunsAgreeWithOneValueForEachNumber() =>
        Gen.Select(Gen.Int[0, 63], Gen.Int[0, 63], Gen.Int[0, 3]).Array[0, 20].Sample(
            changes =>
            {
                var runs = new PageRuns<int>(0);
                int[] model = new int[64];
                foreach ((int a, int b, int value) in changes)
                {
                    runs.Set((ulong)Math.Min(a, b), (ulong)Math.Max(a, b), value);
                    Array.Fill(model, value, Math.Min(a, b), Math.Abs(a - b) + 1);
                }

                for (int i = 0; i < model.Length; i++)
                {
                    Assert.Equal(model[i], runs.Find((ulong)i, out ulong last));
                    Assert.True(last >= (ulong)i);
                    Assert.All(Enumerable.Range(i, (int)Math.Min(last, 63) - i + 1), n => Assert.Equal(model[i], model[n]));
                    Assert.True(last >= 63 || model[last + 1] != model[i]);
                }
            },
            iter: 5000);

    [Fact]
    public void ARunMayReachTheLastNumber()
    {
        var runs = new PageRuns<int>(0);
        runs.Set(5, ulong.MaxValue, 1);
        Assert.Equal(1, runs.Find(ulong.MaxValue, out ulong last));
        Assert.Equal(ulong.MaxValue, last);
        Assert.Equal(0, runs.Find(4, out last));
        Assert.Equal(4UL, last);
    }
}
