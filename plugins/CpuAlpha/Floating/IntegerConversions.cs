namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Conversions to signed quadwords, the same for T and G, and of quadwords to longwords.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 4.10.4 (CVTQL), 4.10.8 (CVTGQ) and 4.10.11 (CVTTQ).</remarks>
internal static class IntegerConversions
{
    private const TrapSummary DoesNotFit = TrapSummary.IntegerOverflow | TrapSummary.Inexact;

    /// <summary>A finite number as a quadword; what does not fit gives the low 64 bits of the integer.</summary>
    /// <param name="number">The number.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="raised">Inexact or integer overflow.</param>
    public static ulong ToQuadword(in Unpacked number, RoundingMode mode, out TrapSummary raised)
    {
        ulong magnitude;
        bool inexact = false;
        int drop = 63 - number.Exponent;
        if (number.IsZero)
        {
            magnitude = 0;
        }
        else if (drop >= 0)
        {
            magnitude = Rounding.Drop(number.Significand, drop, mode, number.Negative, out inexact);
        }
        else
        {
            magnitude = drop > -64 ? number.Significand << -drop : 0;
        }

        ulong limit = number.Negative ? 1UL << 63 : long.MaxValue;
        bool overflow = !number.IsZero && (drop < 0 || magnitude > limit);
        raised = overflow ? DoesNotFit : inexact ? TrapSummary.Inexact : TrapSummary.None;
        return number.Negative ? 0 - magnitude : magnitude;
    }

    /// <summary>CVTTQ: a T number as a quadword; infinities and NaNs give zero.</summary>
    /// <param name="b">The register image.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="raised">The exceptions.</param>
    public static ulong FromT(ulong b, RoundingMode mode, out TrapSummary raised)
    {
        if (IeeeImage.IsSpecial(b))
        {
            raised = TrapSummary.InvalidOperation;
            return 0;
        }

        return ToQuadword(IeeeFormat.T.Unpack(b), mode, out raised);
    }

    /// <summary>CVTQL: a quadword as a longword; what does not fit gives its low 32 bits.</summary>
    /// <param name="b">The quadword.</param>
    /// <param name="raised">Integer overflow.</param>
    public static ulong ToLongword(ulong b, out TrapSummary raised)
    {
        raised = (long)b == (int)b ? TrapSummary.None : DoesNotFit;
        return RegisterFormats.FromQuadword(b);
    }
}
