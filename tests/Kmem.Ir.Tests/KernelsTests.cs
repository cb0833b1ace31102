using Xunit;

namespace Kmem.Ir.Tests;

/// <summary>What the micro-ops mean, against values worked out by hand.</summary>
public class KernelsTests
{
    private const ulong Minus1 = ulong.MaxValue, Least = 1UL << 63, Greatest = long.MaxValue;

    [Theory]
    [InlineData(Uop.Add, Minus1, 1, 0)]
    [InlineData(Uop.Sub, 0, 1, Minus1)]
    [InlineData(Uop.Mul, 0x1_0000_0001, 0x1_0000_0001, 0x2_0000_0001)]
    [InlineData(Uop.MulHighU, Minus1, Minus1, Minus1 - 1)]
    [InlineData(Uop.And, 0xFF0F, 0x0FF0, 0x0F00)]
    [InlineData(Uop.Or, 0xFF0F, 0x0FF0, 0xFFFF)]
    [InlineData(Uop.Xor, 0xFF0F, 0x0FF0, 0xF0FF)]
    [InlineData(Uop.AndNot, 0xFF0F, 0x0FF0, 0xF00F)]
    [InlineData(Uop.OrNot, 0, 0xFF, ~0xFFUL)]
    [InlineData(Uop.XorNot, 0xFF, 0xFF, Minus1)]
    [InlineData(Uop.Shl, 1, 63, Least)]
    [InlineData(Uop.Shl, 1, 64, 1)]
    [InlineData(Uop.Shr, Least, 63, 1)]
    [InlineData(Uop.Sar, Least, 63, Minus1)]
    [InlineData(Uop.Sar, Least, 127, Minus1)]
    [InlineData(Uop.AddL, 0x7FFF_FFFF, 1, 0xFFFF_FFFF_8000_0000)]
    [InlineData(Uop.SubL, 0xFFFF_FFFF_8000_0000, 1, 0x7FFF_FFFF)]
    [InlineData(Uop.MulL, 0x1_0001, 0x1_0001, 0x2_0001)]
    [InlineData(Uop.MulL, 0x8000_0000, Minus1, 0xFFFF_FFFF_8000_0000)]
    [InlineData(Uop.SetEq, 5, 5, 1)]
    [InlineData(Uop.SetEq, 5, 6, 0)]
    [InlineData(Uop.SetLtS, Minus1, 0, 1)]
    [InlineData(Uop.SetLtS, Greatest, Least, 0)]
    [InlineData(Uop.SetLeS, Least, Least, 1)]
    [InlineData(Uop.SetLtU, Minus1, 0, 0)]
    [InlineData(Uop.SetLtU, 0, Minus1, 1)]
    [InlineData(Uop.SetLeU, Minus1, Minus1, 1)]
    public void BinaryMicroOpGives(Uop code, ulong a, ulong b, ulong expected)
    {
        Assert.Equal(expected, MicroOps.Evaluate(code, a, b, 0));
        Assert.Equal(expected, MicroOps.Evaluate(UopTable.WithImmediate(code), a, 0, b));
    }

    [Theory]
    [InlineData(Uop.ShlAdd, 3, 5, 2, 17)]
    [InlineData(Uop.ShlSub, 3, 5, 3, 19)]
    [InlineData(Uop.ShlAddL, 0x4000_0000, 0, 2, 0)]
    [InlineData(Uop.ShlAddL, 0x2000_0000, 0, 2, 0xFFFF_FFFF_8000_0000)]
    [InlineData(Uop.ShlSubL, 0, 1, 2, Minus1)]
    public void TernaryMicroOpGives(Uop code, ulong a, ulong b, ulong immediate, ulong expected) => Assert.Equal(expected, MicroOps.Evaluate(code, a, b, immediate));

    [Theory]
    [InlineData(Uop.Sext8, 0x180, 0xFFFF_FFFF_FFFF_FF80)]
    [InlineData(Uop.Sext16, 0x1_8000, 0xFFFF_FFFF_FFFF_8000)]
    [InlineData(Uop.Sext32, 0x1_8000_0000, 0xFFFF_FFFF_8000_0000)]
    [InlineData(Uop.Zext8, 0x1FF, 0xFF)]
    [InlineData(Uop.Zext16, 0x1_FFFF, 0xFFFF)]
    [InlineData(Uop.Zext32, Minus1, 0xFFFF_FFFF)]
    public void UnaryMicroOpGives(Uop code, ulong a, ulong expected) => Assert.Equal(expected, MicroOps.Evaluate(code, a, 0, 0));

    [Theory]
    [InlineData(Uop.BranchEq, "0")]
    [InlineData(Uop.BranchNe, "1 2 +7 -1 min")]
    [InlineData(Uop.BranchLt, "-1 min")]
    [InlineData(Uop.BranchGe, "0 1 2 +7")]
    [InlineData(Uop.BranchLe, "0 -1 min")]
    [InlineData(Uop.BranchGt, "1 2 +7")]
    [InlineData(Uop.BranchLbs, "1 +7 -1")]
    [InlineData(Uop.BranchLbc, "0 2 min")]
    public void ConditionHoldsFor(Uop code, string holds)
    {
        foreach ((string name, ulong value) in new[] { ("0", 0UL), ("1", 1UL), ("2", 2UL), ("+7", 7UL), ("-1", Minus1), ("min", Least) })
        {
            bool expected = holds.Split(' ').Contains(name);
            Assert.True((bool)UopTable.KernelOf(code).Invoke(null, [value])! == expected, $"{code} of {name}");
        }
    }
}
