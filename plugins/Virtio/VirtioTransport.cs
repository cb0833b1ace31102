using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Virtio;

/// <summary>A transitional virtio device on PCI: the legacy registers behind base address register 0, those of version 1 behind register 4.</summary>
/// <remarks>Source: Virtual I/O Device (VIRTIO) Version 1.1, section 4.1 "Virtio Over PCI Bus", with 4.1.4.8 for the legacy interface.</remarks>
internal sealed class VirtioTransport
{
    private const ulong LegacyLength = 64, ModernLength = 0x4000, Common = 0x0000, Isr = 0x1000, Own = 0x2000, Notification = 0x3000, PartLength = 0x1000, CommonLength = 0x38, LegacyOwn = 0x14, LegacyOwnBehindVectors = 0x18;
    private const ulong Version1 = 1UL << 32, IndirectDescriptors = 1UL << 28;
    private const byte QueueInterrupt = 1, ConfigurationInterrupt = 2, DriverOk = 4;

    private readonly IVirtioModel _model;
    private readonly IIrqLine _irq;
    private readonly VirtQueue[] _queues;
    private readonly MsixTable _messages;
    private ushort _configurationVector = MsixTable.None;
    private uint _deviceSelect;
    private uint _driverSelect;
    private ulong _accepted;
    private ushort _queue;
    private byte _status;
    private byte _isr;

    /// <summary>Creates the transport.</summary>
    /// <param name="model">What it carries.</param>
    /// <param name="context">The device.</param>
    /// <param name="memory">The space in which queues lie.</param>
    /// <param name="type">Device type of virtio, which is the subsystem ID.</param>
    /// <param name="device">PCI device ID.</param>
    /// <param name="classCode">PCI class code.</param>
    public VirtioTransport(IVirtioModel model, IDeviceContext context, string memory, ushort type, ushort device, uint classCode)
    {
        _model = model;
        _irq = context.Irq("inta");
        IAddressSpace space = context.Space(memory);
        _queues = [.. model.QueueSizes.Select(s => new VirtQueue(space, context.Master, s))];
        Configuration = new PciConfiguration(0x1AF4, device, classCode)
            .Define(0x06, 2, 0x0010, writeOneToClear: 0xF900)
            .Define(0x2C, 2, 0x1AF4)
            .Define(0x2E, 2, type)
            .Define(0x34, 1, 0x40)
            .Define(0x3D, 1, 1)
            .AddBar(new PciBar(0, PciBarKind.Io, new MmioRegion("bar0", LegacyLength, new LegacyRegisters(this), maxWidth: 4)));
        _messages = new MsixTable(Configuration, _queues.Length + 1, bar: 1, space, context.Master) { Switched = UpdateLine };
        Configuration
            .AddBar(new PciBar(1, PciBarKind.Memory32, new MmioRegion("bar1", MsixTable.Length, _messages)))
            .AddBar(new PciBar(4, PciBarKind.Memory64, new MmioRegion("bar4", ModernLength, new ModernRegisters(this), maxWidth: 4), Prefetchable: true));
        Capability(0x40, next: 0x50, kind: 1, Common, PartLength);
        Capability(0x50, next: 0x60, kind: 3, Isr, PartLength);
        Capability(0x60, next: 0x70, kind: 4, Own, PartLength);
        Capability(0x70, next: MsixTable.Place, kind: 2, Notification, PartLength);
        Configuration.Define(0x72, 1, 20).Define(0x80, 4, 4);
        Banks = [.. Configuration.Bars.Select(b => new DeviceBank(b.Region.Name, b.Region))];
    }

    public PciConfiguration Configuration { get; }

    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <summary>Features that the driver has accepted.</summary>
    public ulong Accepted => _accepted;

    /// <summary>Whether the driver has said that it runs.</summary>
    public bool IsRunning => (_status & DriverOk) != 0;

    /// <summary>Whether the driver speaks version 1 of the protocol.</summary>
    public bool IsModern => (_accepted & Version1) != 0;

    public VirtQueue Queue(int number) => _queues[number];

    /// <summary>Buffers of a queue have been used.</summary>
    public void Interrupt(VirtQueue queue)
    {
        if (queue.IsQuiet)
        {
            return;
        }

        if (_messages.IsEnabled)
        {
            _messages.Signal(queue.Vector);
        }
        else
        {
            SetIsr(_isr | QueueInterrupt);
        }
    }

    public void Reset()
    {
        Configuration.Reset();
        _messages.Reset();
        ResetDevice();
    }

    public void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        writer.U32(_deviceSelect);
        writer.U32(_driverSelect);
        writer.U64(_accepted);
        writer.U16(_queue);
        writer.U8(_status);
        writer.U8(_isr);
        writer.U16(_configurationVector);
        _messages.Save(writer);
        for (int i = 0; i < _queues.Length; i++)
        {
            _queues[i].Save(writer, string.Create(CultureInfo.InvariantCulture, $"queue{i}"));
        }
    }

    public void Load(StateReader reader)
    {
        _messages.Reset();
        Configuration.Load(reader);
        (_deviceSelect, _driverSelect, _accepted, _queue, _status) = (reader.U32(), reader.U32(), reader.U64(), reader.U16(), reader.U8());
        byte isr = reader.U8();
        _configurationVector = reader.U16();
        _messages.Load(reader);
        foreach (VirtQueue queue in _queues)
        {
            queue.Load(reader);
        }

        SetIsr(isr);
    }

    private ulong Offered => _model.Features | Version1 | IndirectDescriptors;

    private VirtQueue? Selected => _queue < _queues.Length ? _queues[_queue] : null;

    private void Capability(int at, byte next, byte kind, ulong offset, ulong length) => Configuration
        .Define(at, 1, 0x09).Define(at + 1, 1, next).Define(at + 2, 1, 16).Define(at + 3, 1, kind)
        .Define(at + 4, 1, 4).Define(at + 8, 4, (uint)offset).Define(at + 12, 4, (uint)length);

    private void ResetDevice()
    {
        (_deviceSelect, _driverSelect, _accepted, _queue, _status, _configurationVector) = (0, 0, 0, 0, 0, MsixTable.None);
        foreach (VirtQueue queue in _queues)
        {
            queue.Reset();
        }

        _model.Reset();
        SetIsr(0);
    }

    private void SetIsr(int value)
    {
        _isr = (byte)(value & (QueueInterrupt | ConfigurationInterrupt));
        UpdateLine();
    }

    private void UpdateLine() => _irq.Level = _isr != 0 && !_messages.IsEnabled;

    private byte ReadIsr(bool peek)
    {
        byte value = _isr;
        if (!peek)
        {
            SetIsr(0);
        }

        return value;
    }

    private void SetStatus(byte value)
    {
        if (value == 0)
        {
            ResetDevice();
        }
        else
        {
            _status = value;
        }
    }

    private void Notify(ushort queue)
    {
        if (queue < _queues.Length && _queues[queue].IsEnabled)
        {
            _model.Notify(queue);
        }
    }

    private ulong ReadOwn(ulong offset, int width)
    {
        ulong value = 0;
        byte[] own = _model.Configuration;
        for (int i = 0; i < width; i++)
        {
            value |= (offset + (ulong)i < (ulong)own.Length ? own[offset + (ulong)i] : 0UL) << (8 * i);
        }

        return value;
    }

    private ulong ReadCommon(ulong offset) => offset switch
    {
        0x00 => _deviceSelect,
        0x04 => _deviceSelect < 2 ? (uint)(Offered >> (int)(32 * _deviceSelect)) : 0,
        0x08 => _driverSelect,
        0x0C => _driverSelect < 2 ? (uint)(_accepted >> (int)(32 * _driverSelect)) : 0,
        0x10 => _configurationVector,
        0x1A => Selected?.Vector ?? MsixTable.None,
        0x12 => (ulong)_queues.Length,
        0x14 => _status,
        0x16 => _queue,
        0x18 => Selected?.Size ?? 0UL,
        0x1C => Selected is { IsEnabled: true } ? 1u : 0,
        0x1E => _queue,
        0x20 => (uint)(Selected?.Descriptors ?? 0),
        0x24 => (Selected?.Descriptors ?? 0) >> 32,
        0x28 => (uint)(Selected?.Available ?? 0),
        0x2C => (Selected?.Available ?? 0) >> 32,
        0x30 => (uint)(Selected?.Used ?? 0),
        0x34 => (Selected?.Used ?? 0) >> 32,
        _ => 0,
    };

    private void WriteCommon(ulong offset, ulong value)
    {
        static ulong Half(ulong old, ulong word, bool high) => high ? (uint)old | (word << 32) : (old & ~(ulong)uint.MaxValue) | (uint)word;
        switch (offset)
        {
            case 0x00:
                _deviceSelect = (uint)value;
                break;
            case 0x08:
                _driverSelect = (uint)value;
                break;
            case 0x0C when _driverSelect < 2:
                _accepted = Half(_accepted, value, _driverSelect == 1) & Offered;
                break;
            case 0x10:
                _configurationVector = _messages.Checked((ushort)value);
                break;
            case 0x14:
                SetStatus((byte)value);
                break;
            case 0x16:
                _queue = (ushort)value;
                break;
            case 0x1A when Selected is { } selected:
                selected.Vector = _messages.Checked((ushort)value);
                break;
            default:
                if (Selected is { } queue)
                {
                    WriteQueue(queue, offset, value, Half);
                }

                break;
        }
    }

    private static void WriteQueue(VirtQueue queue, ulong offset, ulong value, Func<ulong, ulong, bool, ulong> half)
    {
        switch (offset)
        {
            case 0x18 when value != 0 && ulong.IsPow2(value) && value <= queue.Size:
                queue.Size = (ushort)value;
                break;
            case 0x1C:
                queue.IsEnabled = value == 1;
                break;
            case 0x20 or 0x24:
                queue.Descriptors = half(queue.Descriptors, value, offset == 0x24);
                break;
            case 0x28 or 0x2C:
                queue.Available = half(queue.Available, value, offset == 0x2C);
                break;
            case 0x30 or 0x34:
                queue.Used = half(queue.Used, value, offset == 0x34);
                break;
            default:
                break;
        }
    }

    private sealed class LegacyRegisters(VirtioTransport owner) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = offset switch
            {
                0x00 => (uint)owner.Offered,
                0x04 => (uint)owner._accepted,
                0x08 => owner.Selected?.LegacyPage ?? 0,
                0x0C => owner.Selected?.Size ?? 0UL,
                0x0E => owner._queue,
                0x12 => owner._status,
                0x13 => owner.ReadIsr(attributes.IsDebug),
                0x14 when owner._messages.IsEnabled => owner._configurationVector,
                0x16 when owner._messages.IsEnabled => owner.Selected?.Vector ?? MsixTable.None,
                >= LegacyOwnBehindVectors when owner._messages.IsEnabled => owner.ReadOwn(offset - LegacyOwnBehindVectors, width),
                >= LegacyOwn when !owner._messages.IsEnabled => owner.ReadOwn(offset - LegacyOwn, width),
                _ => 0,
            } & (ulong.MaxValue >> (64 - (8 * width)));
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            switch (offset)
            {
                case 0x04:
                    owner._accepted = (uint)value & owner.Offered;
                    break;
                case 0x08:
                    if (owner.Selected is { } queue)
                    {
                        queue.LegacyPage = (uint)value;
                    }

                    break;
                case 0x0E:
                    owner._queue = (ushort)value;
                    break;
                case 0x10:
                    owner.Notify((ushort)value);
                    break;
                case 0x12:
                    owner.SetStatus((byte)value);
                    break;
                case 0x14 when owner._messages.IsEnabled:
                    owner._configurationVector = owner._messages.Checked((ushort)value);
                    break;
                case 0x16 when owner._messages.IsEnabled && owner.Selected is { } selected:
                    selected.Vector = owner._messages.Checked((ushort)value);
                    break;
                default:
                    break;
            }

            return AccessResult.Ok;
        }
    }

    private sealed class ModernRegisters(VirtioTransport owner) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = offset switch
            {
                < CommonLength => owner.ReadCommon(offset),
                Isr => owner.ReadIsr(attributes.IsDebug),
                >= Own and < Notification => owner.ReadOwn(offset - Own, width),
                _ => 0,
            } & (ulong.MaxValue >> (64 - (8 * width)));
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            if (offset < CommonLength)
            {
                owner.WriteCommon(offset, value);
            }
            else if (offset >= Notification)
            {
                owner.Notify((ushort)value);
            }

            return AccessResult.Ok;
        }
    }
}
