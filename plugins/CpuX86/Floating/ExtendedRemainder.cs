namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>FPREM and FPREM1: exact remainders, in steps where the quotient is long.</summary>
/// <remarks>Source: Intel SDM vol. 2, FPREM, FPREM1.</remarks>
internal static class ExtendedRemainder
{
    /// <summary>Quotients with so many bits or more take more than one step.</summary>
    private const int LongQuotient = 64;

    /// <summary>The remainder of a / b.</summary>
    /// <param name="a">ST(0).</param>
    /// <param name="b">ST(1).</param>
    /// <param name="toNearest">FPREM1: the quotient is rounded to the nearest integer; else towards zero.</param>
    /// <param name="context">What is raised.</param>
    /// <param name="quotient">The last bits of the quotient.</param>
    /// <param name="isPartial">Whether the exponent was only reduced.</param>
    public static Extended Remainder(in Operand a, in Operand b, bool toNearest, ref FloatingContext context, out ulong quotient, out bool isPartial)
    {
        (quotient, isPartial) = (0, false);
        if (a.IsNan || b.IsNan)
        {
            return ExtendedArithmetic.Nan(a, b, ref context);
        }

        if (a.Class == OperandClass.Infinity || b.Class == OperandClass.Zero)
        {
            return ExtendedArithmetic.Invalid(ref context);
        }

        ExtendedArithmetic.NoteDenormal(a, b, ref context);
        context.Precision = 64;
        if (a.Class == OperandClass.Zero)
        {
            return a.ToExtended();
        }

        if (b.Class == OperandClass.Infinity)
        {
            return Rounding.ToExtended(a.Value, ref context);
        }

        int distance = a.Value.Exponent - b.Value.Exponent;
        if (distance < (toNearest ? -1 : 0))
        {
            return Rounding.ToExtended(a.Value, ref context);
        }

        isPartial = distance >= LongQuotient;
        int steps = isPartial ? 32 + (distance % 32) : distance;
        ulong rest = Reduce(a.Value.High, b.Value.High, steps, out quotient);
        int exponent = isPartial ? a.Value.Exponent - steps : b.Value.Exponent;
        bool negative = a.Value.IsNegative;
        if (isPartial)
        {
            quotient = 0;
        }
        else if (toNearest && IsRoundedUp(rest, a.Value.High, b.Value.High, distance, quotient))
        {
            // The remainder becomes that of the next quotient: negative.
            quotient++;
            (ulong high, ulong low) = distance < 0 ? (b.Value.High - (a.Value.High >> 1) - (a.Value.High & 1), a.Value.High << 63) : (b.Value.High - rest, 0UL);
            return Finish(new Number(!negative, exponent, high, low), ref context);
        }
        else if (distance < 0)
        {
            return Rounding.ToExtended(a.Value, ref context);
        }

        return rest == 0 ? Extended.Zero(negative) : Finish(new Number(negative, exponent, rest), ref context);
    }

    private static Extended Finish(Number n, ref FloatingContext context)
    {
        if ((n.High | n.Low) == 0)
        {
            return Extended.Zero(n.IsNegative);
        }

        n.Normalize();
        return Rounding.ToExtended(n, ref context);
    }

    /// <summary>Whether the rest is more than half of the divisor, or half of it and the quotient odd.</summary>
    private static bool IsRoundedUp(ulong rest, ulong a, ulong b, int distance, ulong quotient)
    {
        // Where the dividend is the smaller one by its exponent, the rest is the dividend itself, one place further down.
        if (distance < 0)
        {
            return a > b;
        }

        ulong other = b - rest;
        return rest > other || (rest == other && (quotient & 1) != 0);
    }

    /// <summary>a * 2^steps modulo b, of significands.</summary>
    private static ulong Reduce(ulong a, ulong b, int steps, out ulong quotient)
    {
        if (steps < 0)
        {
            quotient = 0;
            return a;
        }

        // The first bit by hand, so that the dividend's first half is below the divisor.
        quotient = a >= b ? 1UL : 0;
        ulong rest = a >= b ? a - b : a;
        if (steps > 0)
        {
            UInt128 wide = (UInt128)rest << steps;
            ulong digits = ExactArithmetic.DivRem((ulong)(wide >> 64), (ulong)wide, b, out rest);
            quotient = (steps == 64 ? 0 : quotient << steps) + digits;
        }

        return rest;
    }
}
