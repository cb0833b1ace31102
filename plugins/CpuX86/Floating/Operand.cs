using System.Numerics;

namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>What kind of datum an operand is.</summary>
internal enum OperandClass
{
    /// <summary>A zero.</summary>
    Zero,

    /// <summary>A finite number other than zero.</summary>
    Finite,

    /// <summary>An infinity.</summary>
    Infinity,

    /// <summary>A NaN that propagates.</summary>
    QuietNan,

    /// <summary>A NaN that raises the invalid-operation exception.</summary>
    SignalingNan,

    /// <summary>An extended datum that no operation accepts: pseudo-NaN, pseudo-infinity, unnormal.</summary>
    Unsupported,
}

/// <summary>An operand taken apart: its class and, where it is finite, the number.</summary>
internal struct Operand
{
    /// <summary>Its class.</summary>
    public OperandClass Class;

    /// <summary>Whether it was a denormal of its format.</summary>
    public bool IsDenormal;

    /// <summary>The number; of every class the sign, of finite ones all.</summary>
    public Number Value;

    /// <summary>A NaN as the x87 sees it: an extended datum, not made quiet.</summary>
    public Extended Image;

    /// <summary>Whether it is a NaN or not supported.</summary>
    public readonly bool IsNan => Class >= OperandClass.QuietNan;

    /// <summary>Takes an extended datum apart.</summary>
    public static Operand Of(Extended x)
    {
        int exponent = x.Exponent;
        var operand = new Operand { Image = x, Value = new Number(x.IsNegative, exponent - Extended.Bias, x.Significand) };
        if (exponent == 0)
        {
            if (x.Significand == 0)
            {
                return operand;
            }

            (operand.Class, operand.IsDenormal) = (OperandClass.Finite, true);
            operand.Value.Exponent = 1 - Extended.Bias;
            operand.Value.Normalize();
            return operand;
        }

        if ((x.Significand & Extended.IntegerBit) == 0)
        {
            operand.Class = OperandClass.Unsupported;
        }
        else if (exponent != Extended.MaximumExponent)
        {
            operand.Class = OperandClass.Finite;
        }
        else
        {
            operand.Class = x.Significand == Extended.IntegerBit ? OperandClass.Infinity
                : (x.Significand & Extended.QuietBit) != 0 ? OperandClass.QuietNan : OperandClass.SignalingNan;
        }

        return operand;
    }

    /// <summary>Takes a double apart.</summary>
    public static Operand OfDouble(ulong x) => Of(x >> 63 != 0, (int)(x >> 52) & 0x7FF, x << 12 >> 1, 0x7FF, 1023);

    /// <summary>Takes a single apart.</summary>
    public static Operand OfSingle(uint x) => Of(x >> 31 != 0, (int)(x >> 23) & 0xFF, (ulong)x << 41 >> 1, 0xFF, 127);

    /// <summary>A signed integer.</summary>
    public static Operand OfInteger(long x)
    {
        var operand = new Operand { Class = x == 0 ? OperandClass.Zero : OperandClass.Finite, Value = new Number(x < 0, 63, x < 0 ? 0 - (ulong)x : (ulong)x) };
        if (x != 0)
        {
            operand.Value.Normalize();
        }

        return operand;
    }

    /// <summary>The datum as an extended one; a NaN stays as it is.</summary>
    public readonly Extended ToExtended() => Class switch
    {
        OperandClass.Zero => Extended.Zero(Value.IsNegative),
        OperandClass.Finite => new Extended(Value.High, (ushort)((Value.Exponent + Extended.Bias) | (Value.IsNegative ? 0x8000 : 0))),
        OperandClass.Infinity => Extended.Infinity(Value.IsNegative),
        _ => Image,
    };

    private static Operand Of(bool negative, int exponent, ulong fraction, int maximum, int bias)
    {
        var operand = new Operand { Value = new Number(negative, exponent - bias, fraction | Extended.IntegerBit) };
        if (exponent == maximum)
        {
            operand.Class = fraction == 0 ? OperandClass.Infinity : (fraction & Extended.QuietBit) != 0 ? OperandClass.QuietNan : OperandClass.SignalingNan;
            operand.Image = new Extended(fraction | Extended.IntegerBit, negative ? (ushort)0xFFFF : (ushort)0x7FFF);
        }
        else if (exponent != 0)
        {
            operand.Class = OperandClass.Finite;
        }
        else if (fraction != 0)
        {
            (operand.Class, operand.IsDenormal) = (OperandClass.Finite, true);
            operand.Value = new Number(negative, 1 - bias, fraction);
            operand.Value.Normalize();
        }

        return operand;
    }
}

/// <summary>A finite number: High.Low times 2^(Exponent - 63), with bit 63 of High set; the last bit of Low stands for all that follows.</summary>
/// <param name="negative">Whether it is negative.</param>
/// <param name="exponent">The exponent of High's first bit.</param>
/// <param name="high">The significand's first 64 bits.</param>
/// <param name="low">The bits that follow.</param>
internal struct Number(bool negative, int exponent, ulong high, ulong low = 0)
{
    /// <summary>Whether it is negative.</summary>
    public bool IsNegative = negative;

    /// <summary>The exponent of High's first bit.</summary>
    public int Exponent = exponent;

    /// <summary>The significand's first 64 bits.</summary>
    public ulong High = high;

    /// <summary>The bits that follow.</summary>
    public ulong Low = low;

    /// <summary>Moves the first bit that is set to its place; there must be one.</summary>
    public void Normalize()
    {
        if (High == 0)
        {
            (High, Low) = (Low, 0);
            Exponent -= 64;
        }

        int shift = BitOperations.LeadingZeroCount(High);
        if (shift != 0)
        {
            High = (High << shift) | (Low >> (64 - shift));
            Low <<= shift;
            Exponent -= shift;
        }
    }

    /// <summary>Moves the significand right; what falls out is kept in the last bit.</summary>
    public void ShiftRight(int shift)
    {
        Exponent += shift;
        if (shift >= 128)
        {
            (High, Low) = (0, (High | Low) != 0 ? 1UL : 0);
        }
        else if (shift >= 64)
        {
            bool lost = Low != 0 || (shift > 64 && High << (128 - shift) != 0);
            (High, Low) = (0, (shift == 64 ? High : High >> (shift - 64)) | (lost ? 1UL : 0));
        }
        else if (shift != 0)
        {
            bool lost = Low << (64 - shift) != 0;
            Low = (Low >> shift) | (High << (64 - shift)) | (lost ? 1UL : 0);
            High >>= shift;
        }
    }
}
