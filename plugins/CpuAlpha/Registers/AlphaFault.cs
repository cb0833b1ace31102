namespace Kmem.Plugins.CpuAlpha;

/// <summary>Faults of the CPU, as <see cref="Ir.CpuState.Fault"/> numbers them.</summary>
internal enum AlphaFault
{
    /// <summary>None.</summary>
    None,

    /// <summary>Translation not valid, access violation or fault-on: detail is code 0..4, and the access in bits 63..32.</summary>
    Memory,

    /// <summary>Misaligned access: detail is the instruction word.</summary>
    Unaligned,

    /// <summary>Illegal or privileged instruction.</summary>
    IllegalInstruction,

    /// <summary>Floating-point instruction while floating point is off.</summary>
    FloatingPointOff,

    /// <summary>Arithmetic trap: address holds the summary, detail the register mask.</summary>
    Arithmetic,

    /// <summary>Nobody answered, or a device refused: detail tells the access.</summary>
    MachineCheck,
}
