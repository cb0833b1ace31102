namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Sums, products, quotients and roots of finite numbers before rounding, for IEEE and VAX alike.</summary>
/// <remarks>Operands have at most 56 significant bits. A result has its first 63 bits exactly; the lowest bit says whether anything follows.</remarks>
internal static class ExactArithmetic
{
    /// <summary>x + y; neither is zero. An exact zero is positive.</summary>
    /// <param name="x">The one summand.</param>
    /// <param name="y">The other summand.</param>
    public static Unpacked Add(in Unpacked x, in Unpacked y)
    {
        bool swap = x.Exponent < y.Exponent || (x.Exponent == y.Exponent && x.Significand < y.Significand);
        Unpacked large = swap ? y : x;
        Unpacked small = swap ? x : y;
        ulong aligned = ShiftRight(small.Significand, large.Exponent - small.Exponent);
        if (large.Negative != small.Negative)
        {
            ulong difference = large.Significand - aligned;
            return Unpacked.Normalized(large.Negative && difference != 0, large.Exponent, difference);
        }

        ulong sum = large.Significand + aligned;
        return sum >= aligned
            ? new Unpacked(large.Negative, large.Exponent, sum)
            : new Unpacked(large.Negative, large.Exponent + 1, (1UL << 63) | (sum >> 1) | (sum & 1));
    }

    /// <summary>x * y; neither is zero.</summary>
    /// <param name="x">The one factor.</param>
    /// <param name="y">The other factor.</param>
    public static Unpacked Multiply(in Unpacked x, in Unpacked y)
    {
        ulong high = Math.BigMul(x.Significand, y.Significand, out ulong low);
        int exponent = x.Exponent + y.Exponent + 1;
        if ((long)high >= 0)
        {
            high = (high << 1) | (low >> 63);
            low <<= 1;
            exponent--;
        }

        return new Unpacked(x.Negative != y.Negative, exponent, high | Sticky(low != 0));
    }

    /// <summary>x / y; neither is zero.</summary>
    /// <param name="x">The dividend.</param>
    /// <param name="y">The divisor.</param>
    public static Unpacked Divide(in Unpacked x, in Unpacked y)
    {
        bool small = x.Significand < y.Significand;
        var dividend = new UInt128(small ? x.Significand : x.Significand >> 1, small ? 0 : x.Significand << 63);
        ulong quotient = (ulong)(dividend / y.Significand);
        bool more = (UInt128)quotient * y.Significand != dividend;
        return new Unpacked(x.Negative != y.Negative, x.Exponent - y.Exponent - (small ? 1 : 0), quotient | Sticky(more));
    }

    /// <summary>The square root of x, which is positive.</summary>
    /// <param name="x">The square.</param>
    public static Unpacked SquareRoot(in Unpacked x)
    {
        // The radicand is a 128-bit integer with an even exponent, so that its integer root has 64 bits.
        bool odd = (x.Exponent & 1) != 0;
        UInt128 radicand = odd ? new UInt128(x.Significand, 0) : new UInt128(x.Significand >> 1, x.Significand << 63);
        ulong root = Estimate(radicand);
        UInt128 square = (UInt128)root * root;
        while (square > radicand)
        {
            square -= ((UInt128)root << 1) - 1;
            root--;
        }

        while (radicand - square > (UInt128)root << 1 && root != ulong.MaxValue)
        {
            square += ((UInt128)root << 1) + 1;
            root++;
        }

        return new Unpacked(Negative: false, x.Exponent >> 1, root | Sticky(square != radicand));
    }

    /// <summary>A root within a few units of the last place: the hardware's root and one step of Newton.</summary>
    private static ulong Estimate(UInt128 radicand)
    {
        double high = Math.Sqrt((double)(ulong)(radicand >> 64)) * 4294967296.0;
        ulong guess = high >= 18446744073709551615.0 ? ulong.MaxValue : (ulong)high;
        UInt128 quotient = radicand / guess;
        UInt128 mean = (quotient + guess) >> 1;
        return mean > ulong.MaxValue ? ulong.MaxValue : (ulong)mean;
    }

    private static ulong ShiftRight(ulong value, int count) => count switch
    {
        0 => value,
        < 64 => (value >> count) | Sticky(value << (64 - count) != 0),
        _ => 1,
    };

    private static ulong Sticky(bool lost) => lost ? 1UL : 0;
}
