using System.Buffers.Binary;

namespace Kmem.Plugins.Firmware;

/// <summary>A place in the tables that holds an address within them.</summary>
/// <param name="InRoot">Whether it lies in the root pointer and not in the tables.</param>
/// <param name="Offset">Offset of its four bytes.</param>
internal readonly record struct TablePointer(bool InRoot, int Offset);

/// <summary>A table whose checksum follows from what pointers become.</summary>
/// <param name="InRoot">Whether it is the root pointer.</param>
/// <param name="Start">Offset of its first byte.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Checksum">Offset of the checksum byte.</param>
internal readonly record struct TableChecksum(bool InRoot, int Start, int Length, int Checksum);

/// <summary>The ACPI tables of a machine as one block that can be put at any address, and the root pointer to it.</summary>
internal sealed class AcpiSet
{
    private const int Alignment = 64, HeaderLength = 36, ChecksumOffset = 9, FacsOffset = 36, DsdtOffset = 40, RsdtOffset = 16, RootChecksum = 8, RootLength = 20;

    public AcpiSet(AcpiOptions options)
    {
        options = options with { Tables = 0, Xsdt = false };
        var tables = new TableWriter();
        uint Place(byte[] table)
        {
            tables.Bytes(new byte[-tables.Length & (Alignment - 1)]);
            uint offset = (uint)tables.Length;
            tables.Bytes(table);
            return offset;
        }

        uint facs = Place(AcpiTables.Facs()), dsdt = Place(AcpiTables.Dsdt(options));
        byte[] fadtBytes = AcpiTables.Fadt(options, facs, dsdt);
        uint fadt = Place(fadtBytes);
        List<uint> roots = [fadt];
        if (options.Apic)
        {
            roots.Add(Place(AcpiTables.Madt(options)));
        }

        if (options.Hpet != 0)
        {
            roots.Add(Place(AcpiTables.Hpet(options)));
        }

        byte[] rsdtBytes = AcpiTables.Rsdt(options, roots);
        uint rsdt = Place(rsdtBytes);
        Tables = tables.ToArray();
        Root = AcpiTables.Rsdp(options, rsdt, null);
        Pointers =
        [
            new(InRoot: false, (int)fadt + FacsOffset),
            new(InRoot: false, (int)fadt + DsdtOffset),
            .. Enumerable.Range(0, roots.Count).Select(i => new TablePointer(InRoot: false, (int)rsdt + HeaderLength + (4 * i))),
            new(InRoot: true, RsdtOffset),
        ];
        Checksums =
        [
            new(InRoot: false, (int)fadt, fadtBytes.Length, (int)fadt + ChecksumOffset),
            new(InRoot: false, (int)rsdt, rsdtBytes.Length, (int)rsdt + ChecksumOffset),
            new(InRoot: true, 0, RootLength, RootChecksum),
        ];
    }

    /// <summary>All tables, with offsets in the place of addresses.</summary>
    public byte[] Tables { get; }

    /// <summary>The root pointer, with an offset in the place of the address.</summary>
    public byte[] Root { get; }

    public IReadOnlyList<TablePointer> Pointers { get; }

    public IReadOnlyList<TableChecksum> Checksums { get; }

    /// <summary>The tables and the root pointer as they are when the tables stand at an address.</summary>
    public (byte[] Tables, byte[] Root) At(uint address)
    {
        (byte[] tables, byte[] root) = ([.. Tables], [.. Root]);
        foreach (TablePointer pointer in Pointers)
        {
            Span<byte> field = (pointer.InRoot ? root : tables).AsSpan(pointer.Offset, 4);
            BinaryPrimitives.WriteUInt32LittleEndian(field, BinaryPrimitives.ReadUInt32LittleEndian(field) + address);
        }

        foreach (TableChecksum sum in Checksums)
        {
            byte[] bytes = sum.InRoot ? root : tables;
            bytes[sum.Checksum] = 0;
            bytes[sum.Checksum] = TableWriter.Checksum(bytes.AsSpan(sum.Start, sum.Length));
        }

        return (tables, root);
    }
}
