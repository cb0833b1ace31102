using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>Options of <c>firmware.smbios</c>.</summary>
/// <param name="Base">Physical address at which the machine maps the bank; the entry point stands there.</param>
/// <param name="Size">Length of the bank in bytes.</param>
/// <param name="Bios">The BIOS (type 0).</param>
/// <param name="System">The machine (type 1).</param>
/// <param name="Board">The main board (type 2).</param>
/// <param name="Chassis">The case (type 3).</param>
/// <param name="Processor">The processor (type 4).</param>
/// <param name="Memory">The memory devices (type 17), of which the array (16) and its address range (19) follow.</param>
public sealed record SmbiosOptions(
    [property: Option(OptionKind.Address)] ulong Base = 0xF_0000,
    [property: Option(OptionKind.Size, Min = 1024, Max = 0x1_0000)] ulong Size = 0x1_0000,
    SmbiosBios? Bios = null,
    SmbiosSystem? System = null,
    SmbiosBoard? Board = null,
    SmbiosChassis? Chassis = null,
    SmbiosProcessor? Processor = null,
    IReadOnlyList<SmbiosMemoryDevice>? Memory = null);

/// <summary>What type 0 says about the BIOS.</summary>
/// <param name="Vendor">Who made it.</param>
/// <param name="Version">Its version.</param>
/// <param name="Date">Its date, written mm/dd/yyyy as the specification wants it.</param>
/// <param name="RomSize">Size of the part that holds it, a multiple of 64 KiB up to 16 MiB.</param>
public sealed record SmbiosBios(
    string Vendor = "Kmem",
    string Version = "1.0",
    string Date = "01/01/2024",
    [property: Option(OptionKind.Size, Min = 0x1_0000, Max = 0x100_0000)] ulong RomSize = 0x10_0000);

/// <summary>What type 1 says about the machine.</summary>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Product">What it is called.</param>
/// <param name="Version">Its version.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="Uuid">Its universal unique ID, in the usual notation.</param>
/// <param name="Sku">Its stock keeping unit.</param>
/// <param name="Family">The family that it belongs to.</param>
public sealed record SmbiosSystem(
    string Manufacturer = "Kmem",
    string Product = "Lab",
    string Version = "1",
    string Serial = "0001",
    string Uuid = "4b6d656d-0000-4000-8000-000000000001",
    string Sku = "",
    string Family = "");

/// <summary>What type 2 says about the main board.</summary>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Product">What it is called.</param>
/// <param name="Version">Its version.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="Asset">Its asset tag.</param>
public sealed record SmbiosBoard(string Manufacturer = "Kmem", string Product = "Lab Board", string Version = "1", string Serial = "0001", string Asset = "");

/// <summary>What type 3 says about the case.</summary>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Type">What it is: 3 desktop, 7 tower, 23 rack mount; see section 7.4.1.</param>
/// <param name="Version">Its version.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="Asset">Its asset tag.</param>
public sealed record SmbiosChassis(string Manufacturer = "Kmem", [property: Option(Min = 1, Max = 0x20)] byte Type = 3, string Version = "", string Serial = "", string Asset = "");

/// <summary>What type 4 says about the processor.</summary>
/// <param name="Socket">What the board calls its socket.</param>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Version">What it is called.</param>
/// <param name="Family">Processor family, see section 7.5.2: 0x01 other, 0xB3 Xeon.</param>
/// <param name="Id">Processor ID: EAX and EDX of CPUID 1 on an x86.</param>
/// <param name="Clock">External clock in MHz.</param>
/// <param name="MaxSpeed">Highest speed in MHz.</param>
/// <param name="Speed">Speed at boot in MHz.</param>
/// <param name="Cores">Cores, all of them enabled.</param>
/// <param name="Threads">Threads of all cores together.</param>
public sealed record SmbiosProcessor(
    string Socket = "CPU0",
    string Manufacturer = "Kmem",
    string Version = "Virtual",
    byte Family = 0x01,
    ulong Id = 0x0781_FBFF_0000_06F6,
    [property: Option(Max = 0xFFFF)] int Clock = 100,
    [property: Option(Max = 0xFFFF)] int MaxSpeed = 2000,
    [property: Option(Max = 0xFFFF)] int Speed = 2000,
    [property: Option(Min = 1, Max = 254)] byte Cores = 1,
    [property: Option(Min = 1, Max = 254)] byte Threads = 1);

/// <summary>What type 17 says about a memory device.</summary>
/// <param name="Size">Its capacity, a multiple of 1 MiB; 0 for an empty socket.</param>
/// <param name="Locator">What the board calls its socket.</param>
/// <param name="Bank">The bank that it belongs to.</param>
/// <param name="Type">Its technology, see section 7.18.2: 0x12 DDR, 0x13 DDR2, 0x18 DDR3.</param>
/// <param name="Speed">Its speed in MHz.</param>
/// <param name="Manufacturer">Who made it.</param>
/// <param name="Serial">Its serial number.</param>
/// <param name="Part">Its part number.</param>
public sealed record SmbiosMemoryDevice(
    [property: Option(OptionKind.Size)] ulong Size,
    string Locator = "DIMM 0",
    string Bank = "BANK 0",
    byte Type = 0x18,
    [property: Option(Max = 0xFFFF)] int Speed = 1333,
    string Manufacturer = "Kmem",
    string Serial = "",
    string Part = "");
