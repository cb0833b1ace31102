using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>Options of <c>qemu.fw-cfg</c>.</summary>
/// <param name="Space">The space that its DMA reaches and in which tables are placed.</param>
/// <param name="Low">Size of main memory below 4 GiB.</param>
/// <param name="High">Size of main memory above 4 GiB.</param>
/// <param name="Cpus">Number of CPUs.</param>
/// <param name="PmBase">First I/O port of the power management registers.</param>
/// <param name="Gpe">First port of the general-purpose events.</param>
/// <param name="Hpet">Physical address of the HPET; 0 for a machine without one.</param>
/// <param name="Acpi">Whether there are ACPI tables.</param>
/// <param name="Pci">Whether the tables describe a 440FX machine with PCI; false for one without.</param>
/// <param name="Apic">Whether the tables list APICs.</param>
/// <param name="NoGraphic">Whether firmware is to show its screen on the serial line where there is no display.</param>
/// <param name="BootMenu">Whether firmware offers a menu of boot devices.</param>
/// <param name="BootOrder">Open Firmware paths of boot devices, best first, each on a line of its own.</param>
/// <param name="Kernel">A Linux kernel (bzImage) that firmware is to begin; none when empty.</param>
/// <param name="Initrd">Its initial file system; none when empty.</param>
/// <param name="Append">Its command line.</param>
/// <param name="Files">Further files: name to path.</param>
public sealed record FwCfgOptions(
    [property: Option(OptionKind.Space)] string Space = "phys",
    [property: Option(OptionKind.Size)] ulong Low = 0x800_0000,
    [property: Option(OptionKind.Size)] ulong High = 0,
    [property: Option(Min = 1, Max = 255)] int Cpus = 1,
    [property: Option(Max = 0xFF80)] int PmBase = 0x600,
    [property: Option(Max = 0xFFFC)] int Gpe = 0xAFE0,
    [property: Option(OptionKind.Address, Max = uint.MaxValue)] ulong Hpet = 0xFED0_0000,
    bool Acpi = true,
    bool Pci = true,
    bool Apic = true,
    bool NoGraphic = false,
    bool BootMenu = false,
    string BootOrder = "",
    [property: Option(OptionKind.File)] string Kernel = "",
    [property: Option(OptionKind.File)] string Initrd = "",
    string Append = "",
    IReadOnlyDictionary<string, string>? Files = null);
