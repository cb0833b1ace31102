namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>A VAX format as it stands in a register, and the packing of results into it.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 2.2.5.1 "F_floating", 2.2.5.2 "G_floating" and 2.2.5.3 "D_floating".
/// A register holds an F number as the G number of the same value.</remarks>
internal sealed class VaxFormat
{
    /// <summary>F: 24 significant bits, 8 bits of exponent.</summary>
    public static readonly VaxFormat F = new(24, 52, 1025, -128, 126);

    /// <summary>G: 53 significant bits, 11 bits of exponent.</summary>
    public static readonly VaxFormat G = new(53, 52, 1025, -1024, 1022);

    /// <summary>D: 56 significant bits, 8 bits of exponent; only converted from and to.</summary>
    public static readonly VaxFormat D = new(56, 55, 129, -128, 126);

    /// <summary>The image without meaning: sign one, exponent zero.</summary>
    public const ulong ReservedOperand = 1UL << 63;

    private readonly int _precision;
    private readonly int _fraction;
    private readonly int _bias;
    private readonly int _minimum;
    private readonly int _maximum;

    private VaxFormat(int precision, int fraction, int bias, int minimum, int maximum)
    {
        (_precision, _fraction, _bias, _minimum, _maximum) = (precision, fraction, bias, minimum, maximum);
    }

    private ulong ExponentMask => ulong.MaxValue >> 1 >> _fraction;

    /// <summary>Whether an image is a number: not a reserved operand, and not a zero with a fraction ("dirty").</summary>
    /// <param name="image">The register.</param>
    public bool IsNumber(ulong image) => image == 0 || ((image >> _fraction) & ExponentMask) != 0;

    /// <summary>The number in an image.</summary>
    /// <param name="image">The register; a number.</param>
    public Unpacked Unpack(ulong image)
    {
        int exponent = (int)((image >> _fraction) & ExponentMask);
        return exponent == 0
            ? default
            : new Unpacked((long)image < 0, exponent - _bias, (1UL << 63) | (image << (63 - _fraction)));
    }

    /// <summary>The register image of a number, rounded. An overflow gives the reserved operand, an underflow gives zero.</summary>
    /// <param name="number">The number.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="raised">Overflow or underflow; VAX instructions have no inexact exception.</param>
    public ulong Pack(in Unpacked number, RoundingMode mode, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        if (number.IsZero)
        {
            return 0;
        }

        ulong rounded = Rounding.Drop(number.Significand, 64 - _precision, mode, number.Negative, out _);
        int exponent = number.Exponent + (rounded >> _precision != 0 ? 1 : 0);
        if (exponent > _maximum)
        {
            raised = TrapSummary.Overflow;
            return ReservedOperand;
        }

        if (exponent < _minimum)
        {
            raised = TrapSummary.Underflow;
            return 0;
        }

        ulong fraction = (rounded << (_fraction + 1 - _precision)) & ((1UL << _fraction) - 1);
        return (number.Negative ? 1UL << 63 : 0) | ((ulong)(exponent + _bias) << _fraction) | fraction;
    }
}
