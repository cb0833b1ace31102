namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>The six floating-point exceptions, at their places in the x87 status and control words and in MXCSR bits 5:0.</summary>
/// <remarks>Source: Intel SDM vol. 1, 8.1.3 and 10.2.3.</remarks>
[Flags]
internal enum FloatingFlags : uint
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>IE: invalid operation.</summary>
    Invalid = 1,

    /// <summary>DE: an operand is denormal.</summary>
    Denormal = 2,

    /// <summary>ZE: a finite number divided by zero.</summary>
    ZeroDivide = 4,

    /// <summary>OE: the result is too large for its format.</summary>
    Overflow = 8,

    /// <summary>UE: the result is too small for its format.</summary>
    Underflow = 16,

    /// <summary>PE: the result was rounded.</summary>
    Precision = 32,

    /// <summary>Those that are found before anything is computed: unmasked, they leave the operands as they are.</summary>
    BeforeComputation = Invalid | Denormal | ZeroDivide,

    /// <summary>All six.</summary>
    All = 63,
}

/// <summary>RC of the x87 control word and of MXCSR, and bits 1:0 of ROUNDxx's immediate.</summary>
internal enum RoundingControl
{
    /// <summary>To the nearest, to even where there are two.</summary>
    Nearest,

    /// <summary>Towards minus infinity.</summary>
    Down,

    /// <summary>Towards plus infinity.</summary>
    Up,

    /// <summary>Towards zero.</summary>
    Zero,
}

/// <summary>How an operation rounds and what it may raise, and what it raised.</summary>
internal struct FloatingContext
{
    /// <summary>The rounding.</summary>
    public RoundingControl Rounding;

    /// <summary>Exceptions that are masked.</summary>
    public FloatingFlags Masked;

    /// <summary>Exceptions found.</summary>
    public FloatingFlags Raised;

    /// <summary>Bits of the significand of x87 results: 24, 53 or 64.</summary>
    public int Precision;

    /// <summary>Whether the magnitude was rounded up: C1 of the status word.</summary>
    public bool RoundedUp;

    /// <summary>MXCSR.FTZ: tiny results become zero where underflow is masked.</summary>
    public bool FlushToZero;

    /// <summary>MXCSR.DAZ: denormal operands count as zero.</summary>
    public bool DenormalsAreZero;

    /// <summary>Whether inexact results are rounded to the nearest, masked and have been noted already, so that the host's arithmetic says all.</summary>
    public bool IsRoundingSilent;

    /// <summary>Whether an exception was found that is not masked and leaves no result.</summary>
    public readonly bool IsRefused => (Raised & ~Masked & FloatingFlags.BeforeComputation) != 0;
}
