namespace Kmem.Plugins.Firmware;

/// <summary>The ACPI namespace of a 440FX machine: root bridge with windows and interrupt routes, the devices of the ISA bridge, HPET, firmware configuration.</summary>
/// <remarks>Source: ACPI specification 3.0b, sections 6.2.11 "_PRT" and 6.4; the routes are those that firmware programs into PIRQRC[A:D] of the PIIX3.</remarks>
internal static class PcNamespace
{
    private const int Slots = 32, Pins = 4, Power = 1;

    /// <summary>Interrupts that PCI functions use, level-triggered.</summary>
    public static readonly byte[] PciInterrupts = [5, 10, 11];

    private static readonly byte[] Routes = [10, 10, 11, 11];

    /// <summary>The interrupt of a slot's pin, 0 for A; the pin A of the bridge's own slot is the power management's, with the SCI.</summary>
    public static int RouteOf(int slot, int pin, int sci) => slot == Power && pin == 0 ? sci : Routes[(slot + pin + Pins - 1) % Pins];

    public static byte[] Build(AcpiOptions options) => Aml.Scope(
        "_SB_",
        Aml.Device(
            "PCI0",
            Aml.Name("_HID", Aml.EisaId("PNP0A03")),
            Aml.Name("_ADR", Aml.Integer(0)),
            Aml.Name("_UID", Aml.Integer(0)),
            Aml.Name("_CRS", Windows(options)),
            Aml.Name("_PRT", InterruptRoutes(options)),
            Aml.Device(
                "ISA_",
                Aml.Name("_ADR", Aml.Integer(0x0001_0000)),
                Device("RTC_", "PNP0B00", Resource.Io(0x70, 8), Resource.Irq(8)),
                Device("KBD_", "PNP0303", Resource.Io(0x60, 1), Resource.Io(0x64, 1), Resource.Irq(1)),
                Device("MOU_", "PNP0F13", Resource.Irq(12)),
                Device("FDC0", "PNP0700", Resource.Io(0x3F2, 4), Resource.Io(0x3F7, 1), Resource.Irq(6), Resource.Dma(2)),
                Device("LPT1", "PNP0400", Resource.Io(0x378, 8), Resource.Irq(7)),
                Device("COM1", "PNP0501", Resource.Io(0x3F8, 8), Resource.Irq(4)))),
        Aml.Device("PWRB", Aml.Name("_HID", Aml.EisaId("PNP0C0C"))),
        options.Hpet == 0 ? [] : Device("HPET", "PNP0103", Resource.Memory32((uint)options.Hpet, 0x400)),
        Aml.Device("FWCF", Aml.Name("_HID", Aml.Text("QEMU0002")), Aml.Name("_STA", Aml.Integer(0x0B)), Aml.Name("_CRS", Aml.Resources(Resource.Io(0x510, 0x0C)))));

    private static byte[] Device(string name, string id, params byte[][] resources) => Aml.Device(
        name, Aml.Name("_HID", Aml.EisaId(id)), Aml.Name("_UID", Aml.Integer(id is "PNP0501" or "PNP0400" ? 1u : 0)), Aml.Name("_STA", Aml.Integer(0x0F)), Aml.Name("_CRS", Aml.Resources(resources)));

    private static byte[] Windows(AcpiOptions options) => Aml.Resources(
        Resource.BusWindow(0, 0xFF),
        Resource.Io(0xCF8, 8),
        Resource.IoWindow(0, 0xCF7),
        Resource.IoWindow(0xD00, 0xFFFF),
        Resource.MemoryWindow(0xA_0000, 0xB_FFFF),
        Resource.MemoryWindow((uint)options.PciHole, 0xFEBF_FFFF));

    /// <summary>Every pin of every slot.</summary>
    private static byte[] InterruptRoutes(AcpiOptions options)
    {
        var routes = new List<byte[]>();
        for (uint slot = 0; slot < Slots; slot++)
        {
            for (uint pin = 0; pin < Pins; pin++)
            {
                uint irq = (uint)RouteOf((int)slot, (int)pin, options.Sci);
                routes.Add(Aml.Package(Aml.Integer((slot << 16) | 0xFFFF), Aml.Integer(pin), Aml.Integer(0), Aml.Integer(irq)));
            }
        }

        return Aml.Package([.. routes]);
    }
}
