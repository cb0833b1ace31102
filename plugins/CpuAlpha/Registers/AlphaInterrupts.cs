namespace Kmem.Plugins.CpuAlpha;

/// <summary>Interrupt lines, in the order of their priority.</summary>
[Flags]
internal enum AlphaInterrupts
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>Devices, taken at IPL 3 and below.</summary>
    Device = 1,

    /// <summary>The interval timer, at IPL 4 and below.</summary>
    Clock = 2,

    /// <summary>Other CPUs, at IPL 5 and below.</summary>
    Interprocessor = 4,

    /// <summary>Machine checks that came without an instruction, at IPL 6 and below.</summary>
    MachineCheck = 8,
}
