using System.Numerics;
using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Conversions by the host's own instructions, under the rules of <see cref="FastDouble"/>.</summary>
public static class FastConversions
{
    private const double QuadwordLimit = 9223372036854775808.0;

    /// <summary>CVTTQ/C: b as a quadword, towards zero.</summary>
    /// <param name="b">Fb.</param>
    /// <param name="result">The quadword.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryTruncateTQ(ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(b);
        long integer = (long)x;
        result = (ulong)integer;
        inexact = integer != x;
        return FastDouble.IsOrdinary(b) && Math.Abs(x) < QuadwordLimit;
    }

    /// <summary>CVTTQ: b as a quadword, to the nearest.</summary>
    /// <param name="b">Fb.</param>
    /// <param name="result">The quadword.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryRoundTQ(ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(b);
        double rounded = Math.Round(x);
        result = (ulong)(long)rounded;
        inexact = rounded != x;
        return FastDouble.IsOrdinary(b) && Math.Abs(rounded) < QuadwordLimit;
    }

    /// <summary>CVTQT: a signed quadword as T.</summary>
    /// <param name="b">The quadword.</param>
    /// <param name="result">The register image of the number.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    /// <returns>Always true.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryConvertQT(ulong b, out ulong result, out bool inexact)
    {
        result = BitConverter.DoubleToUInt64Bits((long)b);
        inexact = OutsideBits(b) < 64 - 53;
        return true;
    }

    /// <summary>CVTQS: a signed quadword as S; false where it has more than 53 significant bits.</summary>
    /// <param name="b">The quadword.</param>
    /// <param name="result">The register image of the number.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryConvertQS(ulong b, out ulong result, out bool inexact)
    {
        double x = (long)b;
        double rounded = (float)x;
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded != x;
        return OutsideBits(b) >= 64 - 53;
    }

    /// <summary>CVTTS: b as S.</summary>
    /// <param name="b">Fb.</param>
    /// <param name="result">The register image of the number.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryConvertTS(ulong b, out ulong result, out bool inexact)
    {
        double x = BitConverter.UInt64BitsToDouble(b);
        double rounded = (float)x;
        result = BitConverter.DoubleToUInt64Bits(rounded);
        inexact = rounded != x;
        return FastSingle.IsClearlyNormal(result) || b << 1 == 0;
    }

    /// <summary>Number of zero bits around the significant bits of a signed quadword's magnitude: 64 less the bits it needs, 128 for zero.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int OutsideBits(ulong value)
    {
        ulong magnitude = (long)value < 0 ? 0 - value : value;
        return BitOperations.LeadingZeroCount(magnitude) + BitOperations.TrailingZeroCount(magnitude);
    }
}
