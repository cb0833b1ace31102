using System.Runtime.CompilerServices;

namespace Kmem.Ir;

/// <summary>What rounding to nearest took from a result of doubles: 0 where the result is exact.</summary>
/// <remarks>
/// Source: D. Knuth, The Art of Computer Programming, volume 2, 4.2.2, theorem B, for sums; for the others the exact product that a fused
/// multiply-add has. They hold for operands and results that are zero or normal, and for products, quotients and roots only where no part of
/// the exact product is so small that it becomes denormal: the caller has looked.
/// </remarks>
public static class Residuals
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Whether a double is zero or normal.</summary>
    [MethodImpl(Inline)]
    public static bool IsOrdinary(double x)
    {
        ulong magnitude = BitConverter.DoubleToUInt64Bits(x) << 1;
        return magnitude - 1 >= (1UL << 53) - 1 && magnitude < 0xFFE0_0000_0000_0000;
    }

    /// <summary>The exact <paramref name="a"/> + <paramref name="b"/> less the sum.</summary>
    [MethodImpl(Inline)]
    public static double OfSum(double a, double b, double sum)
    {
        double other = sum - a;
        return a - (sum - other) + (b - other);
    }

    /// <summary>The exact <paramref name="a"/> * <paramref name="b"/> less the product.</summary>
    [MethodImpl(Inline)]
    public static double OfProduct(double a, double b, double product) => Math.FusedMultiplyAdd(a, b, -product);

    /// <summary>Quotient times <paramref name="b"/>, exactly, less <paramref name="a"/>.</summary>
    [MethodImpl(Inline)]
    public static double OfQuotient(double a, double b, double quotient) => Math.FusedMultiplyAdd(quotient, b, -a);

    /// <summary>The root's square, exactly, less <paramref name="x"/>.</summary>
    [MethodImpl(Inline)]
    public static double OfRoot(double x, double root) => Math.FusedMultiplyAdd(root, root, -x);
}
