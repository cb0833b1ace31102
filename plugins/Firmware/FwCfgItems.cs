using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>The items that firmware can select: numbered ones and the files of the directory.</summary>
/// <remarks>Source: QEMU, docs/specs/fw_cfg: keys, file directory; SeaBIOS documentation, "Runtime config".</remarks>
internal sealed class FwCfgItems
{
    public const int Signature = 0x00, Identity = 0x01;

    private const int Uuid = 0x02, MemorySize = 0x03, NoGraphic = 0x04, CpuCount = 0x05, NumaNodes = 0x0D, BootMenu = 0x0E, MaxCpus = 0x0F;
    private const int Directory = 0x19, FirstFile = 0x20, NameLength = 56;
    private const int ReservedAtEnd = 0x2_0000;
    private const string TablesFile = "etc/acpi/tables", RootFile = "etc/acpi/rsdp", ProcessorsFile = "etc/kmem/mp-table";

    private readonly Dictionary<int, byte[]> _items = [];
    private readonly SortedDictionary<string, byte[]> _files = new(StringComparer.Ordinal);

    public FwCfgItems(FwCfgOptions options, IDeviceContext context)
    {
        _items[Signature] = "QEMU"u8.ToArray();
        _items[Identity] = [3, 0, 0, 0];   // traditional interface and DMA
        _items[Uuid] = new byte[16];
        _items[MemorySize] = BitConverter.GetBytes(options.Low + options.High);
        _items[NoGraphic] = BitConverter.GetBytes((ushort)(options.NoGraphic ? 1 : 0));
        _items[CpuCount] = _items[MaxCpus] = BitConverter.GetBytes((ushort)options.Cpus);
        foreach ((int key, byte[] value) in LinuxItems.Build(options, context))
        {
            _items[key] = value;
        }

        _items[NumaNodes] = new byte[8 + (8 * options.Cpus)];
        _items[BootMenu] = BitConverter.GetBytes((ushort)(options.BootMenu ? 1 : 0));
        Memory = [new MemoryMapEntry(0, options.Low, MemoryMapKind.Usable)];
        if (options.High != 0)
        {
            Memory = [.. Memory, new MemoryMapEntry(1UL << 32, options.High, MemoryMapKind.Usable)];
        }

        _files["etc/e820"] = [.. Memory.SelectMany(Entry)];
        if (options.BootOrder.Length > 0)
        {
            _files["bootorder"] = [.. Encoding.ASCII.GetBytes(options.BootOrder.TrimEnd('\n') + "\n"), 0];
        }

        if (options.Acpi)
        {
            var described = new AcpiOptions(
                0, Oem: "KMEM", OemTable: "PC", PmBase: options.PmBase, Cpus: options.Cpus, Hpet: options.Hpet, PciHole: options.Pci ? options.Low : 0, RootBridge: options.Pci, Apic: options.Apic, SmiPort: 0xB2, Gpe: options.Gpe, TimerBits: 24);
            Acpi = new AcpiSet(described);

            // All of what the memory map withholds at its end, as the recorded machine does.
            byte[] tables = new byte[Math.Max(ReservedAtEnd, Acpi.Tables.Length)];
            Acpi.Tables.CopyTo(tables, 0);
            _files[TablesFile] = tables;
            _files[RootFile] = Acpi.Root;
            if (options.Apic && options.Pci && MpTable.Build(described) is { Length: > 0 } processors)
            {
                _files[ProcessorsFile] = Processors = processors;
            }

            _files["etc/table-loader"] = TableLoader.Build(Acpi, TablesFile, RootFile);
        }

        SmbiosTable structures = SmbiosStructures.Build(new SmbiosOptions(
            System: new SmbiosSystem("Kmem", "PC (i440FX + PIIX)", "pc-i440fx"), Memory: [new SmbiosMemoryDevice(Size: Math.Max(options.Low + options.High, 1 << 20))]));
        _files["etc/smbios/smbios-tables"] = structures.ToArray();
        _files["etc/smbios/smbios-anchor"] = Smbios.EntryPoint(structures, 0);
        foreach ((string name, string path) in options.Files ?? new Dictionary<string, string>(StringComparer.Ordinal))
        {
            if (name.Length is 0 or >= NameLength)
            {
                throw new MachineException($"'{name}' has {name.Length} letters; a file's name has 1 to {NameLength - 1}") { Option = $"files.{name}" };
            }

            _files[name] = context.ReadImage(path, 64 << 20);
        }

        AddDirectory();
    }

    /// <summary>Main memory.</summary>
    public IReadOnlyList<MemoryMapEntry> Memory { get; }

    /// <summary>The ACPI tables; null for none.</summary>
    public AcpiSet? Acpi { get; }

    /// <summary>The tables of the MultiProcessor Specification; empty for none.</summary>
    public byte[] Processors { get; } = [];

    /// <summary>The bytes of an item; empty for one that is not there.</summary>
    public byte[] this[int key] => _items.GetValueOrDefault(key, []);

    private static byte[] Entry(MemoryMapEntry range) => new TableWriter().Qword(range.Start).Qword(range.Length).Dword((uint)range.Kind).ToArray();

    private void AddDirectory()
    {
        byte[] directory = new byte[4 + ((8 + NameLength) * _files.Count)];
        BinaryPrimitives.WriteInt32BigEndian(directory, _files.Count);
        int key = FirstFile, at = 4;
        foreach ((string name, byte[] content) in _files)
        {
            BinaryPrimitives.WriteInt32BigEndian(directory.AsSpan(at), content.Length);
            BinaryPrimitives.WriteInt16BigEndian(directory.AsSpan(at + 4), (short)key);
            Encoding.ASCII.GetBytes(name).CopyTo(directory, at + 8);
            _items[key++] = content;
            at += 8 + NameLength;
        }

        _items[Directory] = directory;
    }
}
