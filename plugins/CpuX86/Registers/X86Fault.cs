namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Exceptions, as <see cref="Ir.CpuState.Fault"/> numbers them: the vector plus <see cref="X86Faults.First"/>.</summary>
/// <remarks>The state's detail holds the error code, its address CR2 of page faults. Source: Intel SDM volume 3, 6.3.1 "External Interrupts" to 6.15 "Exception and Interrupt Reference".</remarks>
internal enum X86Fault
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>#DE.</summary>
    DivideError = X86Faults.First + 0,

    /// <summary>#DB.</summary>
    Debug = X86Faults.First + 1,

    /// <summary>#BP.</summary>
    Breakpoint = X86Faults.First + 3,

    /// <summary>#OF.</summary>
    Overflow = X86Faults.First + 4,

    /// <summary>#BR.</summary>
    BoundRange = X86Faults.First + 5,

    /// <summary>#UD.</summary>
    InvalidOpcode = X86Faults.First + 6,

    /// <summary>#NM.</summary>
    DeviceNotAvailable = X86Faults.First + 7,

    /// <summary>#DF.</summary>
    DoubleFault = X86Faults.First + 8,

    /// <summary>#TS.</summary>
    InvalidTss = X86Faults.First + 10,

    /// <summary>#NP.</summary>
    SegmentNotPresent = X86Faults.First + 11,

    /// <summary>#SS.</summary>
    StackFault = X86Faults.First + 12,

    /// <summary>#GP.</summary>
    GeneralProtection = X86Faults.First + 13,

    /// <summary>#PF.</summary>
    PageFault = X86Faults.First + 14,

    /// <summary>#MF.</summary>
    FloatingPoint = X86Faults.First + 16,

    /// <summary>#AC.</summary>
    AlignmentCheck = X86Faults.First + 17,

    /// <summary>#XM.</summary>
    SimdFloatingPoint = X86Faults.First + 19,
}

/// <summary>Numbers of faults.</summary>
internal static class X86Faults
{
    /// <summary>What is added to a vector, as the number 0 means no fault.</summary>
    public const int First = 0x100;

    /// <summary>Whether an exception pushes an error code.</summary>
    public static bool HasErrorCode(int vector) => vector is 8 or (>= 10 and <= 14) or 17;

    /// <summary>The resume flag where an exception is a fault, so that its instruction is carried out again without meeting the same breakpoint.</summary>
    /// <remarks>Source: Intel SDM volume 3, 17.3.1.1 "Instruction-Breakpoint Exception Condition".</remarks>
    public static ulong ResumeFlag(int vector) => vector is 1 or 2 or 3 or 4 or 8 or 18 ? 0 : Eflags.Rf;
}
