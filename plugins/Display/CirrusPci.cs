using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>Options of <c>vga.cirrus-pci</c>.</summary>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
/// <param name="Memory">Length of the linear frame buffer's register, in bytes.</param>
/// <param name="Alternates">Whether input status 1 goes from retrace to picture and back with each read, as in QEMU 7.2, and not with time.</param>
public sealed record CirrusOptions(
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0,
    [property: Option(OptionKind.Size, PowerOfTwo = true, Min = 0x10_0000, Max = 0x1000_0000)] ulong Memory = 0x200_0000,
    bool Alternates = false);

/// <summary>The PCI function of a Cirrus Logic GD5446 with the registers and memory of a plain VGA.</summary>
/// <remarks>
/// The chip's own extensions (blitter, cursor, extended sequencer registers) are not there; its frame buffer is memory apart from the planes.
/// Source: Cirrus Logic CL-GD5446 Technical Reference Manual, chapter "PCI configuration registers".
/// </remarks>
[Device("vga.cirrus-pci")]
public sealed class CirrusPci : Device, IPciFunction, IHasBanks, IFirmwareState, IHasScreen, IHasPicture
{
    private const ulong RegistersLength = 0x1000, RomLength = 0x1_0000;

    private readonly VgaCore _core;

    /// <summary>Creates the function.</summary>
    public CirrusPci(CirrusOptions options, IDeviceContext context)
    {
        _core = new VgaCore(context, options.Alternates);
        Configuration = new PciConfiguration(0x1013, 0x00B8, 0x03_0000)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x3C, 1, 0xFF)
            .AddBar(new PciBar(0, PciBarKind.Memory32, new RamRegion("bar0", context.AllocateMemory("bar0", options.Memory)), Prefetchable: true))
            .AddBar(new PciBar(1, PciBarKind.Memory32, new MmioRegion("bar1", RegistersLength, new SilentRegion())))
            .AddBar(new PciBar(6, PciBarKind.Rom, new MmioRegion("bar6", RomLength, new SilentRegion())));
        Banks = [.. _core.Banks, .. Configuration.Bars.Select(b => new DeviceBank(b.Region.Name, b.Region))];
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        Configuration.Reset();
        _core.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        _core.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        _core.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _core.TrySetFirmwareState(key, value) || Configuration.TrySetFirmwareState(key, value);

    /// <inheritdoc/>
    public ScreenText? ReadScreen() => _core.Screen();

    /// <inheritdoc/>
    public ScreenPicture ReadPicture() => _core.Picture();

    /// <summary>Reads as zeros and swallows writes.</summary>
    private sealed class SilentRegion : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
    }
}
