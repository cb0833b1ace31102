using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>S arithmetic by the host's own instructions, for operands and results that are normal numbers or zeros.</summary>
/// <remarks>The rules are those of <see cref="FastDouble"/>. Operations are done in double and rounded again: for one operation on 24-bit
/// operands 53 bits are enough that the second rounding does no harm, and they show whether the result is exact.</remarks>
public static class FastSingle
{
    private const ulong UnusedFraction = (1UL << 29) - 1;

    // Twice the exponent field of the smallest S number, and of the first that S has not.
    private const ulong SmallestNormal = 0x381UL << 53;
    private const ulong Infinite = 0x47FUL << 53;

    /// <summary>ADDS: a + b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the sum.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAddS(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(a);
        double y = BitConverter.UInt64BitsToDouble(b);
        double sum = x + y;
        double rounded = (float)sum;
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded != sum || sum - x != y || sum - y != x;
        return AreOrdinary(a, b) && (IsClearlyNormal(result) || sum == 0);
    }

    /// <summary>SUBS: a - b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the difference.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TrySubS(ulong a, ulong b, out ulong result, out bool inexact) => TryAddS(a, b ^ IeeeImage.Sign, out result, out inexact);

    /// <summary>MULS: a * b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the product.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryMulS(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double product = BitConverter.UInt64BitsToDouble(a) * BitConverter.UInt64BitsToDouble(b);
        double rounded = (float)product;
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded != product;
        return AreOrdinary(a, b) && (IsClearlyNormal(result) || product == 0);
    }

    /// <summary>DIVS: a / b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the quotient.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryDivS(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(a);
        double y = BitConverter.UInt64BitsToDouble(b);
        double rounded = (float)(x / y);
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded * y != x;
        return AreOrdinary(a, b) && b << 1 != 0 && (IsClearlyNormal(result) || x == 0);
    }

    /// <summary>SQRTS: the square root of b.</summary>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the root.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TrySqrtS(ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(b);
        double rounded = (float)Math.Sqrt(x);
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded * rounded != x;
        return AreOrdinary(b, b) && (b < IeeeImage.Sign || x == 0);
    }

    /// <summary>Whether two images are S numbers in shape, each normal or zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool AreOrdinary(ulong a, ulong b) => ((a | b) & UnusedFraction) == 0 && IsOrdinary(a) && IsOrdinary(b);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsOrdinary(ulong image)
    {
        ulong t = image << 1;
        return t - SmallestNormal < Infinite - SmallestNormal || t == 0;
    }

    /// <summary>Whether a result is normal, and too large to have been rounded up to that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    internal static bool IsClearlyNormal(ulong image) => (image << 1) - (SmallestNormal + 1) < Infinite - (SmallestNormal + 1);
}
