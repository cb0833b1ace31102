using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86;

/// <summary>Options of <c>cpu.x86</c>.</summary>
/// <param name="Space">The physical address space.</param>
/// <param name="Ports">The space of I/O ports; empty for none, where reads give ones.</param>
/// <param name="Model">What CPUID tells and which instructions exist: <c>486</c>, <c>pentium3</c>, <c>x86-64</c>, <c>x86-64-v2</c> or <c>max</c>.</param>
/// <param name="Number">Number of the CPU, which is the first identifier of its local APIC. CPU 0 runs after a reset, the others wait for a start-up message.</param>
/// <param name="Count">CPUs of the machine, which CPUID tells as cores of one package.</param>
/// <param name="Frequency">Instructions per second of guest time; the time-stamp counter counts them.</param>
/// <param name="AccessCycles">Cycles that an access to a register or a port takes, above those of its instruction.</param>
/// <param name="InterruptController">The device that answers acknowledge cycles, as the 8259 pair does; empty for none.</param>
/// <param name="Apic">Whether there is a local APIC.</param>
/// <param name="ApicBus">The bus over which it talks to I/O APICs and other CPUs; empty for none.</param>
public sealed record X86Options(
    string Space = "phys",
    string Ports = "io",
    string Model = "x86-64-v2",
    [property: Option(Max = 254)] int Number = 0,
    [property: Option(Min = 1, Max = 255)] int Count = 1,
    [property: Option(OptionKind.Frequency, Min = 1_000_000, Max = 100_000_000_000)] ulong Frequency = 1_000_000_000,
    [property: Option(Max = 100_000)] int AccessCycles = 200,
    string InterruptController = "",
    bool Apic = true,
    [property: Option(OptionKind.Device)] string ApicBus = "");
