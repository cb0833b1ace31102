using Kmem.Abstractions;

namespace Kmem.Plugins.Timers;

/// <summary>One counter of the 8254 as software sees it: control word, count in one or two bytes, latches.</summary>
/// <remarks>Source: Intel 8254 datasheet (order number 231164), sections "Write Operations" and "Read Operations".</remarks>
internal sealed class CounterChannel(IClock clock)
{
    private const int Low = 1, High = 2;

    private CounterCore _core;
    private long _pulses;
    private byte _control, _status, _half;
    private ushort _latch;
    private int _latched;
    private bool _isStatusLatched, _readsHigh, _writesHigh;

    /// <summary>The output now.</summary>
    public bool Out => Now().Out;

    /// <summary>The gate.</summary>
    public bool Gate
    {
        get => _core.Gate;
        set
        {
            Settle();
            _core.SetGate(value);
        }
    }

    private int Access => (_control >> 4) & 3;

    /// <summary>The pulse at which the output changes next, and never before the next pulse; null when it stays.</summary>
    public long? NextEdge() => Now().PulsesToEdge() is { } pulses ? PitClock.PulsesAt(clock.Now) + pulses : null;

    /// <summary>Nobody has written a control word: no count, the output high.</summary>
    public void Reset(bool gate)
    {
        _core = new CounterCore { Gate = gate };
        _core.Program(mode: 3, isDecimal: false);
        _pulses = PitClock.PulsesAt(clock.Now);
        (_control, _status, _half, _latch, _latched, _isStatusLatched, _readsHigh, _writesHigh) = (0x36, 0, 0, 0, 0, false, false, false);
    }

    /// <summary>Takes the control word's low six bits; access 0 is the latch command.</summary>
    public void WriteControl(byte value)
    {
        if ((value & 0x30) == 0)
        {
            LatchCount();
            return;
        }

        Settle();
        _control = (byte)(value & 0x3F);
        (_latched, _isStatusLatched, _readsHigh, _writesHigh) = (0, false, false, false);
        int mode = (value >> 1) & 7;
        _core.Program(mode > 5 ? mode & 3 : mode, (value & 1) != 0);
    }

    /// <summary>Holds the count for reading; a count that is held already stays.</summary>
    public void LatchCount()
    {
        if (_latched == 0)
        {
            _latch = Shown(Now().Count);
            _latched = Access;
        }
    }

    /// <summary>Holds the status for the next read; a status that is held already stays.</summary>
    public void LatchStatus()
    {
        if (!_isStatusLatched)
        {
            CounterCore now = Now();
            _status = (byte)((now.Out ? 0x80 : 0) | (now.IsNull ? 0x40 : 0) | _control);
            _isStatusLatched = true;
        }
    }

    /// <summary>What a read gives, without side effects.</summary>
    public byte Peek()
    {
        if (_isStatusLatched)
        {
            return _status;
        }

        ushort count = _latched != 0 ? _latch : Shown(Now().Count);
        return (byte)(NextIsHigh ? count >> 8 : count);
    }

    /// <summary>Reads the status, or the count a byte at a time.</summary>
    public byte Read()
    {
        byte value = Peek();
        if (_isStatusLatched)
        {
            _isStatusLatched = false;
            return value;
        }

        _latched &= NextIsHigh ? ~High : ~Low;
        _readsHigh = Access == (Low | High) && !_readsHigh;
        return value;
    }

    /// <summary>Writes the count a byte at a time.</summary>
    public void Write(byte value)
    {
        Settle();
        switch (Access)
        {
            case Low:
                _core.Write(CountOf(value));
                break;
            case High:
                _core.Write(CountOf((ushort)(value << 8)));
                break;
            case var _ when !_writesHigh:
                (_half, _writesHigh) = (value, true);
                _core.Hold();
                break;
            default:
                _writesHigh = false;
                _core.Write(CountOf((ushort)((value << 8) | _half)));
                break;
        }
    }

    public void Save(StateWriter writer)
    {
        (int element, int hidden) = _core.Hidden;
        int flags = (_core.IsDecimal ? 1 : 0) | (_core.Gate ? 2 : 0) | (_core.Out ? 4 : 0) | (_core.IsNull ? 8 : 0) | (_core.IsHeld ? 16 : 0)
            | (_isStatusLatched ? 32 : 0) | (_readsHigh ? 64 : 0) | (_writesHigh ? 128 : 0);
        writer.U64((ulong)_pulses, nameof(_pulses));
        writer.U32((uint)_core.Initial, "initial");
        writer.U32((uint)element, "element");
        writer.U16(_latch);
        writer.Bytes([_control, _status, _half, (byte)_latched, (byte)_core.Mode, (byte)hidden, (byte)flags], "registers");
    }

    public void Load(StateReader reader)
    {
        _pulses = (long)reader.U64();
        int initial = (int)reader.U32(), element = (int)reader.U32();
        _latch = reader.U16();
        byte[] r = new byte[7];
        reader.Bytes(r.AsSpan());
        (_control, _status, _half, _latched) = (r[0], r[1], r[2], r[3]);
        int flags = r[6];
        _core = new CounterCore
        {
            Mode = r[4],
            Initial = initial,
            IsDecimal = (flags & 1) != 0,
            Gate = (flags & 2) != 0,
            Out = (flags & 4) != 0,
            IsNull = (flags & 8) != 0,
            IsHeld = (flags & 16) != 0,
            Hidden = (element, r[5]),
        };
        (_isStatusLatched, _readsHigh, _writesHigh) = ((flags & 32) != 0, (flags & 64) != 0, (flags & 128) != 0);
    }

    /// <summary>Whether the next byte of the count is the high one.</summary>
    private bool NextIsHigh => Access switch { Low => false, High => true, _ => _readsHigh };

    /// <summary>The counter as it is now.</summary>
    private CounterCore Now()
    {
        CounterCore now = _core;
        now.Advance(Math.Max(0, PitClock.PulsesAt(clock.Now) - _pulses));
        return now;
    }

    private void Settle()
    {
        _core = Now();
        _pulses = PitClock.PulsesAt(clock.Now);
    }

    /// <summary>A count as the bus shows it.</summary>
    private ushort Shown(int count) => _core.IsDecimal
        ? (ushort)((count / 1000 << 12) | (count / 100 % 10 << 8) | (count / 10 % 10 << 4) | (count % 10))
        : (ushort)count;

    /// <summary>What a written count means; 0 is the greatest one. Digits above nine carry.</summary>
    private int CountOf(ushort written)
    {
        int count = _core.IsDecimal ? (((written >> 12) * 1000) + ((written >> 8 & 15) * 100) + ((written >> 4 & 15) * 10) + (written & 15)) % 10_000 : written;
        return count == 0 ? _core.Modulus : count;
    }
}
