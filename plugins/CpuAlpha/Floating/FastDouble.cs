using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>T arithmetic by the host's own instructions, for operands and results that are normal numbers or zeros.</summary>
/// <remarks>Each method rounds to the nearest. False means that the case is rare and <see cref="FloatingUnit"/> must decide it; then the outputs mean nothing.
/// An exact result other than zero is right in every rounding mode. The methods stand alone, so that translated code can inline them;
/// a caller that ignores <c>inexact</c> pays nothing for it.</remarks>
public static class FastDouble
{
    private const ulong SmallestNormal = 1UL << 53;
    private const ulong Infinite = 0x7FFUL << 53;

    // Below these powers of two an error term can be too small for a double. Twice the exponent field, as in the tests below.
    private const ulong SmallestProduct = 64UL << 53;
    private const ulong SmallestDividend = 128UL << 53;

    /// <summary>ADDT: a + b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the sum.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAddT(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(a);
        double y = BitConverter.UInt64BitsToDouble(b);
        double sum = x + y;
        result = BitConverter.DoubleToUInt64Bits(sum);

        // Subtracting the larger operand from the sum is exact, whichever it is.
        inexact = sum - x != y || sum - y != x;
        return IsOrdinary(a) && IsOrdinary(b) && IsOrdinary(result);
    }

    /// <summary>SUBT: a - b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the difference.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TrySubT(ulong a, ulong b, out ulong result, out bool inexact) => TryAddT(a, b ^ IeeeImage.Sign, out result, out inexact);

    /// <summary>MULT: a * b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the product.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryMulT(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(a);
        double y = BitConverter.UInt64BitsToDouble(b);
        double product = x * y;
        result = BitConverter.DoubleToUInt64Bits(product);
        inexact = Math.FusedMultiplyAdd(x, y, -product) != 0;
        ulong t = result << 1;
        return IsOrdinary(a) && IsOrdinary(b) && ((t >= SmallestProduct && t < Infinite) || a << 1 == 0 || b << 1 == 0);
    }

    /// <summary>DIVT: a / b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the quotient.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryDivT(ulong a, ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(a);
        double y = BitConverter.UInt64BitsToDouble(b);
        double quotient = x / y;
        result = BitConverter.DoubleToUInt64Bits(quotient);
        inexact = Math.FusedMultiplyAdd(-quotient, y, x) != 0;
        ulong s = a << 1;
        return ((s >= SmallestDividend && s < Infinite) || s == 0) && IsNormal(b) && (IsNormal(result) || s == 0);
    }

    /// <summary>SQRTT: the square root of b.</summary>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the root.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TrySqrtT(ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(b);
        double root = Math.Sqrt(x);
        result = BitConverter.DoubleToUInt64Bits(root);
        inexact = Math.FusedMultiplyAdd(-root, root, x) != 0;
        ulong s = b << 1;
        return (s >= SmallestDividend && b < IeeeImage.Infinity) || s == 0;
    }

    /// <summary>CMPTEQ: whether a and b are equal.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">2.0 or zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryCompareEqualT(ulong a, ulong b, out ulong result)
    {
        result = BitConverter.UInt64BitsToDouble(a) == BitConverter.UInt64BitsToDouble(b) ? IeeeImage.True : 0;
        return IsOrdinary(a) && IsOrdinary(b);
    }

    /// <summary>CMPTLT: whether a is less than b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">2.0 or zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryCompareLessT(ulong a, ulong b, out ulong result)
    {
        result = BitConverter.UInt64BitsToDouble(a) < BitConverter.UInt64BitsToDouble(b) ? IeeeImage.True : 0;
        return IsOrdinary(a) && IsOrdinary(b);
    }

    /// <summary>CMPTLE: whether a is less than or equal to b.</summary>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="result">2.0 or zero.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryCompareLessOrEqualT(ulong a, ulong b, out ulong result)
    {
        result = BitConverter.UInt64BitsToDouble(a) <= BitConverter.UInt64BitsToDouble(b) ? IeeeImage.True : 0;
        return IsOrdinary(a) && IsOrdinary(b);
    }

    /// <summary>Whether an image is a normal number or a zero.</summary>
    /// <param name="image">The register.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool IsOrdinary(ulong image)
    {
        ulong t = image << 1;
        return t - 1 >= SmallestNormal - 1 && t < Infinite;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsNormal(ulong image) => (image << 1) - SmallestNormal < Infinite - SmallestNormal;
}
