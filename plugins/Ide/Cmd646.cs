using Kmem.Abstractions;

namespace Kmem.Plugins.Ide;

/// <summary>The CMD Technology PCI0646U2: two cables in native mode, one PCI interrupt.</summary>
/// <remarks>
/// Both cables' interrupts are latched in MRDMODE (configuration 0x71 and bus master register 1), shown in CFR and ARTTIM23 too, and
/// blocked by bits 4 and 5 of MRDMODE. A latch follows the drive: it clears with the drive's own request or by writing a one.
/// Source: CMD Technology PCI0646U2 "PCI-to-Ultra ATA" data sheet, configuration registers 0x50 to 0x7B; names as there.
/// </remarks>
[Device("ide.cmd646")]
public sealed class Cmd646 : Device, IPciFunction, IHasBanks, IFirmwareState
{
    private const int Cfr = 0x50, Cntrl = 0x51, Arttim23 = 0x57, Mrdmode = 0x71, Udidetcr0 = 0x73, Udidetcr1 = 0x7B, Command = 0x04;
    private const byte CfrInterrupt = 0x04, Arttim23Interrupt = 0x10, EnableFirst = 0x04, EnableSecond = 0x08;
    private const byte FirstInterrupt = 0x04, SecondInterrupt = 0x08, Interrupts = FirstInterrupt | SecondInterrupt, WritableMode = 0x33;
    private const int InterruptDisable = 0x0400;

    private readonly IdePair _pair;
    private readonly IIrqLine _line;
    private bool _first;
    private bool _second;

    /// <summary>Creates the controller.</summary>
    public Cmd646(IdeOptions options, IDeviceContext context)
    {
        _line = context.Irq("inta");
        _pair = new IdePair(options, context, LatchInterrupts);

        // The second cable is switched on by a strap, which is set when something hangs on it.
        uint control = EnableFirst | (_pair.Secondary.HasDrives ? EnableSecond : 0u);
        Configuration = new PciConfiguration(0x1095, 0x0646, 0x01_018F, revision: 7)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x3D, 1, 1)
            .Define(Cfr, 1, 0, writeOneToClear: CfrInterrupt)
            .Define(Cntrl, 1, control, writable: 0xFC)
            .Define(0x52, 1, 0, writable: 0xFF)
            .Define(0x53, 4, 0xA980_A980, writable: 0xFFFF_FFFF)
            .Define(Arttim23, 1, 0, writable: 0xEF, writeOneToClear: Arttim23Interrupt)
            .Define(0x58, 4, 0, writable: 0xFFFF_FFFF)
            .Define(Mrdmode, 1, 0, writable: WritableMode, writeOneToClear: Interrupts)
            .Define(Udidetcr0, 1, 0, writable: 0xFF)
            .Define(Udidetcr1, 1, 0, writable: 0xFF);
        Configuration.Watch(Cfr, Arttim23, ClearLatches);
        Configuration.Watch(Mrdmode, Mrdmode, Update);
        Configuration.Watch(Command, Command + 1, Update);
        AddBar(0, 8, _pair.Primary.CommandBlock);
        AddBar(1, 4, new ControlBlock(_pair.Primary.ControlBlock));
        AddBar(2, 8, _pair.Secondary.CommandBlock);
        AddBar(3, 4, new ControlBlock(_pair.Secondary.ControlBlock));
        AddBar(4, IdePair.BusMasterLength, new ByteRegisters(ReadBusMaster, WriteBusMaster));
        Banks = [.. Configuration.Bars.Select(b => new DeviceBank(b.Region.Name, b.Region))];
        Reset();
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private byte Mode => Configuration.Bytes[Mrdmode];

    /// <inheritdoc/>
    public override void Reset()
    {
        (_first, _second) = (false, false);
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
        (_first, _second) = (_pair.Primary.Level, _pair.Secondary.Level);
        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    private void AddBar(int index, ulong length, IRegionHandler handler) =>
        Configuration.AddBar(new PciBar(index, PciBarKind.Io, new MmioRegion($"bar{index}", length, handler)));

    /// <summary>Between the bus master's own registers stand MRDMODE and the Ultra DMA timings.</summary>
    private byte ReadBusMaster(ulong offset) => offset switch
    {
        1 => Mode,
        3 => Configuration.Bytes[Udidetcr0],
        11 => Configuration.Bytes[Udidetcr1],
        _ => _pair.BusMasterOf(offset).Read((int)(offset & 7)),
    };

    private void WriteBusMaster(ulong offset, byte value)
    {
        switch (offset)
        {
            case 1:
                Configuration.Set(Mrdmode, 1, (ulong)((Mode & Interrupts & ~value) | (value & WritableMode)));
                break;
            case 3:
                Configuration.Set(Udidetcr0, 1, value);
                break;
            case 11:
                Configuration.Set(Udidetcr1, 1, value);
                break;
            default:
                _pair.BusMasterOf(offset).Write((int)(offset & 7), value);
                break;
        }
    }

    /// <summary>A drive's request has changed: its latch takes the new level.</summary>
    private void LatchInterrupts()
    {
        byte mode = Mode;
        if (_pair.Primary.Level != _first)
        {
            _first = !_first;
            mode = With(mode, FirstInterrupt, _first);
        }

        if (_pair.Secondary.Level != _second)
        {
            _second = !_second;
            mode = With(mode, SecondInterrupt, _second);
        }

        Configuration.Set(Mrdmode, 1, mode);
    }

    private void Update()
    {
        byte mode = Mode, pending = (byte)(mode & Interrupts & ~(mode >> 2));
        Show((mode & FirstInterrupt) != 0, (mode & SecondInterrupt) != 0);
        _line.Level = pending != 0 && (Configuration.Read(Command, 2) & InterruptDisable) == 0;
    }

    /// <summary>CFR and ARTTIM23 have been written: a one there clears the latch behind it.</summary>
    private void ClearLatches()
    {
        byte mode = With(Mode, FirstInterrupt, (Mode & FirstInterrupt) != 0 && (Configuration.Bytes[Cfr] & CfrInterrupt) != 0);
        mode = With(mode, SecondInterrupt, (mode & SecondInterrupt) != 0 && (Configuration.Bytes[Arttim23] & Arttim23Interrupt) != 0);
        if (mode != Mode)
        {
            Configuration.Set(Mrdmode, 1, mode);
        }
    }

    private static byte With(byte value, byte bit, bool on) => (byte)(on ? value | bit : value & ~bit);

    /// <summary>Brings CFR and ARTTIM23 up to date in one step, for their watcher must not see one of them alone.</summary>
    private void Show(bool first, bool second)
    {
        const int Distance = 8 * (Arttim23 - Cfr);
        ulong now = Configuration.Read(Cfr, 8), wanted = now & ~(CfrInterrupt | ((ulong)Arttim23Interrupt << Distance));
        wanted |= (first ? CfrInterrupt : 0UL) | (second ? (ulong)Arttim23Interrupt << Distance : 0);
        if (now != wanted)
        {
            Configuration.Set(Cfr, 8, wanted);
        }
    }

    /// <summary>Four ports of which the third is the control register.</summary>
    private sealed class ControlBlock(IRegionHandler register) : IRegionHandler
    {
        private const ulong Place = 2;

        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            if (offset <= Place && offset + (ulong)width > Place)
            {
                register.Read(0, 1, out ulong status, attributes);
                value = status << (int)(8 * (Place - offset));
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) =>
            offset <= Place && offset + (ulong)width > Place ? register.Write(0, 1, (value >> (int)(8 * (Place - offset))) & 0xFF, attributes) : AccessResult.Ok;
    }
}
