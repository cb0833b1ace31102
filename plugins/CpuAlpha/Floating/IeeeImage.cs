namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>The classes of IEEE numbers in a register, read from the image's bits.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.7.4 and table "Finite and non-finite numbers".</remarks>
internal static class IeeeImage
{
    /// <summary>The sign bit.</summary>
    public const ulong Sign = 1UL << 63;

    /// <summary>The exponent field, and plus infinity.</summary>
    public const ulong Infinity = 0x7FFUL << 52;

    /// <summary>The fraction field.</summary>
    public const ulong Fraction = (1UL << 52) - 1;

    /// <summary>The fraction's top bit: a NaN that has it is quiet.</summary>
    public const ulong QuietBit = 1UL << 51;

    /// <summary>The NaN of an invalid operation without a NaN operand.</summary>
    public const ulong DefaultNaN = Infinity | QuietBit;

    /// <summary>What a comparison gives that holds: 2.0 in T, 0.5 in G.</summary>
    public const ulong True = 0x4000_0000_0000_0000;

    /// <summary>Whether the image is a zero of either sign.</summary>
    /// <param name="image">The register.</param>
    public static bool IsZero(ulong image) => image << 1 == 0;

    /// <summary>Whether the exponent is zero and the fraction is not.</summary>
    /// <param name="image">The register.</param>
    public static bool IsDenormal(ulong image) => (image & Infinity) == 0 && !IsZero(image);

    /// <summary>Whether the image is an infinity or a NaN.</summary>
    /// <param name="image">The register.</param>
    public static bool IsSpecial(ulong image) => (image & Infinity) == Infinity;

    /// <summary>Whether the image is an infinity of either sign.</summary>
    /// <param name="image">The register.</param>
    public static bool IsInfinity(ulong image) => (image & ~Sign) == Infinity;

    /// <summary>Whether the image is a NaN.</summary>
    /// <param name="image">The register.</param>
    public static bool IsNaN(ulong image) => (image & ~Sign) > Infinity;

    /// <summary>Whether the image is a NaN that raises an invalid operation.</summary>
    /// <param name="image">The register.</param>
    public static bool IsSignaling(ulong image) => IsNaN(image) && (image & QuietBit) == 0;

    /// <summary>Whether the sign bit is set.</summary>
    /// <param name="image">The register.</param>
    public static bool IsNegative(ulong image) => (long)image < 0;
}
