namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>FSIN, FCOS, FPTAN, FPATAN.</summary>
/// <remarks>Source: Intel SDM vol. 1, 8.3.8 (the value of pi that arguments are reduced with, 66 bits) and 8.3.10, vol. 2. The reduced argument's function is good to less than one unit of the last place.</remarks>
internal static class Trigonometry
{
    /// <summary>Below 2^this, x and its sine differ by less than any rounding shows.</summary>
    private const int Tiny = -68;

    /// <summary>The manual's pi / 2, in units of 2^-65.</summary>
    private static readonly UInt128 RightAngle = new(3, 0x243F6A8885A308D3);

    /// <summary>Whether FSIN and its kin leave an operand alone and set C2: its magnitude is 2^63 or more.</summary>
    public static bool IsOutOfRange(in Operand a) => a.Class == OperandClass.Finite && a.Value.Exponent >= 63;

    /// <summary>FSIN.</summary>
    public static Extended Sine(in Operand a, ref FloatingContext context) => Compute(a, ref context, isSine: true);

    /// <summary>FCOS.</summary>
    public static Extended Cosine(in Operand a, ref FloatingContext context) => Compute(a, ref context, isSine: false);

    /// <summary>FPTAN without the 1.0 that it pushes.</summary>
    public static Extended Tangent(in Operand a, ref FloatingContext context)
    {
        context.Precision = 64;
        if (Special(a, ref context, out Extended special))
        {
            return special;
        }

        if (a.Class == OperandClass.Zero)
        {
            return a.ToExtended();
        }

        if (a.Value.Exponent < Tiny)
        {
            return Rounding.ToExtended(new Number(a.Value.IsNegative, a.Value.Exponent, a.Value.High, 1), ref context);
        }

        Wide x = Reduce(a.Value, out int quadrant);
        Wide sine = Series.Sine(x), cosine = Series.Cosine(x);
        Wide result = (quadrant & 1) == 0 ? sine / cosine : -(cosine / sine);
        return Rounding.ToExtended(result.ToInexact(), ref context);
    }

    /// <summary>FPATAN: the angle of the point (x, y).</summary>
    /// <param name="x">ST(0).</param>
    /// <param name="y">ST(1).</param>
    /// <param name="context">The rounding, and what is raised.</param>
    public static Extended ArcTangent(in Operand x, in Operand y, ref FloatingContext context)
    {
        context.Precision = 64;
        if (x.IsNan || y.IsNan)
        {
            return ExtendedArithmetic.Nan(x, y, ref context);
        }

        ExtendedArithmetic.NoteDenormal(x, y, ref context);
        bool negative = y.Value.IsNegative;
        if (y.Class == OperandClass.Zero || (x.Class == OperandClass.Infinity && y.Class == OperandClass.Finite))
        {
            return x.Value.IsNegative ? Angle(Wide.Pi, negative, ref context) : Extended.Zero(negative);
        }

        if (x.Class == OperandClass.Infinity)
        {
            return Angle(x.Value.IsNegative ? (Wide.Of(3) * Wide.Pi).Scaled(-2) : Wide.Pi.Scaled(-2), negative, ref context);
        }

        if (y.Class == OperandClass.Infinity || x.Class == OperandClass.Zero)
        {
            return Angle(Wide.Pi.Scaled(-1), negative, ref context);
        }

        Wide across = Wide.Of(x.Value).Magnitude(), up = Wide.Of(y.Value).Magnitude();
        bool isSteep = up.Exponent > across.Exponent || (up.Exponent == across.Exponent && up.Significand > across.Significand);
        int distance = Math.Abs(up.Exponent - across.Exponent);
        Wide ratio = isSteep ? across / up : up / across;
        if (!isSteep && !x.Value.IsNegative && distance > -Tiny)
        {
            // The quotient itself, a little smaller.
            Number quotient = ExactArithmetic.Divide(y.Value, x.Value);
            return Rounding.ToExtended(Smaller(quotient), ref context);
        }

        Wide angle = Series.ArcTangent(ratio);
        angle = isSteep ? Wide.Pi.Scaled(-1) - angle : angle;
        return Angle(x.Value.IsNegative ? Wide.Pi - angle : angle, negative, ref context);
    }

    private static Extended Angle(Wide angle, bool negative, ref FloatingContext context) =>
        Rounding.ToExtended((negative ? -angle : angle).ToInexact(), ref context);

    private static Extended Compute(in Operand a, ref FloatingContext context, bool isSine)
    {
        context.Precision = 64;
        if (Special(a, ref context, out Extended special))
        {
            return special;
        }

        if (a.Class == OperandClass.Zero)
        {
            return isSine ? a.ToExtended() : Extended.One;
        }

        if (a.Value.Exponent < Tiny)
        {
            return Rounding.ToExtended(Smaller(isSine ? a.Value : new Number(false, 0, Extended.IntegerBit)), ref context);
        }

        Wide x = Reduce(a.Value, out int quadrant);
        quadrant += isSine ? 0 : 1;
        Wide result = (quadrant & 1) == 0 ? Series.Sine(x) : Series.Cosine(x);
        return Rounding.ToExtended(((quadrant & 2) != 0 ? -result : result).ToInexact(), ref context);
    }

    private static bool Special(in Operand a, ref FloatingContext context, out Extended result)
    {
        if (a.IsNan)
        {
            result = ExtendedArithmetic.Nan(a, a, ref context);
            return true;
        }

        if (a.Class == OperandClass.Infinity)
        {
            result = ExtendedArithmetic.Invalid(ref context);
            return true;
        }

        ExtendedArithmetic.NoteDenormal(a, a, ref context);
        result = default;
        return false;
    }

    /// <summary>The number less a bit that no precision shows.</summary>
    private static Number Smaller(Number n)
    {
        (n.High, n.Low) = n.Low == 0 ? (n.High - 1, ulong.MaxValue) : (n.High, n.Low - 1);
        n.Low |= 1;
        n.Normalize();
        return n;
    }

    /// <summary>Brings an argument to -pi/4..pi/4.</summary>
    /// <param name="n">Below 2^63.</param>
    /// <param name="quadrant">How many right angles have been taken away, modulo 4.</param>
    private static Wide Reduce(in Number n, out int quadrant)
    {
        quadrant = 0;
        if (n.Exponent < -1)
        {
            return Wide.Of(n);
        }

        // In units of 2^-65 both are integers.
        (UInt128 turns, UInt128 rest) = UInt128.DivRem((UInt128)n.High << (n.Exponent + 2), RightAngle);
        quadrant = (int)turns & 3;
        bool negative = n.IsNegative;
        if (rest > RightAngle >> 1)
        {
            (rest, quadrant, negative) = (RightAngle - rest, quadrant + 1, !negative);
        }

        quadrant = n.IsNegative ? -quadrant & 3 : quadrant;
        return Wide.Normal(negative, 127 - 65, rest);
    }
}
