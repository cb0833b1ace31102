using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Conversions of one lane.</summary>
/// <remarks>Source: Intel SDM vol. 1, 4.8.3, 11.5.2; vol. 2, CVTxxx.</remarks>
internal static class LaneConversions
{
    /// <summary>A single as a double.</summary>
    public static ulong ToDouble(uint a, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble: false, context);
        if (x.IsNan)
        {
            context.Raised |= x.Class == OperandClass.SignalingNan ? FloatingFlags.Invalid : 0;
            return ((ulong)(a >> 31) << 63) | 0x7FF8_0000_0000_0000 | ((ulong)(a & 0x3F_FFFF) << 29);
        }

        ExtendedArithmetic.NoteDenormal(x, x, ref context);
        return x.Class == OperandClass.Zero ? LaneFormat.Zero(x.Value.IsNegative, isDouble: true)
            : x.Class == OperandClass.Infinity ? LaneFormat.Infinity(x.Value.IsNegative, isDouble: true)
            : Rounding.ToDouble(x.Value, ref context);
    }

    /// <summary>A double as a single.</summary>
    public static uint ToSingle(ulong a, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble: true, context);
        if (x.IsNan)
        {
            context.Raised |= x.Class == OperandClass.SignalingNan ? FloatingFlags.Invalid : 0;
            return ((uint)(a >> 63) << 31) | 0x7FC0_0000 | ((uint)(a >> 29) & 0x3F_FFFF);
        }

        ExtendedArithmetic.NoteDenormal(x, x, ref context);
        return x.Class == OperandClass.Zero ? (uint)LaneFormat.Zero(x.Value.IsNegative, isDouble: false)
            : x.Class == OperandClass.Infinity ? (uint)LaneFormat.Infinity(x.Value.IsNegative, isDouble: false)
            : Rounding.ToSingle(x.Value, ref context);
    }

    /// <summary>A lane as a signed integer; the most negative one where it does not fit.</summary>
    /// <param name="a">The lane.</param>
    /// <param name="isDouble">Whether it is a double.</param>
    /// <param name="bits">32 or 64.</param>
    /// <param name="truncates">Whether it is rounded towards zero; else as MXCSR says.</param>
    /// <param name="context">What is raised.</param>
    public static ulong ToInteger(ulong a, bool isDouble, int bits, bool truncates, ref FloatingContext context)
    {
        Operand x = LaneFormat.Take(a, isDouble, context);
        RoundingControl mode = context.Rounding;
        context.Rounding = truncates ? RoundingControl.Zero : mode;
        ulong integer = ExtendedConversions.ToInteger(x, bits, ref context);
        context.Rounding = mode;
        return bits == 32 ? (uint)integer : integer;
    }

    /// <summary>A signed integer as a lane.</summary>
    public static ulong FromInteger(long a, bool isDouble, ref FloatingContext context)
    {
        Operand x = Operand.OfInteger(a);
        return x.Class == OperandClass.Zero ? 0 : LaneFormat.Round(x.Value, isDouble, ref context);
    }

    /// <summary>RCPPS: 1/a to 13 bits, by a table of the first 11 bits of the fraction.</summary>
    /// <remarks>The manual gives an error of 1.5 * 2^-12 and no table. Ours: the reciprocal of the middle of each step, rounded.</remarks>
    public static uint Reciprocal(uint a)
    {
        uint sign = a & 0x8000_0000, exponent = (a >> 23) & 0xFF;
        if (exponent == 0xFF)
        {
            return a << 9 == 0 ? sign : a | 0x40_0000;
        }

        if (exponent == 0)
        {
            return sign | 0x7F80_0000;
        }

        // The middle of a step is m = (4097 + 2 index) / 4096, below 2; 2^13 / m lies between 2^12 and 2^13.
        ulong middle = 4097 + (2 * ((a >> 12) & 0x7FF));
        ulong digits = ((1UL << 25) + (middle / 2)) / middle;
        int result = 253 - (int)exponent;
        return result <= 0 ? sign : sign | ((uint)result << 23) | ((uint)(digits - 4096) << 11);
    }

    /// <summary>RSQRTPS: 1/sqrt(a) to 13 bits, by a table of the exponent's last bit and the first 11 bits of the fraction.</summary>
    /// <remarks>As for <see cref="Reciprocal"/>.</remarks>
    public static uint ReciprocalRoot(uint a)
    {
        uint sign = a & 0x8000_0000, exponent = (a >> 23) & 0xFF;
        if (exponent == 0xFF && a << 9 != 0)
        {
            return a | 0x40_0000;
        }

        if (exponent == 0)
        {
            return sign | 0x7F80_0000;
        }

        if (sign != 0)
        {
            return 0xFFC0_0000;
        }

        if (exponent == 0xFF)
        {
            return 0;
        }

        // With an odd distance from the bias the number is twice as large and the exponent one less.
        bool isOdd = ((exponent - 127) & 1) != 0;
        ulong middle = (4097 + (2 * ((a >> 12) & 0x7FF))) << (isOdd ? 1 : 0);
        ulong twice = (ulong)Math.Sqrt((1UL << 40) / middle);
        ulong digits = (twice + 1) >> 1;
        uint result = (uint)(126 - (((int)exponent - 127 - (isOdd ? 1 : 0)) / 2));
        return digits >= 8192 ? (result + 1) << 23 : (result << 23) | ((uint)(digits - 4096) << 11);
    }
}
