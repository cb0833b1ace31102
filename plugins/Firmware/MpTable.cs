namespace Kmem.Plugins.Firmware;

/// <summary>The tables of the MultiProcessor Specification, for systems that know no ACPI: floating pointer and configuration in one block.</summary>
/// <remarks>Source: Intel MultiProcessor Specification 1.4, chapter 4 "MP Configuration Table".</remarks>
internal static class MpTable
{
    /// <summary>Where the block stands: in the extended BIOS data area, where the floating pointer is sought, behind what firmware keeps there.</summary>
    public const uint Address = 0x9_FD30;

    /// <summary>Most bytes that the block may have: the area ends at 640 KiB, and a small firmware's map stands before it.</summary>
    public const int MostBytes = 0xA_0000 - (int)Address;

    private const int PointerLength = 16, PointerChecksum = 10, TableLength = 4, TableChecksum = 7, EntryCount = 34;
    private const byte Processor = 0, Bus = 1, IoApic = 2, IoInterrupt = 3, LocalInterrupt = 4;
    private const byte Pci = 0, Isa = 1, Vector = 0, NonMaskable = 1, External = 3, AllApics = 0xFF;
    private const byte LocalVersion = 0x14, IoVersion = 0x20;

    /// <summary>Slots of the PCI bus whose pin A is listed; the first of them is the bridge's, with the system control interrupt.</summary>
    private const int FirstSlot = 1, LastSlot = 6;

    /// <summary>Builds the block; empty when there are more CPUs than fit.</summary>
    public static byte[] Build(AcpiOptions options)
    {
        var entries = new TableWriter();
        int count = 0;
        for (int i = 0; i < options.Cpus; i++, count++)
        {
            entries.Bytes(Processor, (byte)i, LocalVersion, (byte)(i == 0 ? 3 : 1)).Dword(0x600).Dword(0x201).Qword(0);
        }

        entries.Bytes(Bus, Pci).Letters("PCI", 6).Bytes(Bus, Isa).Letters("ISA", 6)
            .Bytes(IoApic, 0, IoVersion, 1).Dword((uint)options.IoApic);
        count += 3;
        for (int slot = FirstSlot; slot <= LastSlot; slot++, count++)
        {
            AddInterrupt(entries, IoInterrupt, Vector, Pci, (byte)(slot << 2), 0, (byte)PcNamespace.RouteOf(slot, 0, options.Sci));
        }

        for (byte irq = 0; irq < 16; irq++)
        {
            if (irq != 2 && irq != options.Sci && !PcNamespace.PciInterrupts.Contains(irq))
            {
                AddInterrupt(entries, IoInterrupt, Vector, Isa, irq, 0, irq == 0 ? (byte)2 : irq);
                count++;
            }
        }

        AddInterrupt(entries, LocalInterrupt, External, Isa, 0, 0, 0);
        AddInterrupt(entries, LocalInterrupt, NonMaskable, Isa, 0, AllApics, 1);
        byte[] table = Head(options, entries.ToArray(), count + 2);
        byte[] pointer = new TableWriter().Letters("_MP_", 4).Dword(Address + PointerLength).Bytes(1, 4, 0, 0, 0, 0, 0, 0).ToArray();
        pointer[PointerChecksum] = TableWriter.Checksum(pointer);
        return pointer.Length + table.Length <= MostBytes ? [.. pointer, .. table] : [];
    }

    private static void AddInterrupt(TableWriter entries, byte kind, byte type, byte bus, byte source, byte apic, byte pin) =>
        entries.Bytes(kind, type).Word(0).Bytes(bus, source, apic, pin);

    private static byte[] Head(AcpiOptions options, byte[] entries, int count)
    {
        byte[] table =
        [
            .. new TableWriter().Letters("PCMP", 4).Word(0).Bytes(4, 0).Letters(options.Oem, 8).Letters(options.OemTable, 12).Dword(0).Word(0).Word(count).Dword((uint)options.LocalApic).Dword(0).ToArray(),
            .. entries,
        ];
        System.Diagnostics.Debug.Assert(BitConverter.ToUInt16(table, EntryCount) == count, "The count stands behind the OEM's fields.");
        System.Buffers.Binary.BinaryPrimitives.WriteUInt16LittleEndian(table.AsSpan(TableLength), (ushort)table.Length);
        table[TableChecksum] = TableWriter.Checksum(table);
        return table;
    }
}
