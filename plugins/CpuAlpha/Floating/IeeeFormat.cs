namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>An IEEE format as it stands in a register, and the packing of results into it.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 2.2.6.1 "S_floating" and 2.2.6.2 "T_floating".
/// A register holds an S number as the T number of the same value, but for denormals: these keep the S fraction under a zero exponent.</remarks>
internal sealed class IeeeFormat
{
    /// <summary>S: 24 significant bits, exponents -126 to 127.</summary>
    public static readonly IeeeFormat S = new(24, 127);

    /// <summary>T: 53 significant bits, exponents -1022 to 1023.</summary>
    public static readonly IeeeFormat T = new(53, 1023);

    private const int RegisterFraction = 52;
    private const int RegisterBias = 1023;
    private readonly int _precision;
    private readonly int _maximum;
    private readonly int _minimum;

    private IeeeFormat(int precision, int maximum)
    {
        (_precision, _maximum, _minimum) = (precision, maximum, 1 - maximum);
    }

    /// <summary>Number of low fraction bits of a register image that the format leaves zero.</summary>
    private int Unused => RegisterFraction + 1 - _precision;

    /// <summary>A quiet NaN with the sign and as much of the fraction of another as the format holds.</summary>
    /// <param name="nan">A register image, quiet or signaling.</param>
    public ulong Quiet(ulong nan) => (nan | IeeeImage.QuietBit) & (ulong.MaxValue << Unused);

    /// <summary>The number in the register image of an operand that is neither infinite nor a NaN.</summary>
    /// <param name="image">The register; a zero exponent means a zero or a denormal number.</param>
    public Unpacked Unpack(ulong image) => (image & IeeeImage.Infinity) == 0
        ? Unpacked.Normalized(IeeeImage.IsNegative(image), _minimum, image << 12 >> 1)
        : new Unpacked(IeeeImage.IsNegative(image), (int)((image >> RegisterFraction) & 0x7FF) - RegisterBias, (1UL << 63) | (image << 11));

    /// <summary>The register image of a finite number, rounded.</summary>
    /// <param name="number">The number; not zero.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="flush">Whether a result below the normal numbers becomes a zero of its sign, without an exception.</param>
    /// <param name="raised">Overflow, underflow and inexact.</param>
    public ulong Pack(in Unpacked number, RoundingMode mode, bool flush, out TrapSummary raised)
    {
        ulong rounded = Rounding.Drop(number.Significand, 64 - _precision, mode, number.Negative, out bool inexact);
        int exponent = number.Exponent + (rounded >> _precision != 0 ? 1 : 0);
        ulong sign = number.Negative ? IeeeImage.Sign : 0;
        raised = inexact ? TrapSummary.Inexact : TrapSummary.None;
        if (exponent > _maximum)
        {
            raised = TrapSummary.Overflow | TrapSummary.Inexact;
            return sign | (Rounding.OverflowsToInfinity(mode, number.Negative) ? IeeeImage.Infinity : Normal(_maximum, ulong.MaxValue >> (64 - _precision)));
        }

        if (exponent >= _minimum)
        {
            return sign | Normal(exponent, rounded);
        }

        if (flush)
        {
            raised = TrapSummary.None;
            return sign;
        }

        ulong denormal = Rounding.Drop(number.Significand, 64 - _precision + _minimum - number.Exponent, mode, number.Negative, out inexact);
        raised = inexact ? TrapSummary.Underflow | TrapSummary.Inexact : TrapSummary.None;
        return sign | (denormal >> (_precision - 1) != 0 ? Normal(_minimum, denormal) : denormal << Unused);
    }

    /// <summary>A normal number's image without its sign; a significand that rounding carried to the next power of two has a zero fraction either way.</summary>
    private ulong Normal(int exponent, ulong significand) =>
        ((ulong)(exponent + RegisterBias) << RegisterFraction) | ((significand << Unused) & IeeeImage.Fraction);
}
