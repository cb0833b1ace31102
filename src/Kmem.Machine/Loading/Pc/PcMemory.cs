using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Memory;

namespace Kmem.Machine.Loading.Pc;

/// <summary>A PC's memory as a loader in the place of firmware sees it: the map, the tables, and writes that must succeed.</summary>
public sealed class PcMemory
{
    private const ulong Extended = 0x10_0000, BaseEnd = 0x9_FC00;

    private readonly AddressSpace _space;

    /// <summary>Looks at a machine and lets the device that plays firmware place its tables.</summary>
    /// <exception cref="MachineException">The machine has no main space, or no memory where loaders need it.</exception>
    public PcMemory(RunningMachine machine)
    {
        _space = machine.MainSpace ?? throw new MachineException("the machine has no address space for memory");
        HasScreen = machine.Devices.Values.Any(d => d.Instance is IHasScreen);
        IFirmwareHandOver? firmware = machine.Devices.Values.Select(d => d.Instance).OfType<IFirmwareHandOver>().FirstOrDefault();
        Map = firmware?.MemoryMap ?? FromView(_space);
        RootPointer = firmware?.PlaceTables() ?? 0;
    }

    /// <summary>The memory map in ascending order.</summary>
    public IReadOnlyList<MemoryMapEntry> Map { get; }

    /// <summary>Physical address of the ACPI root pointer; 0 for none.</summary>
    public ulong RootPointer { get; }

    /// <summary>Whether there is a display that shows text.</summary>
    public bool HasScreen { get; }

    /// <summary>End of the memory that begins at 1 MiB.</summary>
    public ulong ExtendedEnd => Map.Where(m => m.Kind == MemoryMapKind.Usable && m.Start <= Extended && m.Start + m.Length > Extended).Select(m => m.Start + m.Length).FirstOrDefault(Extended);

    /// <summary>Writes bytes at a physical address.</summary>
    /// <exception cref="MachineException">Nobody takes them there.</exception>
    public void Write(ulong address, ReadOnlySpan<byte> bytes)
    {
        if (_space.WriteBlock(address, bytes, AccessAttributes.Firmware, out int done) != AccessResult.Ok)
        {
            throw new MachineException($"physical 0x{address + (ulong)done:x} can't be written while the program is loaded");
        }
    }

    /// <summary>Writes descriptors for flat segments: selector 0x08 and 0x10 code, 0x18 data.</summary>
    /// <returns>The registers that name the table.</returns>
    public Dictionary<string, ulong> WriteDescriptors(ulong address, bool isLong)
    {
        const ulong Code32 = 0x00CF_9A00_0000_FFFF, Code64 = 0x00AF_9A00_0000_FFFF, Data = 0x00CF_9200_0000_FFFF;
        ulong code = isLong ? Code64 : Code32;
        ulong[] table = [0, code, code, Data];
        byte[] bytes = new byte[8 * table.Length];
        for (int i = 0; i < table.Length; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(bytes.AsSpan(8 * i), table[i]);
        }

        Write(address, bytes);
        return new Dictionary<string, ulong>(StringComparer.Ordinal) { ["gdtr_base"] = address, ["gdtr_limit"] = (ulong)bytes.Length - 1 };
    }

    /// <summary>Memory types as firmware sets them: RAM is cached, the video window and the 32-bit PCI hole are not.</summary>
    /// <remarks>Source: Intel SDM volume 3A, section 11.11 "Memory Type Range Registers".</remarks>
    public void AddMemoryTypes(Dictionary<string, ulong> registers)
    {
        const ulong WriteBack = 0x0606_0606_0606_0606, Gigabyte = 1UL << 30, AddressBits = (1UL << 40) - 1;
        ulong hole = ExtendedEnd <= 2 * Gigabyte ? 2 * Gigabyte : ExtendedEnd <= 3 * Gigabyte ? 3 * Gigabyte : 0xE000_0000;
        (registers["msr.200"], registers["msr.201"]) = (hole, (~((4 * Gigabyte) - hole - 1) & AddressBits) | 0x800);
        (registers["msr.250"], registers["msr.258"], registers["msr.259"]) = (WriteBack, WriteBack, 0);
        for (int i = 0x268; i <= 0x26F; i++)
        {
            registers["msr." + i.ToString("x", System.Globalization.CultureInfo.InvariantCulture)] = WriteBack;
        }

        registers["msr.2ff"] = 0xC06;
    }

    /// <summary>Writes page tables that map the first 4 GiB to themselves with pages of 2 MiB: six pages.</summary>
    public void WriteIdentityTables(ulong address)
    {
        const int Page = 4096, Directories = 4, Entries = 512;
        const ulong Present = 3, Large = 0x80, LargePage = 2 << 20;
        byte[] tables = new byte[Page * (2 + Directories)];
        void Put(int page, int entry, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(tables.AsSpan((page * Page) + (8 * entry)), value);
        Put(0, 0, (address + Page) | Present);
        for (int directory = 0; directory < Directories; directory++)
        {
            Put(1, directory, (address + (ulong)((2 + directory) * Page)) | Present);
            for (int entry = 0; entry < Entries; entry++)
            {
                Put(2 + directory, entry, (ulong)((directory * Entries) + entry) * LargePage | Present | Large);
            }
        }

        Write(address, tables);
    }

    /// <summary>RAM as the space shows it, with the usual holes of a PC.</summary>
    private static List<MemoryMapEntry> FromView(AddressSpace space)
    {
        var map = new List<MemoryMapEntry>();
        foreach (FlatRange range in space.GetFlatView())
        {
            if (range.Region is not RamRegion || (range.Start is >= BaseEnd and < Extended))
            {
                continue;
            }

            ulong end = range.Start < BaseEnd ? Math.Min(range.Last + 1, BaseEnd) : range.Last + 1;
            map.Add(new MemoryMapEntry(range.Start, end - range.Start, MemoryMapKind.Usable));
            if (range.Start < Extended && range.Last >= Extended)
            {
                map.Add(new MemoryMapEntry(Extended, range.Last + 1 - Extended, MemoryMapKind.Usable));
            }
        }

        return map.Count > 0 ? map : throw new MachineException("there is no memory to load a program into");
    }
}
