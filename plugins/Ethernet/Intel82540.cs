using Kmem.Abstractions;
using static Kmem.Plugins.Ethernet.Offsets;

namespace Kmem.Plugins.Ethernet;

/// <summary>Intel's 82540EM gigabit Ethernet controller, which QEMU calls e1000: rings with checksum and segmentation offload, filters, VLANs, EEPROM, transceiver, counters; output <c>inta</c>.</summary>
/// <remarks>Source: Intel, PCI/PCI-X Family of Gigabit Ethernet Controllers Software Developer's Manual, revision 4.0.</remarks>
[Device("intel.82540em")]
public sealed class Intel82540 : Device, IPciFunction, IHasBanks, IFirmwareState
{
    private const ulong RegistersLength = 0x2_0000, PortsLength = 64, RomLength = 0x4_0000;

    private readonly RegisterFile _registers = new();
    private readonly Statistics _statistics = new();
    private readonly InterruptUnit _interrupts;
    private readonly Eeprom _eeprom;
    private readonly Phy _phy;
    private readonly ReceiveUnit _receive;
    private readonly TransmitUnit _transmit;
    private readonly DelayTimer _receiveDelay, _transmitDelay;
    private readonly ControllerPorts _ports;
    private readonly INetworkPort? _port;
    private bool _hadLink;

    /// <summary>Creates the controller.</summary>
    /// <exception cref="MachineException">The address is none, or the option ROM can't be read.</exception>
    public Intel82540(EthernetOptions options, IDeviceContext context)
    {
        IAddressSpace memory = context.Space(options.Dma);
        var attributes = new AccessAttributes(context.Master);
        _interrupts = new InterruptUnit(context.Irq("inta"), context.Clock, () => _registers[ITR]);
        _eeprom = new Eeprom(options.MacBytes(), options.Subsystem, options.SubsystemVendor);
        _phy = new Phy(context.Clock, options.Network.Length > 0, LinkMayHaveChanged);
        _receiveDelay = new DelayTimer(context.Clock, () => _interrupts.Raise(Cause.ReceiveTimer));
        _transmitDelay = new DelayTimer(context.Clock, () => _interrupts.Raise(Cause.TransmitWrittenBack));
        _receive = new ReceiveUnit(_registers, _statistics, memory, attributes) { Stored = FrameStored, Few = () => _interrupts.Raise(Cause.ReceiveFew) };
        _transmit = new TransmitUnit(_registers, _statistics, memory, attributes) { Send = Send, Reported = DescriptorsReported, Emptied = () => _interrupts.Raise(Cause.TransmitQueueEmpty) };
        var registers = new ControllerRegisters(this, _registers);
        _ports = new ControllerPorts(registers);
        byte[] image = options.Rom.Length == 0 ? [] : context.ReadImage(options.Rom, RomLength);
        Configuration = new PciConfiguration(0x8086, 0x100E, 0x02_0000, revision: 3)
            .Define(0x2C, 2, options.SubsystemVendor)
            .Define(0x2E, 2, options.Subsystem)
            .Define(0x3D, 1, 1)
            .AddBar(new PciBar(0, PciBarKind.Memory32, new MmioRegion("bar0", RegistersLength, registers, maxWidth: 4)))
            .AddBar(new PciBar(1, PciBarKind.Io, new MmioRegion("bar1", PortsLength, _ports, maxWidth: 4)))
            .AddBar(new PciBar(6, PciBarKind.Rom, new MmioRegion("bar6", RomLength, new OptionRom(image))));
        Banks = [.. Configuration.Bars.Select(b => new DeviceBank(b.Region.Name, b.Region))];
        _port = options.Network.Length == 0 ? null : context.Device<INetwork>(options.Network).Attach(Receive);
        ResetController();
        _phy.Reset();
        _hadLink = _phy.HasLink;
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private bool HasLink => _phy.HasLink && (_registers[CTRL] & CtrlSetLinkUp) != 0;

    /// <inheritdoc/>
    public override void Reset()
    {
        Configuration.Reset();
        _ports.Reset();
        ResetController();
        _phy.Reset();
        _hadLink = _phy.HasLink;
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        _registers.Save(writer);
        _statistics.Save(writer);
        _eeprom.Save(writer);
        _phy.Save(writer);
        _ports.Save(writer);
        _receive.Save(writer);
        _transmit.Save(writer);
        _receiveDelay.Save(writer, "receive_delay");
        _transmitDelay.Save(writer, "transmit_delay");
        writer.Bool(_hadLink);
        _interrupts.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        _registers.Load(reader);
        _statistics.Load(reader);
        _eeprom.Load(reader);
        _phy.Load(reader);
        _ports.Load(reader);
        _receive.Load(reader);
        _transmit.Load(reader);
        _receiveDelay.Load(reader);
        _transmitDelay.Load(reader);
        _hadLink = reader.Bool();
        _interrupts.Load(reader);
        _port?.Resume();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    /// <summary>Reads a register.</summary>
    internal uint ReadRegister(uint offset, bool peek)
    {
        switch (offset)
        {
            case STATUS:
                const uint FullDuplex = 1, LinkUp = 2, Gigabit = 0x80, DetectedGigabit = 0x200;
                return FullDuplex | Gigabit | DetectedGigabit | (HasLink ? LinkUp : 0);
            case EECD:
                return _eeprom.Pins;
            case ICR:
                uint causes = _interrupts.Causes;
                if (!peek)
                {
                    _interrupts.Clear(causes);
                }

                return causes;
            case ICS:
                return _interrupts.Causes;
            case IMS:
                return _interrupts.Mask;
            case >= Statistics.First and <= Statistics.Last:
                return _statistics.Read(offset, peek);
            default:
                return _registers[offset];
        }
    }

    /// <summary>Writes a register.</summary>
    internal void WriteRegister(uint offset, uint value)
    {
        switch (offset)
        {
            case CTRL when (value & CtrlReset) != 0:
                ResetController();
                _registers.Write(CTRL, value);
                LinkMayHaveChanged();
                return;
            case CTRL:
                bool resetsPhy = ((_registers[CTRL] & ~value) & CtrlPhyReset) != 0;
                _registers.Write(offset, value);
                _registers[CTRL] = (_registers[CTRL] & ~CtrlPhyReset) | (value & CtrlPhyReset);
                if (resetsPhy)
                {
                    _phy.Reset();
                    _phy.Renegotiate();
                }

                break;
            case EECD:
                _eeprom.Pins = value;
                break;
            case EERD:
                _registers[EERD] = _eeprom.Read(value);
                break;
            case MDIC:
                AccessPhy(value);
                break;
            case CTRL_EXT when (value & (1 << 13)) != 0:
                // The EEPROM is read again; what it says of addresses comes back.
                _registers.Write(offset, value);
                LoadAddress();
                break;
            case ICR:
                _interrupts.Clear(value);
                break;
            case ICS:
                _interrupts.Raise((Cause)value);
                break;
            case IMS:
                _interrupts.Mask |= value;
                break;
            case IMC:
                _interrupts.Mask &= ~value;
                break;
            case RDTR:
                _registers.Write(offset, value);
                if ((value & FlushPartial) != 0)
                {
                    _receiveDelay.Flush();
                }

                break;
            case TIDV:
                _registers.Write(offset, value);
                if ((value & FlushPartial) != 0)
                {
                    _transmitDelay.Flush();
                }

                break;
            default:
                _registers.Write(offset, value);
                break;
        }

        if (offset is RDT or RDH or RCTL or RDLEN)
        {
            _port?.Resume();
        }
        else if (offset is TDT or TCTL)
        {
            _transmit.Run();
        }
        else if (offset == CTRL)
        {
            LinkMayHaveChanged();
        }
    }

    private void ResetController()
    {
        _registers.Reset();
        _statistics.Reset();
        _interrupts.Reset();
        _eeprom.Reset();
        _receive.Reset();
        _transmit.Reset();
        _receiveDelay.Stop();
        _transmitDelay.Stop();
        LoadAddress();
        _port?.Resume();
    }

    private void LoadAddress()
    {
        const uint Valid = 1U << 31;
        _registers[RAL] = _eeprom[0] | ((uint)_eeprom[1] << 16);
        _registers[RAH] = _eeprom[2] | Valid;
    }

    private void AccessPhy(uint value)
    {
        const uint WriteOne = 1, ReadOne = 2, Address = 1, Ready = 1 << 28, Interrupts = 1 << 29, Failed = 1 << 30;
        int register = (int)(value >> 16) & 0x1F;
        uint operation = (value >> 26) & 3, answer = value & ~(Ready | Failed);
        if (((value >> 21) & 0x1F) != Address || operation is not (WriteOne or ReadOne))
        {
            answer |= Failed;
        }
        else if (operation == ReadOne)
        {
            answer = (answer & 0xFFFF_0000) | _phy.Read(register);
        }
        else
        {
            _phy.Write(register, (ushort)value);
        }

        _registers[MDIC] = answer | Ready;
        if ((value & Interrupts) != 0)
        {
            _interrupts.Raise(Cause.MdioDone);
        }
    }

    private void LinkMayHaveChanged()
    {
        bool hasLink = _phy.HasLink;
        if (hasLink != _hadLink)
        {
            _hadLink = hasLink;
            _interrupts.Raise(Cause.LinkChanged);
        }
    }

    private bool Receive(ReadOnlyMemory<byte> frame) => !HasLink || IsLoopback || _receive.Take(frame.Span);

    private bool IsLoopback => _phy.IsLoopback || (_registers[RCTL] & RctlLoopback) != 0;

    private void Send(ReadOnlySpan<byte> frame)
    {
        if (IsLoopback)
        {
            _ = _receive.Take(frame);
        }
        else if (HasLink)
        {
            _port?.Send(frame);
        }
    }

    private void FrameStored(int length)
    {
        if (length <= _registers[RSRPD])
        {
            _interrupts.Raise(Cause.SmallPacket);
        }

        _receiveDelay.Touch(_registers[RDTR] & 0xFFFF, _registers[RADV]);
    }

    private void DescriptorsReported(bool mayBePutOff) => _transmitDelay.Touch(mayBePutOff ? _registers[TIDV] & 0xFFFF : 0, _registers[TADV]);

    /// <summary>The option ROM; what lies behind its image reads as ones.</summary>
    private sealed class OptionRom(byte[] image) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)(offset + (ulong)i < (ulong)image.Length ? image[offset + (ulong)i] : image.Length == 0 ? 0 : 0xFF) << (8 * i);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
    }
}
