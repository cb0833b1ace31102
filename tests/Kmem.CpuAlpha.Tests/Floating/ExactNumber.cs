using System.Numerics;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.CpuAlpha.Tests.Floating;

/// <summary>A fraction of big integers: arithmetic that owes nothing to the CPU's, to judge it by.</summary>
/// <param name="Numerator">Numerator, with the sign.</param>
/// <param name="Denominator">Denominator, positive.</param>
/// <param name="IsMore">Whether the number is a little larger in magnitude than the fraction, as an irrational root is.</param>
internal readonly record struct ExactNumber(BigInteger Numerator, BigInteger Denominator, bool IsMore = false)
{
    public bool IsZero => Numerator.IsZero;

    public bool IsNegative => Numerator.Sign < 0;

    public static ExactNumber FromInteger(long value) => new(value, 1);

    /// <summary>significand * 2^exponent.</summary>
    public static ExactNumber FromBinary(bool negative, BigInteger significand, int exponent)
    {
        BigInteger n = negative ? -significand : significand;
        return exponent >= 0 ? new ExactNumber(n << exponent, 1) : new ExactNumber(n, BigInteger.One << -exponent);
    }

    public static ExactNumber operator +(ExactNumber a, ExactNumber b) => new((a.Numerator * b.Denominator) + (b.Numerator * a.Denominator), a.Denominator * b.Denominator);

    public static ExactNumber operator -(ExactNumber a, ExactNumber b) => a + new ExactNumber(-b.Numerator, b.Denominator);

    public static ExactNumber operator *(ExactNumber a, ExactNumber b) => new(a.Numerator * b.Numerator, a.Denominator * b.Denominator);

    public static ExactNumber operator /(ExactNumber a, ExactNumber b)
    {
        BigInteger n = a.Numerator * b.Denominator, d = a.Denominator * b.Numerator;
        return d.Sign < 0 ? new ExactNumber(-n, -d) : new ExactNumber(n, d);
    }

    /// <summary>The root of a positive number to 200 bits and more.</summary>
    public ExactNumber SquareRoot()
    {
        // sqrt(n/d) = sqrt(n*d)/d.
        const int Scale = 2600;
        BigInteger square = (Numerator * Denominator) << (2 * Scale), root = IntegerRoot(square);
        return new ExactNumber(root, Denominator << Scale, root * root != square);
    }

    public static int Compare(ExactNumber a, ExactNumber b) => (a - b).Numerator.Sign;

    /// <summary>The magnitude rounded to so many significant bits, or to a multiple of 2^<paramref name="least"/> where that is coarser.</summary>
    /// <returns>An integer and the power of two that it is to be multiplied by.</returns>
    public (BigInteger Significand, int Exponent, bool Inexact) Round(int precision, int least, RoundingMode mode)
    {
        BigInteger n = BigInteger.Abs(Numerator), d = Denominator;
        int exponent = Math.Max(least, (int)((long)n.GetBitLength() - (long)d.GetBitLength() - precision - 1));
        while (true)
        {
            (BigInteger sn, BigInteger sd) = exponent >= 0 ? (n, d << exponent) : (n << -exponent, d);
            BigInteger quotient = BigInteger.DivRem(sn, sd, out BigInteger rest);
            if ((long)quotient.GetBitLength() > precision)
            {
                exponent++;
                continue;
            }

            bool inexact = !rest.IsZero || IsMore;
            int half = (rest * 2).CompareTo(sd) is var c and not 0 ? c : IsMore ? 1 : 0;
            bool up = inexact && mode switch
            {
                RoundingMode.Nearest => half > 0 || (half == 0 && !quotient.IsEven),
                RoundingMode.NearestAway => half >= 0,
                RoundingMode.MinusInfinity => IsNegative,
                RoundingMode.PlusInfinity => !IsNegative,
                _ => false,
            };
            return (up ? quotient + 1 : quotient, exponent, inexact);
        }
    }

    private static BigInteger IntegerRoot(BigInteger value)
    {
        BigInteger root = BigInteger.One << (int)((value.GetBitLength() + 1) / 2);
        while (true)
        {
            BigInteger next = (root + (value / root)) >> 1;
            if (next >= root)
            {
                return root;
            }

            root = next;
        }
    }
}
