namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>The floating-point control register (FPCR): its bits and what they decide.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.7.8 "Floating-Point Control Register".</remarks>
public static class FloatingControl
{
    /// <summary>SUM: some status bit is set. Kept by software; the unit leaves it alone.</summary>
    public const ulong Summary = 1UL << 63;

    /// <summary>INED: inexact results of /SUI instructions do not trap.</summary>
    public const ulong InexactDisable = 1UL << 62;

    /// <summary>UNFD: underflows of /S instructions do not trap.</summary>
    public const ulong UnderflowDisable = 1UL << 61;

    /// <summary>UNDZ: with <see cref="UnderflowDisable"/>, an underflow gives zero.</summary>
    public const ulong UnderflowToZero = 1UL << 60;

    /// <summary>DYN: the rounding of /D instructions, two bits.</summary>
    public const ulong DynamicRounding = 3UL << DynamicRoundingShift;

    /// <summary>Number of the low bit of DYN.</summary>
    public const int DynamicRoundingShift = 58;

    /// <summary>IOV: an integer overflow has happened.</summary>
    public const ulong IntegerOverflow = 1UL << 57;

    /// <summary>INE: an inexact result has happened.</summary>
    public const ulong Inexact = 1UL << 56;

    /// <summary>UNF: an underflow has happened.</summary>
    public const ulong Underflow = 1UL << 55;

    /// <summary>OVF: an overflow has happened.</summary>
    public const ulong Overflow = 1UL << 54;

    /// <summary>DZE: a division by zero has happened.</summary>
    public const ulong DivideByZero = 1UL << 53;

    /// <summary>INV: an invalid operation has happened.</summary>
    public const ulong InvalidOperation = 1UL << 52;

    /// <summary>OVFD: overflows of /S instructions do not trap.</summary>
    public const ulong OverflowDisable = 1UL << 51;

    /// <summary>DZED: divisions by zero of /S instructions do not trap.</summary>
    public const ulong DivideByZeroDisable = 1UL << 50;

    /// <summary>INVD: invalid /S operations do not trap.</summary>
    public const ulong InvalidOperationDisable = 1UL << 49;

    /// <summary>DNZ: /S instructions read denormal operands as zero.</summary>
    public const ulong DenormalToZero = 1UL << 48;

    /// <summary>DNOD: stored, and without effect: the EV67 always hands denormal operands to software.</summary>
    public const ulong DenormalDisable = 1UL << 47;

    /// <summary>The bits that a write keeps; those below DNOD mean nothing.</summary>
    public const ulong Stored = 0xFFFF_FFFF_0000_0000;

    private const TrapSummary Exceptions = (TrapSummary)0x7E;
    private const int StatusShift = 51;

    /// <summary>The FPCR after exceptions: their status bits are set, none is cleared.</summary>
    /// <param name="fpcr">The FPCR before.</param>
    /// <param name="raised">The exceptions; software completion is none.</param>
    public static ulong Record(ulong fpcr, TrapSummary raised) => fpcr | ((ulong)(raised & Exceptions) << StatusShift);

    /// <summary>The rounding that /D instructions use.</summary>
    /// <param name="fpcr">The FPCR.</param>
    internal static RoundingMode Dynamic(ulong fpcr) => (RoundingMode)((fpcr >> DynamicRoundingShift) & 3);

    /// <summary>Whether an instruction that may underflow gives zero all the same.</summary>
    /// <param name="fpcr">The FPCR.</param>
    internal static bool FlushesUnderflow(ulong fpcr) => (~fpcr & (UnderflowDisable | UnderflowToZero)) == 0;

    /// <summary>The exceptions of a /S instruction that no disable bit masks; integer overflow has no such bit.</summary>
    /// <param name="fpcr">The FPCR.</param>
    internal static TrapSummary Enabled(ulong fpcr)
    {
        TrapSummary disabled = (TrapSummary)((fpcr >> 48) & (ulong)(TrapSummary.InvalidOperation | TrapSummary.DivideByZero | TrapSummary.Overflow))
            | (TrapSummary)((fpcr >> 57) & (ulong)(TrapSummary.Underflow | TrapSummary.Inexact));
        return Exceptions & ~disabled;
    }
}
