using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Interrupts;

/// <summary>Options of <c>intel.8259-pair</c>.</summary>
/// <param name="Latched">Whether an edge counts even after its line has fallen again, as in QEMU 7.2; by the datasheet it does not.</param>
/// <param name="NarrowControl">Whether a wider read of an edge/level control register gives it in every byte, as in QEMU 7.2, and not the one behind it too.</param>
public sealed record PicOptions(bool Latched = false, bool NarrowControl = false);

/// <summary>Two 8259A as in a PC: the slave's INT goes to input 2 of the master; edge/level control registers beside them.</summary>
/// <remarks>
/// Banks <c>master</c>, <c>slave</c> and <c>elcr</c> of two ports each, inputs <c>in.0</c> to <c>in.15</c> without 2, output <c>intr</c>.
/// A request that goes away before it is acknowledged takes its cascade with it, and an acknowledge cycle is one step here; so a spurious interrupt has
/// the master's vector 7 and never the slave's. Firmware state: <c>master-imr</c>, <c>slave-imr</c>, <c>master-vector</c>, <c>slave-vector</c>, <c>elcr1</c>, <c>elcr2</c>.
/// Source: Intel 8259A datasheet (order number 231468), section "Cascade Mode"; Intel 82378 datasheet (order number 290473), section "ELCR1, ELCR2".
/// </remarks>
[Device("intel.8259-pair")]
public sealed class PicPair : Device, IHasBanks, IFirmwareState, IInterruptAcknowledge
{
    private const int Cascade = 2;

    /// <summary>Timer, keyboard and cascade of the master, clock and coprocessor of the slave are always edges.</summary>
    private const byte MasterControllable = 0xF8, SlaveControllable = 0xDE;

    private readonly Pic8259 _master;
    private readonly Pic8259 _slave;
    private readonly IIrqLine _intr;

    /// <summary>Creates the pair.</summary>
    public PicPair(PicOptions options, IDeviceContext context)
    {
        _intr = context.Irq("intr");
        (_master, _slave) = (new Pic8259(1 << Cascade, "master", options.Latched), new Pic8259(0, "slave", options.Latched));
        for (int i = 0; i < 16; i++)
        {
            if (i != Cascade)
            {
                (Pic8259 chip, int level) = (i < 8 ? _master : _slave, i & 7);
                context.Input(string.Create(CultureInfo.InvariantCulture, $"in.{i}"), high => chip.Drive(level, high));
            }
        }

        // The master's edge detector sees the next request of a slave that ends its interrupts by itself only if INT falls in between.
        _slave.Taken = () => _master.Drive(Cascade, high: false);
        _slave.Changed = () => _master.Drive(Cascade, _slave.IsRequesting);
        _master.Changed = () => _intr.Level = _master.IsRequesting;
        RegisterMap levels = new RegisterMap(width: 1, count: 2)
            .Add(0, "ELCR1", () => _master.LevelControl, v => _master.LevelControl = (byte)(v & MasterControllable))
            .Add(1, "ELCR2", () => _slave.LevelControl, v => _slave.LevelControl = (byte)(v & SlaveControllable));
        Banks =
        [
            new DeviceBank("master", new MmioRegion("master", 2, _master.Registers)),
            new DeviceBank("slave", new MmioRegion("slave", 2, _slave.Registers)),
            new DeviceBank("elcr", new MmioRegion("elcr", 2, options.NarrowControl ? new NarrowRegisters(levels) : levels)),
        ];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public byte Acknowledge()
    {
        int level = _master.Take();
        return level == Cascade && _master.IsCascaded ? _slave.VectorOf(_slave.Take()) : _master.VectorOf(level);
    }

    /// <inheritdoc/>
    public byte PeekVector()
    {
        int level = _master.PeekLevel();
        return level == Cascade && _master.IsCascaded ? _slave.VectorOf(_slave.PeekLevel()) : _master.VectorOf(level);
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        _master.Reset();
        _slave.Reset();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        _master.Save(writer);
        _slave.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _master.Load(reader);
        _slave.Load(reader);

        // The line between the two is part of the master's state, so only the output is derived.
        _intr.Level = _master.IsRequesting;
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        byte octet = (byte)value;
        switch (key)
        {
            case "master-imr":
                _master.Mask = octet;
                break;
            case "slave-imr":
                _slave.Mask = octet;
                break;
            case "master-vector":
                _master.VectorBase = octet;
                break;
            case "slave-vector":
                _slave.VectorBase = octet;
                break;
            case "elcr1":
                _master.LevelControl = (byte)(octet & MasterControllable);
                break;
            case "elcr2":
                _slave.LevelControl = (byte)(octet & SlaveControllable);
                break;
            default:
                return false;
        }

        return value <= byte.MaxValue;
    }

    private void Update()
    {
        _slave.Changed!();
        _master.Changed!();
    }

    /// <summary>Registers of one byte that give themselves in every byte of a wider read.</summary>
    private sealed class NarrowRegisters(RegisterMap registers) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            AccessResult result = registers.Read(offset, 1, out value, attributes);
            value *= 0x0101_0101_0101_0101UL >> (64 - (8 * width));
            return result;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => registers.Write(offset, width, value, attributes);
    }
}
