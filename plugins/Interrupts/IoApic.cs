using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Interrupts;

/// <summary>Options of <c>intel.ioapic</c>.</summary>
/// <param name="Bus">The APIC bus; empty for none.</param>
/// <param name="Pins">Interrupt inputs, 1..240.</param>
/// <param name="Version">Version in the register of that name.</param>
public sealed record IoApicOptions(
    [property: Option(OptionKind.Device)] string Bus = "",
    [property: Option(Min = 1, Max = 240)] int Pins = 24,
    byte Version = 0x20);

/// <summary>An I/O APIC: 24 inputs <c>in.0</c> to <c>in.23</c> that become messages as the redirection table says, behind an index and a data register.</summary>
/// <remarks>
/// Version 0x20 has the EOI register of later chips at offset 0x40. All inputs are active high, as the machine's wires are; the polarity bit is kept and not looked at.
/// Source: Intel 82093AA datasheet (order number 290566), sections 3.0 to 3.2.
/// </remarks>
[Device("intel.ioapic")]
public sealed class IoApic : Device, IHasBanks, IIoApic, IRegionHandler
{
    private const ulong Length = 0x1000;
    private const int Select = 0x00, Window = 0x10, EndRegister = 0x40, FirstEntry = 0x10;
    private const ulong RemoteIrr = 1UL << 14, LevelTriggered = 1UL << 15, Masked = 1UL << 16, Logical = 1UL << 11;
    private const ulong Writable = 0xFF00_0000_0001_AFFF;

    private readonly IApicBus? _bus;
    private readonly ulong[] _entries;
    private readonly bool[] _levels;
    private readonly byte _version;
    private byte _index;
    private byte _id;

    /// <summary>Creates the controller.</summary>
    public IoApic(IoApicOptions options, IDeviceContext context)
    {
        _entries = new ulong[options.Pins];
        _levels = new bool[options.Pins];
        _version = options.Version;
        _bus = options.Bus.Length == 0 ? null : context.Device<IApicBus>(options.Bus);
        _bus?.Attach(this);
        for (int i = 0; i < options.Pins; i++)
        {
            int pin = i;
            context.Input(string.Create(CultureInfo.InvariantCulture, $"in.{i}"), level => Drive(pin, level));
        }

        Banks = [new DeviceBank("", new MmioRegion("", Length, this, maxWidth: 4))];
        Reset();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        Array.Fill(_entries, Masked);
        (_index, _id) = (0, 0);
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_index);
        writer.U8(_id);
        writer.Bytes(_levels.Select(l => (byte)(l ? 1 : 0)), nameof(_levels));
        for (int i = 0; i < _entries.Length; i++)
        {
            writer.U64(_entries[i], string.Create(CultureInfo.InvariantCulture, $"entry{i}"));
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_index, _id) = (reader.U8(), reader.U8());
        byte[] levels = new byte[_levels.Length];
        reader.Bytes(levels.AsSpan());
        for (int i = 0; i < _entries.Length; i++)
        {
            (_levels[i], _entries[i]) = (levels[i] != 0, reader.U64());
        }
    }

    /// <inheritdoc/>
    public void EndOfInterrupt(byte vector)
    {
        for (int i = 0; i < _entries.Length; i++)
        {
            if ((byte)_entries[i] == vector && (_entries[i] & RemoteIrr) != 0)
            {
                _entries[i] &= ~RemoteIrr;
                Deliver(i);
            }
        }
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        uint word = (offset & ~3UL) switch
        {
            Select => _index,
            Window => ReadRegister(),
            _ => 0,
        };
        value = (word >> (int)(8 * (offset & 3))) & (width >= 4 ? uint.MaxValue : (1UL << (8 * width)) - 1);
        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        switch (offset)
        {
            case Select:
                _index = (byte)value;
                break;
            case Window:
                WriteRegister((uint)value);
                break;
            case EndRegister when _version >= 0x20:
                EndOfInterrupt((byte)value);
                break;
            default:
                break;
        }

        return AccessResult.Ok;
    }

    private uint ReadRegister()
    {
        switch (_index)
        {
            case 0 or 2:
                return (uint)_id << 24;
            case 1:
                return _version | ((uint)(_entries.Length - 1) << 16);
            default:
                int entry = (_index - FirstEntry) >> 1;
                return _index < FirstEntry || entry >= _entries.Length ? 0 : (uint)(_entries[entry] >> (32 * (_index & 1)));
        }
    }

    private void WriteRegister(uint value)
    {
        if (_index == 0)
        {
            _id = (byte)((value >> 24) & 0x0F);
            return;
        }

        int pin = (_index - FirstEntry) >> 1;
        if (_index < FirstEntry || pin >= _entries.Length)
        {
            return;
        }

        int shift = 32 * (_index & 1);
        ulong mask = Writable & ((ulong)uint.MaxValue << shift);
        _entries[pin] = (_entries[pin] & ~mask) | (((ulong)value << shift) & mask);
        if ((_entries[pin] & LevelTriggered) == 0)
        {
            // Software clears a stuck Remote IRR by a turn through edge mode.
            _entries[pin] &= ~RemoteIrr;
        }
        else
        {
            Deliver(pin);
        }
    }

    private void Drive(int pin, bool level)
    {
        bool rises = level && !_levels[pin];
        _levels[pin] = level;
        if ((_entries[pin] & LevelTriggered) != 0)
        {
            Deliver(pin);
        }
        else if (rises && (_entries[pin] & Masked) == 0)
        {
            _ = _bus?.Send(MessageOf(_entries[pin]));
        }
    }

    /// <summary>Sends the message of a level-triggered input that is high, unless it is masked or under way.</summary>
    private void Deliver(int pin)
    {
        ulong entry = _entries[pin];
        if (_levels[pin] && (entry & (Masked | RemoteIrr | LevelTriggered)) == LevelTriggered && _bus is not null)
        {
            InterruptMessage message = MessageOf(entry);
            if (message.Delivery is InterruptDelivery.Fixed or InterruptDelivery.LowestPriority)
            {
                _entries[pin] |= RemoteIrr;
            }

            if (!_bus.Send(message))
            {
                _entries[pin] &= ~RemoteIrr;
            }
        }
    }

    private static InterruptMessage MessageOf(ulong entry) => new(
        (byte)entry, (InterruptDelivery)((entry >> 8) & 7), InterruptMessage.Widen((byte)(entry >> 56), (entry & Logical) != 0), (entry & Logical) != 0, (entry & LevelTriggered) != 0);
}
