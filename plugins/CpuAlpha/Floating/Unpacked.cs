using System.Numerics;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>A finite number apart from any format: (-1)^sign * Significand * 2^(Exponent - 63).</summary>
/// <param name="Negative">The sign.</param>
/// <param name="Exponent">The power of two of the significand's top bit.</param>
/// <param name="Significand">Bit 63 is set, or the number is zero. The lowest bit is also set where bits below it were lost.</param>
internal readonly record struct Unpacked(bool Negative, int Exponent, ulong Significand)
{
    /// <summary>Whether the number is zero.</summary>
    public bool IsZero => Significand == 0;

    /// <summary>The number with its significand's top bit at bit 63.</summary>
    /// <param name="negative">The sign.</param>
    /// <param name="exponent">The power of two of bit 63.</param>
    /// <param name="significand">The bits, in any place.</param>
    public static Unpacked Normalized(bool negative, int exponent, ulong significand)
    {
        int shift = significand == 0 ? 0 : BitOperations.LeadingZeroCount(significand);
        return new Unpacked(negative, exponent - shift, significand << shift);
    }

    /// <summary>A signed quadword.</summary>
    /// <param name="value">The quadword.</param>
    public static Unpacked FromInteger(long value) => Normalized(value < 0, 63, value < 0 ? (ulong)-value : (ulong)value);
}
