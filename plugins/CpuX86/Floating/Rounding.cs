using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>What a rounded number is.</summary>
internal enum RoundedClass
{
    /// <summary>A number of the format, maybe a denormal or zero.</summary>
    Finite,

    /// <summary>Infinity.</summary>
    Infinity,
}

/// <summary>Range of a floating-point format.</summary>
/// <param name="Precision">Bits of the significand, the first one included.</param>
/// <param name="Minimum">Exponent of the smallest normal number.</param>
/// <param name="Maximum">Exponent of the largest number.</param>
/// <param name="Wrap">What an unmasked overflow takes from the exponent, and an underflow adds; 0 where such results aren't delivered.</param>
internal readonly record struct FloatingFormat(int Precision, int Minimum, int Maximum, int Wrap)
{
    /// <summary>binary32.</summary>
    public static readonly FloatingFormat Single = new(24, -126, 127, 0);

    /// <summary>binary64.</summary>
    public static readonly FloatingFormat Double = new(53, -1022, 1023, 0);

    /// <summary>Registers of the x87, at the precision that its control word asks for.</summary>
    public static FloatingFormat Register(int precision) => new(precision, -16382, 16383, 24576);
}

/// <summary>Rounds numbers to formats, with the responses to overflow, underflow and inexact results.</summary>
/// <remarks>Source: Intel SDM vol. 1, 4.8.4 and 4.9.1.4 to 4.9.1.6. Tininess is detected after rounding.</remarks>
internal static class Rounding
{
    /// <summary>Rounds a number; of a denormal result bit 63 is clear and the exponent that of the smallest normal number.</summary>
    public static RoundedClass Round(ref Number n, in FloatingFormat format, ref FloatingContext context)
    {
        int drop = 64 - format.Precision;
        bool isTiny = false;
        if (n.Exponent < format.Minimum)
        {
            isTiny = n.Exponent < format.Minimum - 1 || !Carries(n, drop, context.Rounding);
            if (isTiny && (context.Masked & FloatingFlags.Underflow) == 0)
            {
                context.Raised |= FloatingFlags.Underflow;
                n.Exponent += format.Wrap;
                if (format.Wrap != 0 && n.Exponent < format.Minimum)
                {
                    // FSCALE can leave even the wrapped range.
                    context.Raised |= FloatingFlags.Precision;
                    (n.High, n.Low) = (0, 0);
                    return RoundedClass.Finite;
                }

                // Where the result isn't delivered, it still counts as inexact as if the exponent had no bounds.
                RoundAt(ref n, drop, ref context);
                return RoundedClass.Finite;
            }
            else if (isTiny && context.FlushToZero)
            {
                context.Raised |= FloatingFlags.Underflow | FloatingFlags.Precision;
                (n.High, n.Low, n.Exponent) = (0, 0, format.Minimum);
                return RoundedClass.Finite;
            }

            n.ShiftRight(format.Minimum - n.Exponent);
        }

        if (RoundAt(ref n, drop, ref context) && isTiny)
        {
            context.Raised |= FloatingFlags.Underflow;
        }

        return n.Exponent <= format.Maximum ? RoundedClass.Finite : Overflow(ref n, format, ref context);
    }

    /// <summary>Rounds to an extended datum of a register.</summary>
    public static Extended ToExtended(Number n, ref FloatingContext context)
    {
        RoundedClass result = Round(ref n, FloatingFormat.Register(context.Precision), ref context);
        if (result == RoundedClass.Infinity)
        {
            return Extended.Infinity(n.IsNegative);
        }

        int exponent = (n.High & Extended.IntegerBit) != 0 ? n.Exponent + Extended.Bias : 0;
        return new Extended(n.High, (ushort)(exponent | (n.IsNegative ? 0x8000 : 0)));
    }

    /// <summary>Rounds to a double.</summary>
    public static ulong ToDouble(Number n, ref FloatingContext context)
    {
        ulong sign = n.IsNegative ? 1UL << 63 : 0;
        return Round(ref n, FloatingFormat.Double, ref context) == RoundedClass.Infinity ? sign | 0x7FF0_0000_0000_0000
            : sign | (((n.High & Extended.IntegerBit) != 0 ? (ulong)(n.Exponent + 1023) << 52 : 0) + (n.High << 1 >> 12));
    }

    /// <summary>Rounds to a single.</summary>
    public static uint ToSingle(Number n, ref FloatingContext context)
    {
        uint sign = n.IsNegative ? 1U << 31 : 0;
        return Round(ref n, FloatingFormat.Single, ref context) == RoundedClass.Infinity ? sign | 0x7F80_0000
            : sign | (((n.High & Extended.IntegerBit) != 0 ? (uint)(n.Exponent + 127) << 23 : 0) + (uint)(n.High << 1 >> 41));
    }

    /// <summary>Rounds to an integer of at most 64 bits.</summary>
    /// <param name="n">A number.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="magnitude">The integer without its sign; means nothing where it is too large.</param>
    /// <param name="isInexact">Whether it was rounded.</param>
    /// <param name="isUp">Whether the magnitude grew.</param>
    /// <returns>Whether the magnitude fits into 64 bits.</returns>
    public static bool ToInteger(Number n, RoundingControl mode, out ulong magnitude, out bool isInexact, out bool isUp)
    {
        (magnitude, isInexact, isUp) = (0, false, false);
        if (n.Exponent > 63)
        {
            return false;
        }

        n.ShiftRight(63 - n.Exponent);
        isInexact = n.Low != 0;
        isUp = isInexact && RoundsUp(mode, n.IsNegative, (n.High & 1) != 0, n.Low >> 63 != 0, n.Low << 1 != 0);
        magnitude = n.High + (isUp ? 1UL : 0);
        return magnitude != 0 || !isUp;
    }

    /// <summary>Whether the discarded bits make the magnitude grow.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool RoundsUp(RoundingControl mode, bool isNegative, bool isOdd, bool half, bool more) => mode switch
    {
        RoundingControl.Nearest => half && (more || isOdd),
        RoundingControl.Down => isNegative && (half || more),
        RoundingControl.Up => !isNegative && (half || more),
        _ => false,
    };

    /// <summary>Whether rounding makes all ones a power of two.</summary>
    private static bool Carries(Number n, int drop, RoundingControl mode)
    {
        ulong unit = 1UL << drop;
        if (n.High < 0 - unit)
        {
            return false;
        }

        ulong lost = drop == 0 ? 0 : n.High & (unit - 1);
        bool half = drop == 0 ? n.Low >> 63 != 0 : (lost >> (drop - 1)) != 0;
        bool more = drop == 0 ? n.Low << 1 != 0 : n.Low != 0 || (lost & ((unit >> 1) - 1)) != 0;
        return RoundsUp(mode, n.IsNegative, isOdd: true, half, more);
    }

    /// <summary>Rounds a significand, with the precision exception.</summary>
    /// <returns>Whether it was inexact.</returns>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool RoundAt(ref Number n, int drop, ref FloatingContext context)
    {
        ulong unit = 1UL << drop;
        ulong lost = n.High & (unit - 1);
        if ((lost | n.Low) == 0)
        {
            return false;
        }

        bool half = drop == 0 ? n.Low >> 63 != 0 : (lost >> (drop - 1)) != 0;
        bool more = drop == 0 ? n.Low << 1 != 0 : n.Low != 0 || (lost & ((unit >> 1) - 1)) != 0;
        n.High -= lost;
        n.Low = 0;
        bool up = RoundsUp(context.Rounding, n.IsNegative, (n.High & unit) != 0, half, more);
        if (up)
        {
            n.High += unit;
            if (n.High == 0)
            {
                n.High = Extended.IntegerBit;
                n.Exponent++;
            }
        }

        context.Raised |= FloatingFlags.Precision;
        context.RoundedUp = up;
        return true;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    private static RoundedClass Overflow(ref Number n, in FloatingFormat format, ref FloatingContext context)
    {
        context.Raised |= FloatingFlags.Overflow;
        if ((context.Masked & FloatingFlags.Overflow) == 0)
        {
            n.Exponent -= format.Wrap;
            if (format.Wrap != 0 && n.Exponent <= format.Maximum)
            {
                return RoundedClass.Finite;
            }

            if (format.Wrap != 0)
            {
                context.Raised |= FloatingFlags.Precision;
                context.RoundedUp = true;
            }

            // Without a result, only the rounding before counts as inexact.
            return RoundedClass.Infinity;
        }

        context.Raised |= FloatingFlags.Precision;
        bool toInfinity = RoundsUp(context.Rounding, n.IsNegative, isOdd: true, half: true, more: true);
        context.RoundedUp = toInfinity;
        if (toInfinity)
        {
            return RoundedClass.Infinity;
        }

        (n.High, n.Low, n.Exponent) = (ulong.MaxValue << (64 - format.Precision), 0, format.Maximum);
        return RoundedClass.Finite;
    }
}
