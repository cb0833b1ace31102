using Kmem.Abstractions;

namespace Kmem.Plugins.Display;

/// <summary>Options of <c>vga.std-pci</c>.</summary>
/// <param name="Rom">Image of the video BIOS; none when empty.</param>
/// <param name="Memory">Length of the memory in bytes.</param>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
public sealed record StdVgaOptions(
    [property: Option(OptionKind.File)] string Rom = "",
    [property: Option(OptionKind.Size, PowerOfTwo = true, Min = 0x10_0000, Max = 0x1000_0000)] ulong Memory = 0x100_0000,
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0);

/// <summary>QEMU's standard VGA: a VGA with the display interface of Bochs for linear modes, a frame buffer and its registers in PCI memory.</summary>
/// <remarks>
/// Banks <c>ports</c> and <c>window</c> as of <c>vga</c>, and <c>dispi</c> (0x1CE to 0x1D0). BAR 0 is the memory, BAR 2 has the VGA ports at 0x400 and the display interface at 0x500.
/// Source: QEMU, docs/specs/standard-vga; Bochs, "VBE DISPI interface".
/// </remarks>
[Device("vga.std-pci")]
public sealed class StdVga : Device, IPciFunction, IHasBanks, IFirmwareState, IHasScreen, IHasPicture
{
    private const ulong RegistersLength = 0x1000, RomLength = 0x1_0000;

    private readonly VgaCore _core;
    private readonly DisplayInterface _interface;

    /// <summary>Creates the card.</summary>
    /// <exception cref="MachineException">The video BIOS can't be read.</exception>
    public StdVga(StdVgaOptions options, IDeviceContext context)
    {
        IRamBlock memory = context.AllocateMemory("bar0", options.Memory);
        _core = new VgaCore(context, memory, alternates: false);
        _interface = new DisplayInterface(memory);
        _core.Memory.Bank = () => _interface.Bank;
        Configuration = new PciConfiguration(0x1234, 0x1111, 0x03_0000, revision: 2)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .AddBar(new PciBar(0, PciBarKind.Memory32, new RamRegion("bar0", memory), Prefetchable: true))
            .AddBar(new PciBar(2, PciBarKind.Memory32, new MmioRegion("bar2", RegistersLength, new MappedRegisters(_core.Ports, _interface), maxWidth: 4)))
            .AddBar(new PciBar(6, PciBarKind.Rom, Rom(options, context)));
        Banks =
        [
            .. _core.Banks,
            new DeviceBank("dispi", new MmioRegion("dispi", 3, _interface, maxWidth: 2)),
            .. Configuration.Bars.Select(b => new DeviceBank(b.Region.Name, b.Region)),
        ];
        _interface.Reset();
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
        _interface.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        _core.Save(writer);
        _interface.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        _core.Load(reader);
        _interface.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _core.TrySetFirmwareState(key, value) || Configuration.TrySetFirmwareState(key, value);

    /// <inheritdoc/>
    public ScreenText? ReadScreen() => _interface.IsEnabled ? null : _core.Screen();

    /// <inheritdoc/>
    public ScreenPicture ReadPicture() => _interface.IsEnabled ? _interface.Draw(_core.Colours) : _core.Picture();

    private static RomRegion Rom(StdVgaOptions options, IDeviceContext context)
    {
        IRamBlock block = context.AllocateMemory("bar6", RomLength);
        if (options.Rom.Length > 0)
        {
            context.ReadImage(options.Rom, RomLength).CopyTo(new DirectMemory(block.Pointer, RomLength).AsSpan());
        }

        return new RomRegion("bar6", block);
    }

    /// <summary>The registers in memory: VGA ports from 0x3C0 on at 0x400, the display interface's words at 0x500.</summary>
    private sealed class MappedRegisters(IRegionHandler ports, DisplayInterface words) : IRegionHandler
    {
        private const ulong Ports = 0x400, PortsLength = 0x20, FirstPort = 0x10, Words = 0x500, WordsLength = 0x16, Identity = 0x604;

        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            if (offset is >= Ports and < Ports + PortsLength)
            {
                return ports.Read(offset - Ports + FirstPort, width, out value, attributes);
            }

            value = 0;
            for (int i = 0; i < width; i++)
            {
                ulong at = offset + (ulong)i;
                byte b = at is >= Words and < Words + WordsLength ? (byte)(words.ReadWord((int)(at - Words) / 2) >> (int)(8 * (at & 1)))
                    : at is >= Identity and < Identity + 4 ? (byte)(0xBEBE_BEBE >> (int)(8 * (at & 3))) : (byte)0;
                value |= (ulong)b << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            if (offset is >= Ports and < Ports + PortsLength)
            {
                return ports.Write(offset - Ports + FirstPort, width, value, attributes);
            }

            if (offset is >= Words and < Words + WordsLength && width >= 2)
            {
                words.WriteWord((int)(offset - Words) / 2, (ushort)value);
            }

            return AccessResult.Ok;
        }
    }
}
