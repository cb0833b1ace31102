namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>A datum of the x87's double extended-precision format.</summary>
/// <param name="Significand">The integer bit (63) and the fraction.</param>
/// <param name="SignExponent">Sign in bit 15, exponent with a bias of 16383 below.</param>
/// <remarks>Source: Intel SDM vol. 1, 4.2.2 and 8.2.</remarks>
internal readonly record struct Extended(ulong Significand, ushort SignExponent)
{
    /// <summary>The explicit integer bit.</summary>
    public const ulong IntegerBit = 1UL << 63;

    /// <summary>The bit that makes a NaN quiet.</summary>
    public const ulong QuietBit = 1UL << 62;

    /// <summary>Bias of the exponent.</summary>
    public const int Bias = 16383;

    /// <summary>Exponent field of infinities and NaNs.</summary>
    public const int MaximumExponent = 0x7FFF;

    /// <summary>Real indefinite: the masked response to an invalid operation.</summary>
    public static readonly Extended Indefinite = new(IntegerBit | QuietBit, 0xFFFF);

    /// <summary>1.0.</summary>
    public static readonly Extended One = new(IntegerBit, Bias);

    /// <summary>Whether the sign bit is set.</summary>
    public bool IsNegative => SignExponent >> 15 != 0;

    /// <summary>The biased exponent.</summary>
    public int Exponent => SignExponent & MaximumExponent;

    /// <summary>A zero.</summary>
    public static Extended Zero(bool negative) => new(0, negative ? (ushort)0x8000 : (ushort)0);

    /// <summary>An infinity.</summary>
    public static Extended Infinity(bool negative) => new(IntegerBit, negative ? (ushort)0xFFFF : (ushort)0x7FFF);

    /// <summary>The same datum with a sign.</summary>
    public Extended WithSign(bool negative) => this with { SignExponent = (ushort)(Exponent | (negative ? 0x8000 : 0)) };

    /// <summary>The same NaN, made quiet.</summary>
    public Extended Quieted() => this with { Significand = Significand | QuietBit };
}
