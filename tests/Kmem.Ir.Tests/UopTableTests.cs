using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>The table of micro-ops is whole.</summary>
public class UopTableTests
{
    [Fact]
    public void EveryMicroOpHasAShape() => Assert.All(MicroOps.All, u => Assert.NotEqual(UopShape.None, UopTable.ShapeOf(u)));

    [Fact]
    public void InvalidHasNone() => Assert.Equal(UopShape.None, UopTable.ShapeOf(Uop.Invalid));

    [Fact]
    public void FormsWithAndWithoutImmediateBelongTogether()
    {
        Uop[] binary = [.. MicroOps.All.Where(u => UopTable.ShapeOf(u) == UopShape.Binary)];
        Assert.NotEmpty(binary);
        Assert.All(binary, u =>
        {
            Uop immediate = UopTable.WithImmediate(u);
            Assert.Equal(UopShape.BinaryImmediate, UopTable.ShapeOf(immediate));
            Assert.Equal(u, UopTable.WithoutImmediate(immediate));
            Assert.Equal(UopTable.KernelOf(u), UopTable.KernelOf(immediate));
            Assert.Equal(u + "I", immediate.ToString());
        });
    }

    [Fact]
    public void OnlyTerminatorsEndABlock()
    {
        Assert.True(UopTable.EndsBlock(Uop.Jump) && UopTable.EndsBlock(Uop.JumpTo) && UopTable.EndsBlock(Uop.ExitHelper) && UopTable.EndsBlock(Uop.Stop));
        Assert.All(MicroOps.All.Where(UopTable.SetsD), u => Assert.False(UopTable.EndsBlock(u), u.ToString()));
    }

    [Fact]
    public void LoadsAndStoresHaveTheWidthOfTheirName()
    {
        foreach (Uop code in MicroOps.All.Where(u => UopTable.ShapeOf(u) is UopShape.Load or UopShape.Store))
        {
            string digits = new([.. code.ToString().Where(char.IsAsciiDigit)]);
            Assert.Equal(int.Parse(digits, System.Globalization.CultureInfo.InvariantCulture), 8 * UopTable.WidthOf(code));
        }
    }

    [Fact]
    public void FoldingAgreesWithTheKernels()
    {
        foreach (Uop code in MicroOps.All.Where(u => UopTable.ShapeOf(u) == UopShape.Binary))
        {
            foreach (ulong a in MicroOps.Interesting)
            {
                foreach (ulong b in MicroOps.Interesting)
                {
                    Assert.True(MicroOps.Evaluate(code, a, b, 0) == ConstantFolding.Evaluate(code, a, b), $"{code} of {a:x} and {b:x}");
                }
            }
        }
    }
}
