using Kmem.Abstractions;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>The timer of a local APIC: once, periodically, or at a value of the time-stamp counter.</summary>
/// <param name="cpu">The CPU.</param>
/// <param name="fired">Called with the vector when it fires and is not masked.</param>
/// <remarks>Source: Intel SDM volume 3, 11.5.4 "APIC Timer".</remarks>
internal sealed class ApicTimer(X86Cpu cpu, Action<int> fired)
{
    private const uint Masked = 0x1_0000, Periodic = 0x2_0000, DeadlineMode = 0x4_0000, ModeBits = Periodic | DeadlineMode;

    /// <summary>Timer ticks per second of guest time.</summary>
    private const ulong Frequency = 1_000_000_000;

    private uint _divide;
    private long _began;
    private bool _isSpent;
    private IDisposable? _alarm;

    /// <summary>Its entry in the local vector table.</summary>
    public uint Entry { get; private set; }

    /// <summary>The initial count.</summary>
    public uint Initial { get; private set; }

    /// <summary>The divide configuration.</summary>
    public uint Divide => _divide;

    /// <summary>The TSC value at which it fires; 0 for never.</summary>
    public ulong Deadline { get; private set; }

    /// <summary>The current count.</summary>
    public uint Count
    {
        get
        {
            if (Initial == 0 || _isSpent || (Entry & DeadlineMode) != 0)
            {
                return 0;
            }

            ulong ticks = (ulong)(cpu.Clock.Now - _began) / TickNanoseconds;
            bool isPeriodic = (Entry & Periodic) != 0;
            return isPeriodic ? Initial - (uint)(ticks % Initial) : ticks >= Initial ? 0 : Initial - (uint)ticks;
        }
    }

    /// <summary>Nanoseconds of a timer tick.</summary>
    private ulong TickNanoseconds
    {
        get
        {
            int code = (int)((_divide & 3) | ((_divide >> 1) & 4));
            return (code == 7 ? 1UL : 2UL << code) * (1_000_000_000 / Frequency);
        }
    }

    /// <summary>Stops it and masks its entry.</summary>
    public void Reset()
    {
        (Entry, Initial, _divide, Deadline, _isSpent) = (Masked, 0, 0, 0, false);
        _alarm?.Dispose();
        _alarm = null;
    }

    /// <summary>Writes the initial count, from which it counts down at once.</summary>
    public void Start(uint count)
    {
        (Initial, _began, _isSpent) = (count, cpu.Clock.Now, false);
        Rearm();
    }

    /// <summary>Writes the divide configuration: the count goes on from where it is, at another pace.</summary>
    public void SetDivide(uint value)
    {
        uint left = Count;
        _divide = value & 0xB;
        GoOnFrom(left);
        Rearm();
    }

    /// <summary>Writes IA32_TSC_DEADLINE, which does nothing in the other modes.</summary>
    public void SetDeadline(ulong value)
    {
        if ((Entry & ModeBits) == DeadlineMode)
        {
            Deadline = value;
            Rearm();
        }
    }

    /// <summary>Masks it, as an APIC does that software switches off.</summary>
    public void Mask() => Entry |= Masked;

    /// <summary>Writes its entry. Another mode lets the count go on from where it is, but one that was for TSC deadline is gone.</summary>
    public void SetEntry(uint value)
    {
        uint before = Entry, left = Count;
        Entry = value;
        if ((value & ModeBits) != DeadlineMode)
        {
            Deadline = 0;
        }

        if (((before ^ value) & DeadlineMode) != 0)
        {
            Initial = 0;
        }
        else if (((before ^ value) & Periodic) != 0)
        {
            GoOnFrom(left);
        }

        Rearm();
    }

    /// <summary>Finds anew when it fires, after a change of its registers or of the time-stamp counter.</summary>
    public void Rearm()
    {
        _alarm?.Dispose();
        _alarm = null;
        long now = cpu.Clock.Now;
        if ((Entry & DeadlineMode) != 0)
        {
            if (Deadline != 0)
            {
                ulong left = Deadline > cpu.Msrs.TimeStamp ? Deadline - cpu.Msrs.TimeStamp : 0;
                UInt128 wait = ((UInt128)left * 1_000_000_000 / cpu.Frequency) + 1;
                _alarm = cpu.Clock.Schedule(now + (long)UInt128.Min(wait, long.MaxValue / 4), Expire);
            }

            return;
        }

        if (Initial == 0 || _isSpent)
        {
            return;
        }

        ulong period = Initial * TickNanoseconds, elapsed = (ulong)(now - _began);
        bool isPeriodic = (Entry & Periodic) != 0;
        if (isPeriodic || elapsed < period)
        {
            _alarm = cpu.Clock.Schedule(_began + (long)((elapsed / period) + 1) * (long)period, Expire);
        }
    }

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U32(Entry, "timer_entry");
        writer.U32(Initial, "timer_initial");
        writer.U32(_divide, "timer_divide");
        writer.U64(Deadline, "deadline");
        writer.U64((ulong)_began, "timer_began");
        writer.U8(_isSpent ? (byte)1 : (byte)0, "timer_spent");
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        (Entry, Initial, _divide, Deadline, _began, _isSpent) = (reader.U32(), reader.U32(), reader.U32(), reader.U64(), (long)reader.U64(), reader.U8() != 0);
        Rearm();
    }

    /// <summary>Counts on from a value. Where a single count has come to its end, only another initial count starts it, even in periodic mode.</summary>
    private void GoOnFrom(uint left)
    {
        _isSpent = Initial != 0 && left == 0;
        _began = cpu.Clock.Now - (long)((Initial - left) * TickNanoseconds);
    }

    private void Expire()
    {
        _alarm = null;
        bool isDeadline = (Entry & DeadlineMode) != 0;
        if (isDeadline)
        {
            Deadline = 0;
        }

        if ((Entry & Masked) == 0)
        {
            fired((int)Entry & 0xFF);
        }

        if ((Entry & Periodic) != 0 && !isDeadline)
        {
            Rearm();
        }
    }
}
