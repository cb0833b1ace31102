using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>Options of <c>firmware.acpi</c>.</summary>
/// <param name="Tables">Physical address at which the machine maps the bank <c>tables</c>.</param>
/// <param name="Root">Physical address at which the machine maps the bank <c>root</c>, where the RSDP stands.</param>
/// <param name="TablesSize">Length of the bank <c>tables</c> in bytes.</param>
/// <param name="RootSize">Length of the bank <c>root</c> in bytes.</param>
/// <param name="Oem">OEM ID, up to 6 letters.</param>
/// <param name="OemTable">OEM table ID, up to 8 letters.</param>
/// <param name="PmBase">First I/O port of the power management registers.</param>
/// <param name="Sci">Interrupt of the system control interrupt.</param>
/// <param name="LocalApic">Physical address of the local APICs.</param>
/// <param name="IoApic">Physical address of the I/O APIC.</param>
/// <param name="Cpus">Processors that the MADT lists.</param>
/// <param name="Hpet">Physical address of the HPET; 0 for a machine without one.</param>
/// <param name="Mcfg">Physical address of the enhanced configuration window; 0 for a machine without one.</param>
/// <param name="PciHole">First address of the 32-bit PCI hole of a 440FX machine, whose devices and interrupt routes the DSDT then lists; 0 for a bare root bridge.</param>
/// <param name="SmiPort">Port at which firmware turns ACPI on and off; 0 where it is always on.</param>
/// <param name="Gpe">First port of the general-purpose events; 0 for 32 ports above <c>pm-base</c>.</param>
/// <param name="TimerBits">Bits of the power management timer, 24 or 32.</param>
/// <param name="RootBridge">Whether the DSDT has a PCI root bridge.</param>
/// <param name="Apic">Whether there are APICs, which the MADT lists.</param>
/// <param name="Xsdt">Whether there is an XSDT and the RSDP is of revision 2.</param>
public sealed record AcpiOptions(
    [property: Option(OptionKind.Address)] ulong Tables,
    [property: Option(OptionKind.Address)] ulong Root = 0xE_0000,
    [property: Option(OptionKind.Size, Min = 0x1000, Max = 0x10_0000)] ulong TablesSize = 0x1_0000,
    [property: Option(OptionKind.Size, Min = 64, Max = 0x2_0000)] ulong RootSize = 0x1000,
    string Oem = "KMEM",
    string OemTable = "LAB",
    [property: Option(Max = 0xFF80)] int PmBase = 0x600,
    [property: Option(Max = 255)] int Sci = 9,
    [property: Option(OptionKind.Address, Max = uint.MaxValue)] ulong LocalApic = 0xFEE0_0000,
    [property: Option(OptionKind.Address, Max = uint.MaxValue)] ulong IoApic = 0xFEC0_0000,
    [property: Option(Min = 1, Max = 64)] int Cpus = 1,
    [property: Option(OptionKind.Address)] ulong Hpet = 0,
    [property: Option(OptionKind.Address)] ulong Mcfg = 0,
    [property: Option(OptionKind.Address, Max = uint.MaxValue)] ulong PciHole = 0,
    [property: Option(Max = 0xFFFF)] int SmiPort = 0,
    [property: Option(Max = 0xFFFC)] int Gpe = 0,
    [property: Option(Min = 24, Max = 32)] int TimerBits = 32,
    bool RootBridge = true,
    bool Apic = true,
    bool Xsdt = true);
