using Kmem.Abstractions;

namespace Kmem.Plugins.Timers;

/// <summary>One comparator of an HPET.</summary>
/// <param name="isPeriodic">Whether it can be periodic.</param>
/// <param name="routes">Interrupt inputs that it may be routed to.</param>
internal sealed class HpetTimer(bool isPeriodic, uint routes)
{
    private const ulong Level = 1 << 1, InterruptEnable = 1 << 2, Periodic = 1 << 3, CanBePeriodic = 1 << 4, Wide = 1 << 5, SetValue = 1 << 6, Narrow = 1 << 8;
    private const ulong Writable = 0x7F4E;

    private ulong _configuration;
    private ulong _comparator;
    private ulong _period;
    private bool _isArmed;

    public IDisposable? Alarm { get; set; }

    public bool IsLevel => (_configuration & Level) != 0;

    public bool IsInterrupting => (_configuration & InterruptEnable) != 0;

    public int Route => (int)(_configuration >> 9) & 31;

    private bool Repeats => isPeriodic && (_configuration & Periodic) != 0;

    private ulong Mask => (_configuration & Narrow) != 0 ? uint.MaxValue : ulong.MaxValue;

    public void Reset()
    {
        Alarm?.Dispose();
        Alarm = null;
        _configuration = 0;
        (_comparator, _period, _isArmed) = (ulong.MaxValue, 0, false);
    }

    public void Save(StateWriter writer, string name)
    {
        writer.U64(_configuration, name + "_configuration");
        writer.U64(_comparator, name + "_comparator");
        writer.U64(_period, name + "_period");
        writer.Bool(_isArmed, name + "_armed");
    }

    public void Load(StateReader reader) => (_configuration, _comparator, _period, _isArmed) = (reader.U64(), reader.U64(), reader.U64(), reader.Bool());

    public ulong Read(int register) => register switch
    {
        0x00 => _configuration | Wide | (isPeriodic ? CanBePeriodic : 0) | ((ulong)routes << 32),
        0x08 => _comparator & Mask,
        _ => 0,
    };

    public void Write(int register, ulong value, ulong mask)
    {
        switch (register)
        {
            case 0x00:
                ulong writable = Writable & mask & (isPeriodic ? ulong.MaxValue : ~(Periodic | SetValue));
                _configuration = (_configuration & ~writable) | (value & writable & ~0x4000UL);
                break;
            case 0x08:
                WriteComparator(value, mask);
                break;
            default:
                break;
        }
    }

    /// <summary>The counter starts.</summary>
    public void Arm() => _isArmed = true;

    /// <summary>Ticks until the next match; null when there is none.</summary>
    public ulong? Distance(ulong counter)
    {
        if (!_isArmed || (Repeats && _period == 0 && !IsInterrupting))
        {
            return null;
        }

        ulong distance = (_comparator - counter) & Mask;
        return distance == 0 ? Mask == ulong.MaxValue ? null : Mask + 1 : distance;
    }

    /// <summary>A match: a periodic comparator moves on.</summary>
    public void Fire(ulong counter)
    {
        if (!Repeats)
        {
            return;
        }

        if (_period == 0)
        {
            _isArmed = false;
            return;
        }

        do
        {
            _comparator = (_comparator + _period) & Mask;
        }
        while (((counter - _comparator) & Mask) <= Mask >> 1);
    }

    private void WriteComparator(ulong value, ulong mask)
    {
        bool sets = !Repeats || (_configuration & SetValue) != 0;
        if (sets)
        {
            _comparator = ((_comparator & ~mask) | (value & mask)) & Mask;
        }

        if (Repeats)
        {
            // The accumulator is set once; a write without the bit, or the one after it, gives the period.
            _period = ((_period & ~mask) | (value & mask)) & Mask & 0x7FFF_FFFF_FFFF_FFFF;
        }

        _configuration &= ~SetValue;
        _isArmed = true;
    }
}
