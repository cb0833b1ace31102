namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>The bits of the exception summary that an arithmetic trap hands to the operating system in a0.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section on the exception summary register (OSF/1 PALcode, arithmetic traps).
/// The six exceptions stand in the same order as the status bits of the FPCR (<see cref="FloatingControl.Record"/>).</remarks>
[Flags]
public enum TrapSummary
{
    /// <summary>No exception.</summary>
    None = 0,

    /// <summary>SWC: the instruction has /S, so software may complete it.</summary>
    SoftwareCompletion = 1 << 0,

    /// <summary>INV: an operand is not valid for the operation.</summary>
    InvalidOperation = 1 << 1,

    /// <summary>DZE: a finite number was divided by zero.</summary>
    DivideByZero = 1 << 2,

    /// <summary>FOV: the rounded result is greater than the format's largest number.</summary>
    Overflow = 1 << 3,

    /// <summary>UNF: the rounded result is smaller than the format's smallest normal number, and not exact.</summary>
    Underflow = 1 << 4,

    /// <summary>INE: the result differs from the mathematical one.</summary>
    Inexact = 1 << 5,

    /// <summary>IOV: an integer result does not fit its destination.</summary>
    IntegerOverflow = 1 << 6,
}
