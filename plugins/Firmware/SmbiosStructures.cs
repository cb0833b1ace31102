using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>Writes the structures that the options describe, each in the order of its table in the specification.</summary>
/// <remarks>Source: DMTF DSP0134 2.8.0, sections 7.1 to 7.5, 7.17, 7.18, 7.20, 7.33 and 7.45.</remarks>
internal static class SmbiosStructures
{
    private const int BiosHandle = 0, SystemHandle = 0x100, BoardHandle = 0x200, ChassisHandle = 0x300, ProcessorHandle = 0x400;
    private const int ArrayHandle = 0x1000, MemoryHandle = 0x1100, RangeHandle = 0x1300, BootHandle = 0x2000, EndHandle = 0x7F00;
    private const int NoError = 0xFFFE, NoCache = 0xFFFF;
    private const ulong MiB = 1 << 20, KiB = 1024;

    // PCI, upgradeable flash, shadowing, selectable boot; then ACPI, and targeted content.
    private const ulong BiosCharacteristics = (1 << 7) | (1 << 11) | (1 << 12) | (1 << 16);

    public static SmbiosTable Build(SmbiosOptions options)
    {
        var table = new SmbiosTable();
        AddBios(table, options.Bios ?? new SmbiosBios());
        AddSystem(table, options.System ?? new SmbiosSystem());
        AddBoard(table, options.Board ?? new SmbiosBoard());
        AddChassis(table, options.Chassis ?? new SmbiosChassis());
        AddProcessor(table, options.Processor ?? new SmbiosProcessor());
        AddMemory(table, options.Memory ?? [new SmbiosMemoryDevice(64 * MiB)]);
        table.Add(32, BootHandle, (w, _) => w.Bytes(0, 0, 0, 0, 0, 0, 0));
        table.Add(127, EndHandle, (_, _) => { });
        return table;
    }

    private static void AddBios(SmbiosTable table, SmbiosBios bios)
    {
        if (bios.RomSize % (64 * KiB) != 0)
        {
            throw new MachineException($"{bios.RomSize} is no multiple of 64 KiB") { Option = "bios.rom-size" };
        }

        table.Add(0, BiosHandle, (w, s) => w
            .Bytes(s[bios.Vendor], s[bios.Version])
            .Word(0xF000)
            .Bytes(s[bios.Date], (byte)((bios.RomSize / (64 * KiB)) - 1))
            .Qword(BiosCharacteristics)
            .Bytes(0x01, 0x04)
            .Bytes(1, 0, 0xFF, 0xFF));
    }

    private static void AddSystem(SmbiosTable table, SmbiosSystem system)
    {
        if (!Guid.TryParse(system.Uuid, out Guid uuid))
        {
            throw new MachineException($"'{system.Uuid}' is no UUID") { Option = "system.uuid" };
        }

        // The first three fields are little endian, which is what Guid does (section 7.2.1).
        const byte PowerSwitch = 6;
        table.Add(1, SystemHandle, (w, s) => w
            .Bytes(s[system.Manufacturer], s[system.Product], s[system.Version], s[system.Serial])
            .Bytes(uuid.ToByteArray())
            .Bytes(PowerSwitch, s[system.Sku], s[system.Family]));
    }

    private static void AddBoard(SmbiosTable table, SmbiosBoard board)
    {
        const byte HostingBoard = 1, MotherBoard = 0x0A;
        table.Add(2, BoardHandle, (w, s) => w
            .Bytes(s[board.Manufacturer], s[board.Product], s[board.Version], s[board.Serial], s[board.Asset], HostingBoard, 0)
            .Word(ChassisHandle)
            .Bytes(MotherBoard, 0));
    }

    private static void AddChassis(SmbiosTable table, SmbiosChassis chassis)
    {
        const byte Safe = 3, None = 3;
        table.Add(3, ChassisHandle, (w, s) => w
            .Bytes(s[chassis.Manufacturer], chassis.Type, s[chassis.Version], s[chassis.Serial], s[chassis.Asset], Safe, Safe, Safe, None)
            .Dword(0)
            .Bytes(0, 1, 0, 0, 0));
    }

    private static void AddProcessor(SmbiosTable table, SmbiosProcessor processor)
    {
        const byte Central = 3, PopulatedAndEnabled = 0x41, NoUpgrade = 6;
        const int Is64Bit = 1 << 2, IsMultiCore = 1 << 3;
        table.Add(4, ProcessorHandle, (w, s) => w
            .Bytes(s[processor.Socket], Central, processor.Family, s[processor.Manufacturer])
            .Qword(processor.Id)
            .Bytes(s[processor.Version], 0x80 | 12)   // 1.2 V
            .Word(processor.Clock).Word(processor.MaxSpeed).Word(processor.Speed)
            .Bytes(PopulatedAndEnabled, NoUpgrade)
            .Word(NoCache).Word(NoCache).Word(NoCache)
            .Bytes(0, 0, 0, processor.Cores, processor.Cores, processor.Threads)
            .Word(Is64Bit | (processor.Cores > 1 ? IsMultiCore : 0))
            .Word(processor.Family));
    }

    private static void AddMemory(SmbiosTable table, IReadOnlyList<SmbiosMemoryDevice> devices)
    {
        const byte OnBoard = 3, SystemMemory = 3, NoCorrection = 3;
        const uint Extended = 0x8000_0000;
        ulong total = 0;
        for (int i = 0; i < devices.Count; i++)
        {
            if (devices[i].Size % MiB != 0 || devices[i].Size / MiB > int.MaxValue)
            {
                throw new MachineException($"{devices[i].Size} is no multiple of 1 MiB below 2 PiB") { Option = $"memory.{i}.size" };
            }

            total += devices[i].Size;
        }

        bool fits = total / KiB < Extended;
        table.Add(16, ArrayHandle, (w, _) => w
            .Bytes(OnBoard, SystemMemory, NoCorrection)
            .Dword(fits ? (uint)(total / KiB) : Extended)
            .Word(NoError).Word(devices.Count)
            .Qword(fits ? 0 : total));
        for (int i = 0; i < devices.Count; i++)
        {
            AddMemoryDevice(table, devices[i], MemoryHandle + i);
        }

        if (total == 0)
        {
            return;
        }

        bool isWide = total / KiB > uint.MaxValue;
        table.Add(19, RangeHandle, (w, _) => w
            .Dword(isWide ? uint.MaxValue : 0)
            .Dword(isWide ? uint.MaxValue : (uint)((total / KiB) - 1))
            .Word(ArrayHandle)
            .Bytes((byte)Math.Clamp(devices.Count(d => d.Size != 0), 1, 255))
            .Qword(0)
            .Qword(isWide ? total - 1 : 0));
    }

    private static void AddMemoryDevice(SmbiosTable table, SmbiosMemoryDevice device, int handle)
    {
        const byte Dimm = 9;
        const int Synchronous = 1 << 7, SeeExtended = 0x7FFF;
        ulong size = device.Size / MiB;
        bool isThere = size != 0;
        table.Add(17, handle, (w, s) => w
            .Word(ArrayHandle).Word(NoError)
            .Word(isThere ? 64 : 0xFFFF).Word(isThere ? 64 : 0xFFFF)
            .Word(size < SeeExtended ? (int)size : SeeExtended)
            .Bytes(Dimm, 0, s[device.Locator], s[device.Bank], isThere ? device.Type : (byte)2)
            .Word(isThere ? Synchronous : 4)
            .Word(isThere ? device.Speed : 0)
            .Bytes(s[isThere ? device.Manufacturer : ""], s[isThere ? device.Serial : ""], 0, s[isThere ? device.Part : ""], 0)
            .Dword(size < SeeExtended ? 0 : (uint)size)
            .Word(isThere ? device.Speed : 0)
            .Word(0).Word(0).Word(0));
    }
}
