namespace Kmem.Plugins.Firmware;

/// <summary>Writes the ACPI tables of a machine, each in the order of its table in the specification.</summary>
/// <remarks>
/// Source: ACPI specification 1.0b, section 5.2 (the FADT of revision 1 is that of 5.2.5); ACPI specification 3.0b, sections 5.2.5 RSDP, 5.2.8 XSDT,
/// 5.2.10 FACS, 5.2.11 MADT; IA-PC HPET specification 1.0a, section 3.2.4; PCI Firmware Specification 3.0, section 4.1.2 MCFG.
/// </remarks>
internal static class AcpiTables
{
    private const int HeaderLength = 36, LengthOffset = 4, ChecksumOffset = 9;

    /// <summary>The differentiated system description: the root bridge, a power button, and the sleeping state S5.</summary>
    public static byte[] Dsdt(AcpiOptions options) => Table(options, "DSDT", 1, body => body
        .Bytes(options.PciHole != 0 ? PcNamespace.Build(options) : Aml.Scope(
            "_SB_",
            !options.RootBridge ? [] : Aml.Device("PCI0", Aml.Name("_HID", Aml.EisaId("PNP0A03")), Aml.Name("_ADR", Aml.Integer(0)), Aml.Name("_UID", Aml.Integer(0))),
            Aml.Device("PWRB", Aml.Name("_HID", Aml.EisaId("PNP0C0C")))))
        .Bytes(Aml.Name("_S5_", Aml.Package(Aml.Integer(0), Aml.Integer(0), Aml.Integer(0), Aml.Integer(0)))));

    /// <summary>The firmware control structure, which has no header of the usual kind and no checksum.</summary>
    public static byte[] Facs() => new TableWriter().Letters("FACS", 4).Dword(64).Bytes(new byte[56]).ToArray();

    /// <summary>The fixed description, revision 1.</summary>
    public static byte[] Fadt(AcpiOptions options, uint facs, uint dsdt) => Table(options, "FACP", 1, body => body
        .Dword(facs).Dword(dsdt)
        .Bytes((byte)(options.Apic ? 1 : 0), 0)                                          // the multiple-APIC model; reserved
        .Word(options.Sci)
        .Dword((uint)options.SmiPort)                         // 0: ACPI mode is always on
        .Bytes(options.SmiPort != 0 ? [0xF1, 0xF0, 0, 0] : [0, 0, 0, 0])
        .Dword((uint)options.PmBase).Dword(0)                 // PM1a_EVT_BLK, PM1b_EVT_BLK
        .Dword((uint)options.PmBase + 4).Dword(0)             // PM1a_CNT_BLK, PM1b_CNT_BLK
        .Dword(0).Dword((uint)options.PmBase + 8)             // PM2_CNT_BLK, PM_TMR_BLK
        .Dword((uint)(options.Gpe != 0 ? options.Gpe : options.PmBase + 0x20)).Dword(0)   // GPE0_BLK, GPE1_BLK
        .Bytes(4, 2, 0, 4, 8, 0, 0, 0)                        // their lengths; GPE1_BASE; reserved
        .Word(0xFFF).Word(0xFFF)                              // no C2, no C3
        .Word(0).Word(0)                                      // WBINVD works, so there is no flush size
        .Bytes(0, 0, 0, 0, 0x32, 0, 0, 0)                     // duty cycle; alarms; CENTURY; reserved
        .Dword(options.TimerBits == 32 ? 0x0000_0135u : 0x35)); // WBINVD, C1, both buttons by method; timer of 32 bits

    /// <summary>The interrupt controllers.</summary>
    public static byte[] Madt(AcpiOptions options) => Table(options, "APIC", 1, body =>
    {
        const byte LocalApic = 0, IoApic = 1, Override = 2, LocalNmi = 4;
        const int ActiveHighEdge = 0x05, ActiveHighLevel = 0x0D;
        body.Dword((uint)options.LocalApic).Dword(1);
        for (int i = 0; i < options.Cpus; i++)
        {
            body.Bytes(LocalApic, 8, (byte)i, (byte)i).Dword(1);
        }

        body.Bytes(IoApic, 12, (byte)(options.PciHole != 0 ? 0 : options.Cpus), 0).Dword((uint)options.IoApic).Dword(0)
            .Bytes(Override, 10, 0, 0).Dword(2).Word(0)
            .Bytes(Override, 10, 0, (byte)options.Sci).Dword((uint)options.Sci).Word(ActiveHighLevel);
        foreach (byte irq in options.PciHole != 0 ? PcNamespace.PciInterrupts : [])
        {
            body.Bytes(Override, 10, 0, irq).Dword(irq).Word(ActiveHighLevel);
        }

        body.Bytes(LocalNmi, 6, 0xFF).Word(ActiveHighEdge).Bytes(1);
    });

    /// <summary>The high precision event timer.</summary>
    public static byte[] Hpet(AcpiOptions options) => Table(options, "HPET", 1, body => body
        .Dword(0x8086_A201)
        .Bytes(0, 64, 0, 0).Qword(options.Hpet)
        .Bytes(0).Word(100).Bytes(0));

    /// <summary>The memory-mapped configuration space of bus 0.</summary>
    public static byte[] Mcfg(AcpiOptions options) => Table(options, "MCFG", 1, body => body
        .Qword(0)
        .Qword(options.Mcfg).Word(0).Bytes(0, 0).Dword(0));

    /// <summary>The root table with 32-bit addresses.</summary>
    public static byte[] Rsdt(AcpiOptions options, IEnumerable<uint> tables) => Table(options, "RSDT", 1, body =>
    {
        foreach (uint table in tables)
        {
            body.Dword(table);
        }
    });

    /// <summary>The root table with 64-bit addresses.</summary>
    public static byte[] Xsdt(AcpiOptions options, IEnumerable<uint> tables) => Table(options, "XSDT", 1, body =>
    {
        foreach (uint table in tables)
        {
            body.Qword(table);
        }
    });

    /// <summary>The root pointer: of revision 0 without an XSDT, of revision 2 with one.</summary>
    public static byte[] Rsdp(AcpiOptions options, uint rsdt, uint? xsdt)
    {
        const int FirstLength = 20, Length = 36, First = 8, Extended = 32;
        byte[] pointer = new TableWriter()
            .Letters("RSD PTR ", 8).Bytes(0).Letters(options.Oem, 6)
            .Bytes((byte)(xsdt is null ? 0 : 2)).Dword(rsdt)
            .Dword(Length).Qword(xsdt ?? 0).Bytes(0, 0, 0, 0)
            .ToArray()[..(xsdt is null ? FirstLength : Length)];
        pointer[First] = TableWriter.Checksum(pointer.AsSpan(0, FirstLength));
        if (xsdt is not null)
        {
            pointer[Extended] = TableWriter.Checksum(pointer);
        }

        return pointer;
    }

    private static byte[] Table(AcpiOptions options, string signature, byte revision, Action<TableWriter> fill)
    {
        var writer = new TableWriter()
            .Letters(signature, 4).Dword(0).Bytes(revision, 0)
            .Letters(options.Oem, 6).Letters(options.OemTable, 8).Dword(1)
            .Letters("KMEM", 4).Dword(1);
        System.Diagnostics.Debug.Assert(writer.Length == HeaderLength, "The header has 36 bytes.");
        fill(writer);
        byte[] table = writer.ToArray();
        System.Buffers.Binary.BinaryPrimitives.WriteInt32LittleEndian(table.AsSpan(LengthOffset), table.Length);
        table[ChecksumOffset] = TableWriter.Checksum(table);
        return table;
    }
}
