namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>The trap and rounding qualifiers of a floating-point operate instruction.</summary>
/// <param name="Instruction">The instruction word.</param>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.7.9 and appendix C: function bits 15:13 are TRP, 12:11 are RND.</remarks>
internal readonly record struct FloatingQualifiers(uint Instruction)
{
    /// <summary>/U or /V: underflows, or integer overflows, trap.</summary>
    public bool UnderflowOrOverflow => (Instruction & (1u << 13)) != 0;

    /// <summary>/I: inexact results trap.</summary>
    public bool Inexact => (Instruction & (1u << 14)) != 0;

    /// <summary>/S: software completes what the hardware leaves.</summary>
    public bool Software => (Instruction & (1u << 15)) != 0;

    /// <summary>The exceptions that the instruction does not ask for.</summary>
    public TrapSummary Ignored =>
        (UnderflowOrOverflow ? TrapSummary.None : TrapSummary.Underflow | TrapSummary.IntegerOverflow) | (Inexact ? TrapSummary.None : TrapSummary.Inexact);

    private RoundingMode Field => (RoundingMode)((Instruction >> 11) & 3);

    /// <summary>The rounding of an IEEE instruction.</summary>
    /// <param name="fpcr">The FPCR, for /D.</param>
    public RoundingMode IeeeRounding(ulong fpcr) => Field == RoundingMode.PlusInfinity ? FloatingControl.Dynamic(fpcr) : Field;

    /// <summary>The rounding of a VAX instruction.</summary>
    public RoundingMode VaxRounding => Field == RoundingMode.Chopped ? RoundingMode.Chopped : RoundingMode.NearestAway;

    /// <summary>Whether an IEEE instruction gives zero where its result underflows.</summary>
    /// <param name="fpcr">The FPCR, for UNFD and UNDZ.</param>
    public bool FlushesUnderflow(ulong fpcr) => !UnderflowOrOverflow || FloatingControl.FlushesUnderflow(fpcr);
}
