namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>How a floating-point instruction ended.</summary>
public enum FloatingOutcomeKind
{
    /// <summary>The instruction completed.</summary>
    Ok,

    /// <summary>The instruction ends in an arithmetic trap; its PC is that of the next instruction.</summary>
    ArithmeticTrap,

    /// <summary>There is no such instruction.</summary>
    IllegalInstruction,
}

/// <summary>What a floating-point instruction leaves behind.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.7.7 "Floating-Point Trapping Modes".</remarks>
public readonly struct FloatingOutcome
{
    private FloatingOutcome(FloatingOutcomeKind kind, ulong result, ulong fpcr, TrapSummary summary, bool writesResult)
    {
        (Kind, Result, Fpcr, TrapSummary, WritesResult) = (kind, result, fpcr, summary, writesResult);
    }

    /// <summary>How the instruction ended.</summary>
    public FloatingOutcomeKind Kind { get; }

    /// <summary>The register image of the result, where <see cref="WritesResult"/> says that there is one.</summary>
    public ulong Result { get; }

    /// <summary>The FPCR after the instruction.</summary>
    public ulong Fpcr { get; }

    /// <summary>The exception summary of an arithmetic trap; none otherwise.</summary>
    public TrapSummary TrapSummary { get; }

    /// <summary>Whether the destination register is written, trap or not.</summary>
    public bool WritesResult { get; }

    /// <summary>Whether an arithmetic trap names no register in its write mask, as a trap on an operand does.</summary>
    public bool MaskIsEmpty => !WritesResult;

    /// <summary>The instruction completed.</summary>
    /// <param name="result">The register image.</param>
    /// <param name="fpcr">The FPCR after it.</param>
    internal static FloatingOutcome Completed(ulong result, ulong fpcr) => new(FloatingOutcomeKind.Ok, result, fpcr, TrapSummary.None, writesResult: true);

    /// <summary>The instruction computed a result and then trapped.</summary>
    /// <param name="result">The register image.</param>
    /// <param name="fpcr">The FPCR after it.</param>
    /// <param name="summary">The exception summary.</param>
    internal static FloatingOutcome ResultTrap(ulong result, ulong fpcr, TrapSummary summary) => new(FloatingOutcomeKind.ArithmeticTrap, result, fpcr, summary, writesResult: true);

    /// <summary>An operand trapped before there was a result.</summary>
    /// <param name="fpcr">The FPCR after it.</param>
    /// <param name="summary">The exception summary.</param>
    internal static FloatingOutcome OperandTrap(ulong fpcr, TrapSummary summary) => new(FloatingOutcomeKind.ArithmeticTrap, 0, fpcr, summary, writesResult: false);

    /// <summary>There is no such instruction.</summary>
    /// <param name="fpcr">The FPCR, unchanged.</param>
    internal static FloatingOutcome Illegal(ulong fpcr) => new(FloatingOutcomeKind.IllegalInstruction, 0, fpcr, TrapSummary.None, writesResult: false);
}
