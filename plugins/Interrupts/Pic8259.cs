using System.Numerics;
using Kmem.Abstractions;

namespace Kmem.Plugins.Interrupts;

/// <summary>One 8259A: eight requests, their priorities, and the words by which software rules them.</summary>
/// <remarks>
/// <see cref="Changed"/> is called after everything that may move the INT output.
/// Source: Intel 8259A datasheet (order number 231468), sections "Initialization Command Words", "Operation Command Words", "Fully Nested Mode" to "Poll Command".
/// </remarks>
internal sealed class Pic8259
{
    private const byte Icw1 = 0x10, NeedsIcw4 = 0x01, Single = 0x02, LevelTriggered = 0x08;
    private const byte SpeciallyNested = 0x10, AutomaticEoi = 0x02;
    private const byte Ocw3 = 0x08, Poll = 0x04, SpecialMaskEnable = 0x40, SpecialMask = 0x20;

    /// <summary>The level of a request that went away before it was acknowledged.</summary>
    private const int Spurious = 7;

    private readonly byte _cascade, _latches;
    private byte _lines, _edges, _inService, _mask, _vector, _icw1, _icw4, _lowest = 7, _awaited, _elcr;
    private bool _specialMask, _rotatesOnAutomaticEoi, _readsInService, _polls;

    /// <summary>Creates the chip.</summary>
    /// <param name="cascade">The inputs at which slaves stand.</param>
    /// <param name="name">Which one of the pair it is, for saved fields.</param>
    /// <param name="latched">Whether an edge counts even after its line has fallen again.</param>
    public Pic8259(byte cascade, string name, bool latched)
    {
        (_cascade, Name) = (cascade, name);

        // A slave that withdraws its request takes the master's with it in any case.
        _latches = latched ? (byte)~cascade : (byte)0;
        Registers = new RegisterMap(width: 1, count: 2)
            .Add(0, "COMMAND", () => _polls ? TakePoll() : Status, v => WriteCommand((byte)v), () => _polls ? PollWord : Status)
            .Add(1, "IMR", () => _polls ? TakePoll() : _mask, v => WriteData((byte)v), () => _polls ? PollWord : _mask);
    }

    /// <summary>Called after everything that may move the INT output.</summary>
    public Action? Changed { get; set; }

    /// <summary>Called when an acknowledge cycle or a poll has taken a request, before <see cref="Changed"/>: INT falls for a moment.</summary>
    public Action? Taken { get; set; }

    /// <summary>Which one of the pair it is.</summary>
    public string Name { get; }

    /// <summary>Port 0 and port 1.</summary>
    public RegisterMap Registers { get; }

    /// <summary>The INT output.</summary>
    public bool IsRequesting => _awaited == 0 && Highest >= 0;

    /// <summary>Whether ICW1 said that there are slaves.</summary>
    public bool IsCascaded => (_icw1 & Single) == 0;

    /// <summary>The interrupt mask register.</summary>
    public byte Mask
    {
        get => _mask;
        set
        {
            _mask = value;
            Changed?.Invoke();
        }
    }

    /// <summary>The first vector, a multiple of 8.</summary>
    public byte VectorBase { get => _vector; set => _vector = (byte)(value & 0xF8); }

    /// <summary>The bits of the edge/level control register: inputs that are level triggered whatever ICW1 says.</summary>
    public byte LevelControl
    {
        get => _elcr;
        set
        {
            _elcr = value;
            Changed?.Invoke();
        }
    }

    /// <summary>The interrupt request register. An edge counts for as long as its line stays high, or until it is taken; a level while it is there.</summary>
    private byte Requests => (byte)((_lines & (_edges | Levels)) | (_edges & _latches & ~Levels));

    private byte Levels => (_icw1 & LevelTriggered) != 0 ? (byte)0xFF : _elcr;

    private byte Status => _readsInService ? _inService : Requests;

    /// <summary>The highest request that nothing in service holds back, or -1.</summary>
    private int Highest
    {
        get
        {
            byte requests = (byte)(Requests & ~_mask);
            if (requests == 0)
            {
                return -1;
            }

            int level = First(requests);

            // In special mask mode a level in service that is masked holds nobody back.
            byte holding = _specialMask ? (byte)(_inService & ~_mask) : _inService;
            if (holding == 0)
            {
                return level;
            }

            int held = First(holding);
            bool fromSlave = (_icw4 & SpeciallyNested) != 0 && (_cascade >> level & 1) != 0;
            return Rank(level) < Rank(held) || (fromSlave && level == held) ? level : -1;
        }
    }

    private byte PollWord => Highest is >= 0 and int level ? (byte)(0x80 | level) : (byte)Spurious;

    /// <summary>The vector of a level.</summary>
    public byte VectorOf(int level) => (byte)(_vector | level);

    /// <summary>The level that an acknowledge cycle would take.</summary>
    public int PeekLevel() => IsRequesting ? Highest : Spurious;

    /// <summary>Takes the highest request into service; a request that has gone leaves no mark.</summary>
    public int Take()
    {
        if (!IsRequesting)
        {
            return Spurious;
        }

        int level = Highest;
        byte bit = (byte)(1 << level);
        _edges &= (byte)~bit;
        if ((_icw4 & AutomaticEoi) == 0)
        {
            _inService |= bit;
        }
        else if (_rotatesOnAutomaticEoi)
        {
            _lowest = (byte)level;
        }

        Taken?.Invoke();
        Changed?.Invoke();
        return level;
    }

    /// <summary>Sets a request line.</summary>
    public void Drive(int level, bool high)
    {
        byte bit = (byte)(1 << level);
        if (high && (_lines & bit) == 0)
        {
            _edges |= bit;
        }
        else if (!high)
        {
            _edges &= (byte)(~bit | _latches);
        }

        _lines = high ? (byte)(_lines | bit) : (byte)(_lines & ~bit);
        Changed?.Invoke();
    }

    /// <summary>Power-on: ready, nothing masked, vectors from 0. The lines stay as they are driven.</summary>
    public void Reset()
    {
        (_edges, _inService, _mask, _vector, _icw1, _icw4, _lowest, _awaited, _elcr) = (0, 0, 0, 0, 0, 0, 7, 0, 0);
        (_specialMask, _rotatesOnAutomaticEoi, _readsInService, _polls) = (false, false, false, false);
    }

    public void Save(StateWriter writer)
    {
        writer.U8(_lines, Name + "._lines");
        writer.Bytes([_edges, _inService, _mask, _vector, _icw1, _icw4, _lowest, _awaited, _elcr], Name + ".registers");
        writer.Bool(_specialMask);
        writer.Bool(_rotatesOnAutomaticEoi);
        writer.Bool(_readsInService);
        writer.Bool(_polls);
    }

    public void Load(StateReader reader)
    {
        _lines = reader.U8();
        byte[] r = new byte[9];
        reader.Bytes(r.AsSpan());
        (_edges, _inService, _mask, _vector, _icw1, _icw4, _lowest, _awaited, _elcr) = (r[0], r[1], r[2], r[3], r[4], r[5], (byte)(r[6] & 7), r[7], r[8]);
        (_specialMask, _rotatesOnAutomaticEoi, _readsInService, _polls) = (reader.Bool(), reader.Bool(), reader.Bool(), reader.Bool());
    }

    /// <summary>Place of a level in the order of priority, 0 the highest.</summary>
    private int Rank(int level) => (level - _lowest - 1) & 7;

    /// <summary>The level of highest priority among some bits, at least one.</summary>
    private int First(byte bits)
    {
        // Turned so that the highest priority is bit 0.
        int turn = (_lowest + 1) & 7, turned = ((bits << 8) | bits) >> turn & 0xFF;
        return (BitOperations.TrailingZeroCount(turned) + turn) & 7;
    }

    /// <summary>A poll is an acknowledge cycle by a read.</summary>
    private byte TakePoll()
    {
        byte word = PollWord;
        _polls = false;
        if ((word & 0x80) != 0)
        {
            _ = Take();
        }

        return word;
    }

    private void WriteCommand(byte value)
    {
        if ((value & Icw1) != 0)
        {
            Initialize(value);
        }
        else if ((value & Ocw3) != 0)
        {
            if ((value & SpecialMaskEnable) != 0)
            {
                _specialMask = (value & SpecialMask) != 0;
            }

            _polls = (value & Poll) != 0;
            _readsInService = (value & 3) switch { 2 => false, 3 => true, _ => _readsInService };
        }
        else
        {
            EndOfInterrupt(value >> 5, value & 7);
        }

        Changed?.Invoke();
    }

    /// <summary>ICW1 clears the mask and the edge detectors, so that a line must rise anew; the next words go to port 1.</summary>
    private void Initialize(byte value)
    {
        (_icw1, _icw4, _edges, _inService, _mask, _lowest, _awaited) = (value, 0, 0, 0, 0, 7, 2);
        (_specialMask, _rotatesOnAutomaticEoi, _readsInService, _polls) = (false, false, false, false);
    }

    /// <summary>OCW2: bits R, SL, EOI and a level.</summary>
    private void EndOfInterrupt(int command, int level)
    {
        bool rotates = (command & 4) != 0, isSpecific = (command & 2) != 0, ends = (command & 1) != 0;
        if (!ends && !isSpecific)
        {
            _rotatesOnAutomaticEoi = rotates;
            return;
        }

        if (ends && !isSpecific)
        {
            // A masked level in service is not what a non-specific EOI means in special mask mode.
            byte candidates = _specialMask ? (byte)(_inService & ~_mask) : _inService;
            if (candidates == 0)
            {
                return;
            }

            level = First(candidates);
        }

        if (ends)
        {
            _inService &= (byte)~(1 << level);
        }

        if (rotates)
        {
            _lowest = (byte)level;
        }
    }

    private void WriteData(byte value)
    {
        switch (_awaited)
        {
            case 2:
                _vector = (byte)(value & 0xF8);
                _awaited = (_icw1 & Single) == 0 ? (byte)3 : AfterIcw3;
                break;
            case 3:
                // Which inputs have slaves is soldered here; the word is taken and means nothing.
                _awaited = AfterIcw3;
                break;
            case 4:
                _icw4 = (byte)(value & 0x1F);
                _awaited = 0;
                break;
            default:
                _mask = value;
                break;
        }

        Changed?.Invoke();
    }

    private byte AfterIcw3 => (_icw1 & NeedsIcw4) != 0 ? (byte)4 : (byte)0;
}
