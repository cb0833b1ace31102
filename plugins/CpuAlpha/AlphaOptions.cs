using Kmem.Abstractions;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>Options of <c>cpu.alpha</c>.</summary>
/// <param name="Space">The physical address space.</param>
/// <param name="Number">Number of the CPU, as WHAMI gives it.</param>
/// <param name="Frequency">Instructions per second of guest time, which is what RPCC counts.</param>
/// <param name="AccessCycles">Cycles that an access to a register takes; kernels count on I/O being slow when they calibrate clocks.</param>
/// <param name="Pal"><c>native</c> for the PALcode that is part of the CPU, or the path of an OSF/1 PALcode image (ELF).</param>
/// <param name="Primary">The CPU that boots; of a machine with several, only that one builds the console's tables.</param>
public sealed record AlphaOptions(
    string Space = "phys",
    [property: Option(Max = 3)] int Number = 0,
    [property: Option(OptionKind.Frequency, Min = 1_000_000, Max = 100_000_000_000)] ulong Frequency = 667_000_000,
    [property: Option(Max = 100_000)] int AccessCycles = 200,
    string Pal = "native",
    bool Primary = true);
