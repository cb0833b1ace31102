namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>A number with a significand of 128 bits, for functions that are no arithmetic: sign, exponent of the first bit, significand with bit 127 set; or zero.</summary>
/// <param name="IsNegative">Whether it is negative.</param>
/// <param name="Exponent">The exponent of the significand's first bit.</param>
/// <param name="Significand">The significand; 0 for zero alone.</param>
internal readonly record struct Wide(bool IsNegative, int Exponent, UInt128 Significand)
{
    /// <summary>1.</summary>
    public static readonly Wide One = new(false, 0, (UInt128)1 << 127);

    /// <summary>Pi.</summary>
    public static readonly Wide Pi = new(false, 1, new UInt128(0xC90FDAA22168C234, 0xC4C6628B80DC1CD1));

    /// <summary>The natural logarithm of 2.</summary>
    public static readonly Wide Ln2 = new(false, -1, new UInt128(0xB17217F7D1CF79AB, 0xC9E3B39803F2F6AF));

    /// <summary>The logarithm of e to the base 2.</summary>
    public static readonly Wide Log2E = new(false, 0, new UInt128(0xB8AA3B295C17F0BB, 0xBE87FED0691D3E88));

    /// <summary>Whether it is zero.</summary>
    public bool IsZero => Significand == 0;

    /// <summary>An integer.</summary>
    public static Wide Of(int value) => Of(new Number(value < 0, 63, (ulong)Math.Abs((long)value)));

    /// <summary>A finite number, or zero.</summary>
    public static Wide Of(in Number n) => Normal(n.IsNegative, n.Exponent, new UInt128(n.High, n.Low));

    /// <summary>The significand moved to its place.</summary>
    public static Wide Normal(bool negative, int exponent, UInt128 significand)
    {
        if (significand == 0)
        {
            return default;
        }

        int shift = (int)UInt128.LeadingZeroCount(significand);
        return new Wide(negative, exponent - shift, significand << shift);
    }

    /// <summary>The number, with a last bit that says that it isn't exact.</summary>
    public Number ToInexact() => new(IsNegative, Exponent, (ulong)(Significand >> 64), (ulong)Significand | 1);

    /// <summary>This times a power of two.</summary>
    public Wide Scaled(int power) => this with { Exponent = Exponent + power };

    /// <summary>The magnitude.</summary>
    public Wide Magnitude() => this with { IsNegative = false };

    /// <summary>The negative.</summary>
    public static Wide operator -(Wide a) => a with { IsNegative = !a.IsNegative };

    /// <summary>The difference.</summary>
    public static Wide operator -(Wide a, Wide b) => a + (-b);

    /// <summary>The sum, with an error of some units of the last place of the larger operand.</summary>
    public static Wide operator +(Wide a, Wide b)
    {
        if (a.IsZero || b.IsZero)
        {
            return a.IsZero ? b : a;
        }

        if (a.Exponent < b.Exponent || (a.Exponent == b.Exponent && a.Significand < b.Significand))
        {
            (a, b) = (b, a);
        }

        int distance = a.Exponent - b.Exponent;
        UInt128 small = distance > 127 ? 0 : b.Significand >> distance;
        if (a.IsNegative != b.IsNegative)
        {
            return Normal(a.IsNegative, a.Exponent, a.Significand - small);
        }

        UInt128 sum = a.Significand + small;
        return sum < small ? new Wide(a.IsNegative, a.Exponent + 1, (sum >> 1) | ((UInt128)1 << 127)) : new Wide(a.IsNegative, a.Exponent, sum);
    }

    /// <summary>The product, with an error of some units of the last place.</summary>
    public static Wide operator *(Wide a, Wide b)
    {
        if (a.IsZero || b.IsZero)
        {
            return default;
        }

        ulong a1 = (ulong)(a.Significand >> 64), a0 = (ulong)a.Significand, b1 = (ulong)(b.Significand >> 64), b0 = (ulong)b.Significand;
        ulong high = Math.BigMul(a1, b1, out ulong low);
        UInt128 product = new UInt128(high, low) + Math.BigMul(a1, b0, out _) + Math.BigMul(a0, b1, out _);
        bool carries = product >> 127 != 0;
        return new Wide(a.IsNegative != b.IsNegative, a.Exponent + b.Exponent + (carries ? 1 : 0), carries ? product : product << 1);
    }

    /// <summary>The quotient, with an error of some units of the last place; b must not be zero.</summary>
    public static Wide operator /(Wide a, Wide b)
    {
        // 64 bits of the reciprocal, then a step of Newton's method.
        ulong b1 = (ulong)(b.Significand >> 64);
        ulong digits = b1 == 1UL << 63 ? ulong.MaxValue : ExactArithmetic.DivRem(1UL << 63, 0, b1, out _);
        Wide reciprocal = new(b.IsNegative, -b.Exponent - 1, new UInt128(digits, 0));
        reciprocal *= Of(2) - (b * reciprocal);
        return a * reciprocal;
    }
}
