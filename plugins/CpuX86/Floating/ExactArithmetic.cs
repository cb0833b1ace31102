using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>Arithmetic on finite numbers other than zero; results have enough bits for any rounding.</summary>
internal static class ExactArithmetic
{
    /// <summary>a + b.</summary>
    /// <returns>Whether the sum is other than zero.</returns>
    public static bool Add(in Number a, in Number b, out Number sum)
    {
        Number large = a, small = b;
        if (a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.High < b.High))
        {
            (large, small) = (b, a);
        }

        small.ShiftRight(large.Exponent - small.Exponent);
        sum = large;
        if (large.IsNegative == small.IsNegative)
        {
            sum.Low = large.Low + small.Low;
            sum.High = large.High + small.High + (sum.Low < small.Low ? 1UL : 0);
            if (sum.High < large.High)
            {
                sum.ShiftRight(1);
                sum.High |= Extended.IntegerBit;
            }

            return true;
        }

        sum.Low = large.Low - small.Low;
        sum.High = large.High - small.High - (large.Low < small.Low ? 1UL : 0);
        if ((sum.High | sum.Low) == 0)
        {
            return false;
        }

        sum.Normalize();
        return true;
    }

    /// <summary>a * b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Number Multiply(in Number a, in Number b)
    {
        ulong high = Math.BigMul(a.High, b.High, out ulong low);
        var product = new Number(a.IsNegative != b.IsNegative, a.Exponent + b.Exponent + 1, high, low);
        if ((high & Extended.IntegerBit) == 0)
        {
            product.High = (high << 1) | (low >> 63);
            product.Low = low << 1;
            product.Exponent--;
        }

        return product;
    }

    /// <summary>a / b.</summary>
    public static Number Divide(in Number a, in Number b)
    {
        ulong quotient, remainder;
        int exponent = a.Exponent - b.Exponent;
        if (a.High >= b.High)
        {
            quotient = DivRem(a.High >> 1, a.High << 63, b.High, out remainder);
        }
        else
        {
            exponent--;
            quotient = DivRem(a.High, 0, b.High, out remainder);
        }

        // What is left tells which side of the half it is, and whether there is anything.
        ulong low = remainder == 0 ? 0 : remainder > b.High - remainder ? 0xC000_0000_0000_0000 : remainder == b.High - remainder ? 1UL << 63 : 1;
        return new Number(a.IsNegative != b.IsNegative, exponent, quotient, low);
    }

    /// <summary>The square root of a.</summary>
    public static Number SquareRoot(in Number a)
    {
        // The radicand with an even exponent, as 128 bits of which one of the first two is set.
        bool odd = (a.Exponent & 1) != 0;
        ulong high = odd ? a.High : a.High >> 1, low = odd ? 0 : a.High << 63;
        ulong root = SquareRoot(high, low, out ulong remainder, out bool large);

        // (root + 1/2)^2 = root^2 + root + 1/4.
        ulong rest = large || remainder > root ? 0xC000_0000_0000_0000 : remainder != 0 ? 1UL : 0;
        return new Number(negative: false, a.Exponent >> 1, root, rest);
    }

    /// <summary>Divides 128 bits by 64.</summary>
    /// <param name="high">First half of the dividend, below <paramref name="divisor"/>.</param>
    /// <param name="low">Second half.</param>
    /// <param name="divisor">The divisor, with bit 63 set.</param>
    /// <param name="remainder">What is left.</param>
    public static ulong DivRem(ulong high, ulong low, ulong divisor, out ulong remainder)
    {
        ulong d1 = divisor >> 32, d0 = (uint)divisor;
        ulong q1 = Digit(high, low >> 32, divisor, d1, d0, out ulong rest);
        ulong q0 = Digit(rest, (uint)low, divisor, d1, d0, out remainder);
        return (q1 << 32) | q0;

        static ulong Digit(ulong high, ulong next, ulong divisor, ulong d1, ulong d0, out ulong rest)
        {
            ulong q = high / d1, r = high - (q * d1);
            while (q >> 32 != 0 || q * d0 > ((r << 32) | next))
            {
                q--;
                r += d1;
                if (r >> 32 != 0)
                {
                    break;
                }
            }

            rest = (high << 32) + next - (q * divisor);
            return q;
        }
    }

    /// <summary>The integer square root of 128 bits, of which one of the first two is set.</summary>
    private static ulong SquareRoot(ulong high, ulong low, out ulong remainder, out bool large)
    {
        // The root of the first half, then one step of the schoolbook method with 32-bit digits.
        ulong first = (ulong)Math.Sqrt(high);
        first = first > uint.MaxValue ? uint.MaxValue : first;
        while (first * first > high)
        {
            first--;
        }

        while (high - (first * first) > 2 * first)
        {
            first++;
        }

        UInt128 rest = ((UInt128)(high - (first * first)) << 32) | (low >> 32);
        UInt128 digit = rest / (2 * first);
        UInt128 root = ((UInt128)first << 32) + digit;
        Int128 left = (Int128)(((rest - (digit * (2 * first))) << 32) | (uint)low) - (Int128)(digit * digit);
        while (left < 0)
        {
            left += (Int128)((2 * root) - 1);
            root--;
        }

        remainder = (ulong)left;
        large = left >> 64 != 0;
        return (ulong)root;
    }
}
