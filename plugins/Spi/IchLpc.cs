using Kmem.Abstractions;

namespace Kmem.Plugins.Spi;

/// <summary>Options of <c>intel.ich-lpc</c>.</summary>
/// <param name="Flash">The chip on the SPI bus, for example a <c>flash.spi-nor</c>.</param>
/// <param name="Memory">The space in which RCBA places the chip set registers.</param>
/// <param name="Generation">Which hub it is.</param>
public sealed record IchLpcOptions(
    [property: Option(OptionKind.Device)] string Flash,
    [property: Option(OptionKind.Space)] string Memory,
    IchGeneration Generation = IchGeneration.Ich9);

/// <summary>The LPC interface bridge of an ICH7 or ICH9, function 31.0: its configuration space, and the root complex register block with the SPI host interface.</summary>
/// <remarks>
/// RCBA moves the register block in its space. FWH_SEL and FWH_DEC_EN1 hold what is written; where the flash is seen below 4 GiB is the machine's to say.
/// Source: Intel I/O Controller Hub 7 datasheet (order number 307013) and I/O Controller Hub 9 datasheet (order number 316972), sections "Chipset
/// Configuration Registers" and "PCI Configuration Registers (LPC I/F - D31:F0)".
/// </remarks>
[Device("intel.ich-lpc")]
public sealed class IchLpc : Device, IPciFunction, IFirmwareState
{
    private const int BIOS_CNTL = 0xDC, RCBA = 0xF0, BlockLength = 0x4000, Priority = -4096;
    private const byte BIOSWE = 0x01, BLE = 0x02;

    private readonly IAddressSpace _memory;
    private readonly RootComplexBlock _block;
    private readonly MmioRegion _region;
    private IRegionMapping? _mapping;

    /// <summary>Creates the bridge.</summary>
    public IchLpc(IchLpcOptions options, IDeviceContext context)
    {
        _memory = context.Space(options.Memory);
        Configuration = new PciConfiguration(0x8086, options.Generation == IchGeneration.Ich7 ? (ushort)0x27B8 : (ushort)0x2918, 0x06_0100, revision: 2)
            .Define(0x04, 2, 0x0007, writable: 0x0140)
            .Define(0x06, 2, 0x0210, writeOneToClear: 0xF900)
            .Define(0x0E, 1, 0x80)
            .Define(0x40, 4, 0x01, writable: 0xFF80)           // PMBASE
            .Define(0x44, 1, 0, writable: 0x87)                // ACPI_CNTL
            .Define(0x48, 4, 0x01, writable: 0xFFC0)           // GPIOBASE
            .Define(0x4C, 1, 0, writable: 0x10)                // GC
            .Define(0x60, 4, 0x8080_8080, writable: 0x8F8F_8F8F)
            .Define(0x64, 1, 0x10, writable: 0xFF)             // SIRQ_CNTL
            .Define(0x68, 4, 0x8080_8080, writable: 0x8F8F_8F8F)
            .Define(0x80, 2, 0, writable: 0x1377)              // LPC_I/O_DEC
            .Define(0x82, 2, 0, writable: 0x3F0F)              // LPC_EN
            .Define(0x84, 4, 0, writable: 0x00FC_FFFD)         // GEN1_DEC to GEN4_DEC
            .Define(0x88, 4, 0, writable: 0x00FC_FFFD)
            .Define(0x8C, 4, 0, writable: 0x00FC_FFFD)
            .Define(0x90, 4, 0, writable: 0x00FC_FFFD)
            .Define(0xD0, 4, 0x0011_2233, writable: uint.MaxValue)   // FWH_SEL1
            .Define(0xD4, 2, 0x4567, writable: 0xFFFF)         // FWH_SEL2
            .Define(0xD8, 2, 0xFFCF, writable: 0x7FCF)         // FWH_DEC_EN1
            .Define(BIOS_CNTL, 1, 0, writable: 0x0F)
            .Define(RCBA, 4, 0, writable: 0xFFFF_C001);
        _block = new RootComplexBlock(new IchSpi(IchSpiLayout.Of(options.Generation), context.Device<ISpiChip>(options.Flash), () => (Configuration!.Bytes[BIOS_CNTL] & BIOSWE) != 0));
        _region = new MmioRegion(context.Id + ".rcrb", BlockLength, _block);
        Configuration.Watch(BIOS_CNTL, BIOS_CNTL, LockBios);
        Configuration.Watch(RCBA, RCBA + 3, MapBlock);
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _block.Reset();
        Configuration.Define(BIOS_CNTL, 1, 0, writable: 0x0F);
        Configuration.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        _block.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        _block.Load(reader);
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    /// <summary>Once BLE is set, only a reset clears it.</summary>
    private void LockBios()
    {
        byte value = Configuration.Bytes[BIOS_CNTL];
        Configuration.Define(BIOS_CNTL, 1, value, writable: (value & BLE) != 0 ? 0x0Du : 0x0F);
    }

    private void MapBlock()
    {
        uint value = (uint)Configuration.Read(RCBA, 4);
        ulong address = value & ~(BlockLength - 1u);
        bool isOn = (value & 1) != 0 && address + BlockLength <= 1UL << _memory.Width;
        if (isOn && _mapping is not null)
        {
            _mapping.Address = address;
        }
        else if (isOn)
        {
            _mapping = _memory.Map(_region, address, Priority);
        }
        else
        {
            _mapping?.Dispose();
            _mapping = null;
        }
    }
}
