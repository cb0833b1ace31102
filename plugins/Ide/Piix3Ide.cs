using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>The IDE function of the PIIX3: both cables at their legacy ports, the bus master behind base address register 4.</summary>
/// <remarks>
/// Banks: <c>primary</c> (0x1F0), <c>primary-control</c> (0x3F6), <c>secondary</c> (0x170), <c>secondary-control</c> (0x376).
/// Source: Intel 82371SB (PIIX3) datasheet (order number 290550), section 2.3 "PCI configuration registers, IDE interface".
/// </remarks>
[Device("ide.piix3")]
public sealed class Piix3Ide : Device, IPciFunction, IHasBanks, IFirmwareState
{
    private readonly IdePair _pair;
    private readonly IIrqLine _irq14;
    private readonly IIrqLine _irq15;

    /// <summary>Creates the function.</summary>
    public Piix3Ide(IdeOptions options, IDeviceContext context)
    {
        (_irq14, _irq15) = (context.Irq("irq14"), context.Irq("irq15"));
        _pair = new IdePair(options, context, Update);
        Configuration = new PciConfiguration(0x8086, 0x7010, 0x01_0180)
            .Define(0x06, 2, 0x0280, writeOneToClear: 0xF900)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x40, 4, 0, writable: 0xFFFF_FFFF)
            .Define(0x44, 1, 0, writable: 0xFF);
        var busMaster = new MmioRegion("bar4", IdePair.BusMasterLength, new ByteRegisters(
            o => _pair.BusMasterOf(o).Read((int)(o & 7)),
            (o, v) => _pair.BusMasterOf(o).Write((int)(o & 7), v)));
        Configuration.AddBar(new PciBar(4, PciBarKind.Io, busMaster));
        Banks =
        [
            new DeviceBank("primary", new MmioRegion("primary", 8, _pair.Primary.CommandBlock)),
            new DeviceBank("primary-control", new MmioRegion("primary-control", 1, _pair.Primary.ControlBlock)),
            new DeviceBank("secondary", new MmioRegion("secondary", 8, _pair.Secondary.CommandBlock)),
            new DeviceBank("secondary-control", new MmioRegion("secondary-control", 1, _pair.Secondary.ControlBlock)),
            new DeviceBank("bar4", busMaster),
        ];
        Reset();
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        Configuration.Reset();
        _pair.Reset();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        _pair.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        _pair.Load(reader);
        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    private void Update() => (_irq14.Level, _irq15.Level) = (_pair.Primary.Level, _pair.Secondary.Level);
}
