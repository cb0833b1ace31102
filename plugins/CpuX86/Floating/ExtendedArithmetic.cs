namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>The x87's basic arithmetic on operands taken apart.</summary>
/// <remarks>Source: Intel SDM vol. 1, 4.8.3.5 (NaNs), 4.9.1, 8.5. Where the context refuses the operation, the result means nothing.</remarks>
internal static class ExtendedArithmetic
{
    /// <summary>a + b, or a - b.</summary>
    public static Extended Add(in Operand a, in Operand b, bool subtract, ref FloatingContext context)
    {
        if (a.IsNan || b.IsNan)
        {
            return Nan(a, b, ref context);
        }

        bool negativeB = b.Value.IsNegative != subtract;
        if (a.Class == OperandClass.Infinity || b.Class == OperandClass.Infinity)
        {
            if (a.Class == b.Class && a.Value.IsNegative != negativeB)
            {
                return Invalid(ref context);
            }

            NoteDenormal(a, b, ref context);
            return Extended.Infinity(a.Class == OperandClass.Infinity ? a.Value.IsNegative : negativeB);
        }

        NoteDenormal(a, b, ref context);
        Number other = b.Value;
        other.IsNegative = negativeB;
        if (b.Class == OperandClass.Zero)
        {
            return a.Class == OperandClass.Zero
                ? Extended.Zero(a.Value.IsNegative == negativeB ? negativeB : context.Rounding == RoundingControl.Down)
                : Rounding.ToExtended(a.Value, ref context);
        }

        if (a.Class == OperandClass.Zero)
        {
            return Rounding.ToExtended(other, ref context);
        }

        return ExactArithmetic.Add(a.Value, other, out Number sum) ? Rounding.ToExtended(sum, ref context) : Extended.Zero(context.Rounding == RoundingControl.Down);
    }

    /// <summary>a * b.</summary>
    public static Extended Multiply(in Operand a, in Operand b, ref FloatingContext context)
    {
        if (a.IsNan || b.IsNan)
        {
            return Nan(a, b, ref context);
        }

        bool negative = a.Value.IsNegative != b.Value.IsNegative;
        bool isZero = a.Class == OperandClass.Zero || b.Class == OperandClass.Zero;
        if (a.Class == OperandClass.Infinity || b.Class == OperandClass.Infinity)
        {
            if (isZero)
            {
                return Invalid(ref context);
            }

            NoteDenormal(a, b, ref context);
            return Extended.Infinity(negative);
        }

        NoteDenormal(a, b, ref context);
        return isZero ? Extended.Zero(negative) : Rounding.ToExtended(ExactArithmetic.Multiply(a.Value, b.Value), ref context);
    }

    /// <summary>a / b.</summary>
    public static Extended Divide(in Operand a, in Operand b, ref FloatingContext context)
    {
        if (a.IsNan || b.IsNan)
        {
            return Nan(a, b, ref context);
        }

        bool negative = a.Value.IsNegative != b.Value.IsNegative;
        if (a.Class == b.Class && a.Class != OperandClass.Finite)
        {
            return Invalid(ref context);
        }

        if (b.Class == OperandClass.Zero)
        {
            if (a.Class == OperandClass.Finite)
            {
                context.Raised |= FloatingFlags.ZeroDivide;
            }

            return Extended.Infinity(negative);
        }

        NoteDenormal(a, b, ref context);
        return a.Class == OperandClass.Infinity ? Extended.Infinity(negative)
            : a.Class == OperandClass.Zero || b.Class == OperandClass.Infinity ? Extended.Zero(negative)
            : Rounding.ToExtended(ExactArithmetic.Divide(a.Value, b.Value), ref context);
    }

    /// <summary>The square root of a.</summary>
    public static Extended SquareRoot(in Operand a, ref FloatingContext context)
    {
        if (a.IsNan)
        {
            return Nan(a, a, ref context);
        }

        if (a.Class == OperandClass.Zero)
        {
            return a.ToExtended();
        }

        if (a.Value.IsNegative)
        {
            return Invalid(ref context);
        }

        NoteDenormal(a, a, ref context);
        return a.Class == OperandClass.Infinity ? Extended.Infinity(negative: false) : Rounding.ToExtended(ExactArithmetic.SquareRoot(a.Value), ref context);
    }

    /// <summary>FRNDINT: a as an integer of the same format.</summary>
    public static Extended RoundToInteger(in Operand a, ref FloatingContext context)
    {
        if (a.IsNan)
        {
            return Nan(a, a, ref context);
        }

        if (a.Class != OperandClass.Finite)
        {
            return a.ToExtended();
        }

        NoteDenormal(a, a, ref context);
        if (a.Value.Exponent >= 63)
        {
            return a.ToExtended();
        }

        Rounding.ToInteger(a.Value, context.Rounding, out ulong magnitude, out bool isInexact, out bool isUp);
        if (isInexact)
        {
            context.Raised |= FloatingFlags.Precision;
            context.RoundedUp = isUp;
        }

        if (magnitude == 0)
        {
            return Extended.Zero(a.Value.IsNegative);
        }

        var integer = new Number(a.Value.IsNegative, 63, magnitude);
        integer.Normalize();
        return new Extended(integer.High, (ushort)((integer.Exponent + Extended.Bias) | (integer.IsNegative ? 0x8000 : 0)));
    }

    /// <summary>FSCALE: a * 2^trunc(b).</summary>
    public static Extended Scale(in Operand a, in Operand b, ref FloatingContext context)
    {
        if (a.IsNan || b.IsNan)
        {
            return Nan(a, b, ref context);
        }

        bool negative = a.Value.IsNegative;
        if (b.Class == OperandClass.Infinity)
        {
            if (b.Value.IsNegative ? a.Class == OperandClass.Infinity : a.Class == OperandClass.Zero)
            {
                return Invalid(ref context);
            }

            NoteDenormal(a, a, ref context);
            return b.Value.IsNegative ? Extended.Zero(negative) : Extended.Infinity(negative);
        }

        NoteDenormal(a, b, ref context);
        if (a.Class != OperandClass.Finite)
        {
            return a.ToExtended();
        }

        Number n = a.Value;
        if (b.Class == OperandClass.Finite && b.Value.Exponent >= 0)
        {
            // Beyond 2^16 every scale overflows or underflows, wrapped or not.
            int scale = b.Value.Exponent >= 17 ? 1 << 17 : (int)(b.Value.High >> (63 - b.Value.Exponent));
            n.Exponent += b.Value.IsNegative ? -scale : scale;
        }

        // FSCALE is not subject to precision control.
        context.Precision = 64;
        return Rounding.ToExtended(n, ref context);
    }

    /// <summary>FXTRACT: the exponent of a as a number, and a with exponent 0.</summary>
    public static Extended Extract(in Operand a, ref FloatingContext context, out Extended significand)
    {
        if (a.IsNan)
        {
            return significand = Nan(a, a, ref context);
        }

        significand = a.ToExtended();
        if (a.Class == OperandClass.Infinity)
        {
            return Extended.Infinity(negative: false);
        }

        if (a.Class == OperandClass.Zero)
        {
            context.Raised |= FloatingFlags.ZeroDivide;
            return Extended.Infinity(negative: true);
        }

        NoteDenormal(a, a, ref context);
        significand = new Extended(a.Value.High, (ushort)(Extended.Bias | (a.Value.IsNegative ? 0x8000 : 0)));
        return Operand.OfInteger(a.Value.Exponent).ToExtended();
    }

    /// <summary>The NaN that an operation on NaNs gives: a quiet one goes before a signaling one, then the larger significand, then the positive one.</summary>
    public static Extended Nan(in Operand a, in Operand b, ref FloatingContext context)
    {
        if (a.Class == OperandClass.Unsupported || b.Class == OperandClass.Unsupported)
        {
            return Invalid(ref context);
        }

        if (a.Class == OperandClass.SignalingNan || b.Class == OperandClass.SignalingNan)
        {
            context.Raised |= FloatingFlags.Invalid;
        }

        if (!b.IsNan || !a.IsNan)
        {
            return (a.IsNan ? a : b).Image.Quieted();
        }

        if (a.Class != b.Class)
        {
            return (a.Class == OperandClass.QuietNan ? a : b).Image;
        }

        ulong left = a.Image.Significand, right = b.Image.Significand;
        return (left > right || (left == right && !a.Value.IsNegative) ? a : b).Image.Quieted();
    }

    /// <summary>The masked response to an invalid operation.</summary>
    public static Extended Invalid(ref FloatingContext context)
    {
        context.Raised |= FloatingFlags.Invalid;
        return Extended.Indefinite;
    }

    /// <summary>Raises the denormal-operand exception where there is one.</summary>
    public static void NoteDenormal(in Operand a, in Operand b, ref FloatingContext context)
    {
        if (a.IsDenormal || b.IsDenormal)
        {
            context.Raised |= FloatingFlags.Denormal;
        }
    }
}
