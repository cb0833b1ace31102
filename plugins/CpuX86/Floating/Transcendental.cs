namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>F2XM1, FYL2X, FYL2XP1.</summary>
/// <remarks>Source: Intel SDM vol. 1, 8.3.9 and 8.3.10, vol. 2.</remarks>
internal static class Transcendental
{
    /// <summary>The square root of 2 as a significand.</summary>
    private static readonly UInt128 RootOfTwo = new(0xB504F333F9DE6484, 0x597D89B3754ABE9F);

    /// <summary>F2XM1: 2^a - 1 for -1..1; beyond, where the manual leaves it open, a itself.</summary>
    public static Extended PowerOfTwoMinusOne(in Operand a, ref FloatingContext context)
    {
        context.Precision = 64;
        if (a.IsNan)
        {
            return ExtendedArithmetic.Nan(a, a, ref context);
        }

        if (a.Class == OperandClass.Infinity)
        {
            return a.Value.IsNegative ? Extended.One.WithSign(true) : a.ToExtended();
        }

        if (a.Class == OperandClass.Zero)
        {
            return a.ToExtended();
        }

        ExtendedArithmetic.NoteDenormal(a, a, ref context);
        if (a.Value.Exponent >= 0)
        {
            context.Raised |= FloatingFlags.Precision;
            bool isOne = a.Value.Exponent == 0 && a.Value.High == Extended.IntegerBit;
            return isOne && a.Value.IsNegative ? new Extended(Extended.IntegerBit, 0x8000 | (Extended.Bias - 1)) : a.ToExtended();
        }

        return Rounding.ToExtended(Series.ExponentialMinusOne(Wide.Of(a.Value) * Wide.Ln2).ToInexact(), ref context);
    }

    /// <summary>FYL2X: y * log2(x).</summary>
    public static Extended Logarithm(in Operand x, in Operand y, ref FloatingContext context)
    {
        context.Precision = 64;
        if (x.IsNan || y.IsNan)
        {
            return ExtendedArithmetic.Nan(x, y, ref context);
        }

        if (x.Class == OperandClass.Zero)
        {
            if (y.Class == OperandClass.Zero)
            {
                return ExtendedArithmetic.Invalid(ref context);
            }

            if (y.Class == OperandClass.Finite)
            {
                context.Raised |= FloatingFlags.ZeroDivide;
            }

            return Extended.Infinity(!y.Value.IsNegative);
        }

        if (x.Value.IsNegative)
        {
            return ExtendedArithmetic.Invalid(ref context);
        }

        bool isOne = x.Class == OperandClass.Finite && x.Value.Exponent == 0 && x.Value.High == Extended.IntegerBit;
        bool isBelow = x.Class == OperandClass.Finite && x.Value.Exponent < 0;
        if (x.Class == OperandClass.Infinity || y.Class != OperandClass.Finite || isOne)
        {
            return Simple(x, y, x.Class == OperandClass.Infinity, isOne, isBelow, ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        int exponent = x.Value.Exponent;
        if (x.Value.High == Extended.IntegerBit)
        {
            // A power of two: the logarithm is an integer. These instructions say that they round all the same.
            context.Raised |= FloatingFlags.Precision;
            return Rounding.ToExtended(ExactArithmetic.Multiply(Operand.OfInteger(exponent).Value, y.Value), ref context);
        }

        // The significand between the roots of 1/2 and 2.
        Wide significand = Wide.Of(x.Value).Scaled(-exponent);
        if (significand.Significand > RootOfTwo)
        {
            significand = significand.Scaled(-1);
            exponent++;
        }

        Wide logarithm = Series.LogarithmOfRatio((significand - Wide.One) / (significand + Wide.One)) * Wide.Log2E;
        return Rounding.ToExtended(((Wide.Of(exponent) + logarithm) * Wide.Of(y.Value)).ToInexact(), ref context);
    }

    /// <summary>FYL2XP1: y * log2(x + 1), for x from -(1 - sqrt(2)/2) to sqrt(2) - 1.</summary>
    public static Extended LogarithmOfOnePlus(in Operand x, in Operand y, ref FloatingContext context)
    {
        context.Precision = 64;
        if (x.IsNan || y.IsNan)
        {
            return ExtendedArithmetic.Nan(x, y, ref context);
        }

        if (x.Class == OperandClass.Infinity && x.Value.IsNegative)
        {
            return ExtendedArithmetic.Invalid(ref context);
        }

        bool isZero = x.Class == OperandClass.Zero;
        if (x.Class != OperandClass.Finite || y.Class != OperandClass.Finite)
        {
            if (isZero && y.Class != OperandClass.Infinity)
            {
                ExtendedArithmetic.NoteDenormal(x, y, ref context);
                return Extended.Zero(x.Value.IsNegative != y.Value.IsNegative);
            }

            return Simple(x, y, x.Class == OperandClass.Infinity, isZero, x.Value.IsNegative, ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        if (x.Value.IsNegative && x.Value.Exponent >= 0)
        {
            // Far out of the range that the manual gives a meaning.
            context.Raised |= FloatingFlags.Precision;
            return x.ToExtended();
        }

        Wide a = Wide.Of(x.Value), sum = Wide.One + a, logarithm;
        int exponent = sum.Exponent + (sum.Significand > RootOfTwo ? 1 : 0);
        if (exponent == 0)
        {
            // Here log(1 + x) keeps every bit of x.
            logarithm = Series.LogarithmOfRatio(a / (Wide.Of(2) + a)) * Wide.Log2E;
        }
        else
        {
            Wide significand = sum.Scaled(-exponent);
            logarithm = Wide.Of(exponent) + (Series.LogarithmOfRatio((significand - Wide.One) / (significand + Wide.One)) * Wide.Log2E);
        }

        return Rounding.ToExtended((logarithm * Wide.Of(y.Value)).ToInexact(), ref context);
    }

    /// <summary>y times a logarithm that is infinite or zero, or y that is infinite or zero.</summary>
    private static Extended Simple(in Operand x, in Operand y, bool isInfinite, bool isZero, bool isNegative, ref FloatingContext context)
    {
        if ((isInfinite && y.Class == OperandClass.Zero) || (isZero && y.Class == OperandClass.Infinity))
        {
            return ExtendedArithmetic.Invalid(ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        bool negative = isNegative != y.Value.IsNegative;
        return isZero || y.Class == OperandClass.Zero ? Extended.Zero(negative) : Extended.Infinity(negative);
    }
}
