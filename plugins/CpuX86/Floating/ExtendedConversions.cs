namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>Conversions between the x87's registers and other formats.</summary>
/// <remarks>Source: Intel SDM vol. 1, 4.8.3, 8.1.2; vol. 2, FIST, FISTTP, FBLD, FBSTP, FST.</remarks>
internal static class ExtendedConversions
{
    private const ulong LargestPacked = 999_999_999_999_999_999;

    /// <summary>FST m64: a register as a double.</summary>
    public static ulong ToDouble(in Operand a, ref FloatingContext context)
    {
        ulong sign = a.Value.IsNegative ? 1UL << 63 : 0;
        switch (a.Class)
        {
            case OperandClass.Zero:
                return sign;
            case OperandClass.Finite:
                return Rounding.ToDouble(a.Value, ref context);
            case OperandClass.Infinity:
                return sign | 0x7FF0_0000_0000_0000;
            default:
                Extended nan = ExtendedArithmetic.Nan(a, a, ref context);
                return (nan.IsNegative ? 1UL << 63 : 0) | 0x7FF0_0000_0000_0000 | (nan.Significand << 1 >> 12);
        }
    }

    /// <summary>FST m32: a register as a single.</summary>
    public static uint ToSingle(in Operand a, ref FloatingContext context)
    {
        uint sign = a.Value.IsNegative ? 1U << 31 : 0;
        switch (a.Class)
        {
            case OperandClass.Zero:
                return sign;
            case OperandClass.Finite:
                return Rounding.ToSingle(a.Value, ref context);
            case OperandClass.Infinity:
                return sign | 0x7F80_0000;
            default:
                Extended nan = ExtendedArithmetic.Nan(a, a, ref context);
                return (nan.IsNegative ? 1U << 31 : 0) | 0x7F80_0000 | (uint)(nan.Significand << 1 >> 41);
        }
    }

    /// <summary>FIST, FISTTP: a register as a signed integer; the most negative one where it does not fit.</summary>
    /// <param name="a">The register.</param>
    /// <param name="bits">16, 32 or 64.</param>
    /// <param name="context">The rounding, and what is raised.</param>
    public static ulong ToInteger(in Operand a, int bits, ref FloatingContext context)
    {
        ulong indefinite = 1UL << (bits - 1);
        if (a.Class == OperandClass.Zero)
        {
            return 0;
        }

        if (a.Class != OperandClass.Finite
            || !Rounding.ToInteger(a.Value, context.Rounding, out ulong magnitude, out bool isInexact, out bool isUp)
            || magnitude > (a.Value.IsNegative ? indefinite : indefinite - 1))
        {
            context.Raised |= FloatingFlags.Invalid;
            return indefinite;
        }

        Note(isInexact, isUp, ref context);
        return a.Value.IsNegative ? 0 - magnitude : magnitude;
    }

    /// <summary>FBSTP: a register as 18 packed decimal digits and a sign.</summary>
    /// <param name="a">The register.</param>
    /// <param name="context">The rounding, and what is raised.</param>
    /// <param name="high">Digits 16 and 17, and the sign in bit 15.</param>
    /// <returns>Digits 0 to 15.</returns>
    public static ulong ToPackedDecimal(in Operand a, ref FloatingContext context, out ushort high)
    {
        ushort sign = a.Value.IsNegative ? (ushort)0x8000 : (ushort)0;
        high = sign;
        if (a.Class == OperandClass.Zero)
        {
            return 0;
        }

        if (a.Class != OperandClass.Finite
            || !Rounding.ToInteger(a.Value, context.Rounding, out ulong magnitude, out bool isInexact, out bool isUp)
            || magnitude > LargestPacked)
        {
            // Packed BCD integer indefinite.
            context.Raised |= FloatingFlags.Invalid;
            high = 0xFFFF;
            return 0xC000_0000_0000_0000;
        }

        Note(isInexact, isUp, ref context);
        ulong digits = 0;
        for (int i = 0; i < 64; i += 4)
        {
            (magnitude, ulong digit) = Math.DivRem(magnitude, 10);
            digits |= digit << i;
        }

        high |= (ushort)((magnitude / 10 << 4) | (magnitude % 10));
        return digits;
    }

    /// <summary>FBLD: 18 packed decimal digits and a sign as a number.</summary>
    public static Extended OfPackedDecimal(ulong low, ushort high)
    {
        ulong magnitude = 0;
        for (int i = 4; i >= 0; i -= 4)
        {
            magnitude = (magnitude * 10) + (uint)((high >> i) & 15);
        }

        for (int i = 60; i >= 0; i -= 4)
        {
            magnitude = (magnitude * 10) + ((low >> i) & 15);
        }

        bool negative = (high & 0x8000) != 0;
        return Operand.OfInteger((long)magnitude).ToExtended().WithSign(negative);
    }

    private static void Note(bool isInexact, bool isUp, ref FloatingContext context)
    {
        if (isInexact)
        {
            context.Raised |= FloatingFlags.Precision;
            context.RoundedUp = isUp;
        }
    }
}
