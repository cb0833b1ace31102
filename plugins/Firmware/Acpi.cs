using Kmem.Abstractions;

namespace Kmem.Plugins.Firmware;

/// <summary>ACPI tables in two ROM banks: <c>root</c> with the RSDP, where software scans for it, and <c>tables</c> with all it leads to.</summary>
/// <remarks>Source: ACPI specification 3.0b, section 5.2 "ACPI System Description Tables"; 5.2.5.1 says where the RSDP is sought.</remarks>
[Device("firmware.acpi")]
public sealed class Acpi : Device, IHasBanks
{
    private const ulong FirstRoot = 0xE_0000, RootLimit = 0x10_0000, TablesLimit = 1UL << 32;
    private const int FacsAlignment = 64;

    /// <summary>Builds the tables.</summary>
    /// <exception cref="MachineException">An option's value does not fit its field.</exception>
    public Acpi(AcpiOptions options, IDeviceContext context)
    {
        FirmwareBank.CheckPlace(options.Tables, options.TablesSize, FacsAlignment, TablesLimit, "tables");
        FirmwareBank.CheckPlace(options.Root, options.RootSize, 16, RootLimit, "root");
        if (options.Root < FirstRoot)
        {
            throw new MachineException($"0x{options.Root:X} lies below 0x{FirstRoot:X}, where nobody looks for the RSDP") { Option = "root" };
        }

        CheckLetters(options.Oem, 6, "oem");
        CheckLetters(options.OemTable, 8, "oem-table");
        var tables = new TableWriter();
        uint Place(byte[] table)
        {
            tables.Bytes(new byte[-tables.Length & (FacsAlignment - 1)]);
            uint address = (uint)options.Tables + (uint)tables.Length;
            tables.Bytes(table);
            return address;
        }

        uint facs = Place(AcpiTables.Facs()), dsdt = Place(AcpiTables.Dsdt(options));
        List<uint> roots = [Place(AcpiTables.Fadt(options, facs, dsdt))];
        if (options.Apic)
        {
            roots.Add(Place(AcpiTables.Madt(options)));
        }

        if (options.Hpet != 0)
        {
            roots.Add(Place(AcpiTables.Hpet(options)));
        }

        if (options.Mcfg != 0)
        {
            roots.Add(Place(AcpiTables.Mcfg(options)));
        }

        uint rsdt = Place(AcpiTables.Rsdt(options, roots));
        uint? xsdt = options.Xsdt ? Place(AcpiTables.Xsdt(options, roots)) : null;
        Banks =
        [
            FirmwareBank.Create(context, "tables", options.TablesSize, "tables-size", tables.ToArray()),
            FirmwareBank.Create(context, "root", options.RootSize, "root-size", AcpiTables.Rsdp(options, rsdt, xsdt)),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private static void CheckLetters(string text, int most, string option)
    {
        if (text.Length > most)
        {
            throw new MachineException($"'{text}' has more than {most} letters") { Option = option };
        }
    }
}
