using Kmem.Engine;
using Kmem.Machine.Time;

namespace Kmem.Machine.Running;

/// <summary>Lets CPUs run one after the other while guest time passes.</summary>
/// <remarks>
/// Time belongs to whoever runs: a CPU that gets its turn begins at the time at which the one before it ended. So what all CPUs see of time and memory is one
/// sequence, whatever clock they read, and several busy CPUs share the instructions of a second. A CPU that sleeps gets no turn; one that waits in a loop
/// with PAUSE gives its turn away; an interrupt sent to another CPU lets that one run next.
/// </remarks>
internal sealed class CpuTurns : ITurns
{
    /// <summary>Longest turn in ns of guest time while others want to run.</summary>
    private const long SharedTurn = 50_000;

    /// <summary>Time that goes by with a PAUSE that gives the turn away, in ns: two CPUs that both wait for time to pass are soon done.</summary>
    private const long PauseTime = 500;

    /// <summary>What is left of a turn, in ns, after an interrupt was sent to another CPU.</summary>
    private const long RestAfterSending = 1_000;

    private readonly IReadOnlyList<CpuExecution> _cpus;
    private readonly Func<long>[] _times;
    private readonly MachineClock _clock;
    private int _next;
    private bool _yielded, _ends;

    /// <summary>Gives turns to CPUs.</summary>
    public CpuTurns(IReadOnlyList<CpuExecution> cpus, MachineClock clock)
    {
        (_cpus, _clock) = (cpus, clock);
        _times = [.. cpus.Select(c => (Func<long>)(() => TimeOf(c)))];
        clock.Scheduled += Shorten;
        if (cpus.Count > 1)
        {
            foreach (CpuExecution cpu in cpus)
            {
                cpu.Turns = this;
            }
        }
    }

    /// <summary>The CPU that runs; null between turns.</summary>
    public CpuExecution? Running { get; private set; }

    /// <summary>Whether no CPU has anything to do.</summary>
    public bool AllSleep => !_cpus.Any(WantsToRun);

    /// <summary>Whether no CPU has anything to do and nothing can change that.</summary>
    public bool AllAreDead => _cpus.Count > 1 && _cpus.All(c => !WantsToRun(c) && !c.Processor.CanBeInterrupted);

    /// <summary>Lets CPUs run, or sleep, until a time, or until one stops.</summary>
    public void RunTo(long target)
    {
        _ends = false;
        if (AllSleep)
        {
            SkipTo(target);
            _clock.AdvanceTo(target);
            return;
        }

        do
        {
            RunTurn(TakeNext(), target);
        }
        while (_cpus.Count > 1 && !_ends && _clock.Now < target && !AllSleep);
    }

    /// <summary>Ends <see cref="RunTo"/> with the present turn.</summary>
    public void End() => _ends = true;

    /// <summary>Brings every CPU's count of instructions to the time that it is.</summary>
    public void Synchronize()
    {
        if (_cpus.Count > 1)
        {
            SkipTo(_clock.Now);
        }
    }

    /// <inheritdoc/>
    public void Yield(CpuExecution cpu)
    {
        if (Running == cpu && HasOthers(cpu))
        {
            _yielded = true;
            cpu.EndSliceAt(cpu.Executed + 1);
        }
    }

    /// <inheritdoc/>
    public void Rouse(CpuExecution cpu)
    {
        if (Running is { } sender && sender != cpu && cpu.Processor.HasPendingInterrupt)
        {
            _next = IndexOf(cpu);
            sender.EndSliceAt(CountAt(sender, TimeOf(sender) + RestAfterSending));
        }
    }

    /// <inheritdoc/>
    public bool HasLivingOthers(CpuExecution cpu) => _cpus.Any(c => c != cpu && (!c.IsWaiting || c.Processor.HasPendingInterrupt || c.Processor.CanBeInterrupted));

    /// <summary>Lets go of clock and CPUs.</summary>
    public void Dismiss()
    {
        _clock.Scheduled -= Shorten;
        _clock.Follow(null);
        foreach (CpuExecution cpu in _cpus)
        {
            cpu.Turns = null;
        }
    }

    private static bool WantsToRun(CpuExecution cpu) => !cpu.IsWaiting || cpu.Processor.HasPendingInterrupt;

    private static long TimeOf(CpuExecution cpu) => (long)((UInt128)cpu.Executed * 1_000_000_000 / cpu.Processor.Frequency);

    /// <summary>The count at which a time is reached: the first instruction that is not before it.</summary>
    private static ulong CountAt(CpuExecution cpu, long time) => (ulong)((((UInt128)time * cpu.Processor.Frequency) + 999_999_999) / 1_000_000_000);

    private static void SkipTo(CpuExecution cpu, ulong count)
    {
        if (cpu.Executed < count)
        {
            cpu.Skip(count - cpu.Executed);
        }
    }

    private void SkipTo(long time)
    {
        foreach (CpuExecution cpu in _cpus)
        {
            SkipTo(cpu, CountAt(cpu, time));
        }
    }

    private bool HasOthers(CpuExecution cpu)
    {
        for (int i = 0; i < _cpus.Count; i++)
        {
            if (_cpus[i] != cpu && WantsToRun(_cpus[i]))
            {
                return true;
            }
        }

        return false;
    }

    private int IndexOf(CpuExecution cpu)
    {
        int index = 0;
        while (_cpus[index] != cpu)
        {
            index++;
        }

        return index;
    }

    /// <summary>The CPU whose turn it is: the next in their order that wants to run; there is one.</summary>
    private int TakeNext()
    {
        int index = _next % _cpus.Count;
        while (!WantsToRun(_cpus[index]))
        {
            index = (index + 1) % _cpus.Count;
        }

        _next = index + 1;
        return index;
    }

    private void RunTurn(int index, long target)
    {
        CpuExecution cpu = _cpus[index];
        long now = _clock.Now, end = Math.Min(target, _clock.NextDue ?? target);
        if (_cpus.Count > 1)
        {
            end = HasOthers(cpu) ? Math.Min(end, now + SharedTurn) : end;
            SkipTo(cpu, CountAt(cpu, now));
        }

        ulong count = CountAt(cpu, end);
        if (cpu.Executed < count)
        {
            cpu.Wake();
            (Running, _yielded) = (cpu, false);
            _clock.Follow(_times[index]);
            cpu.Processor.BeginTurn();
            cpu.Run((long)(count - cpu.Executed));
            Running = null;
            if (_yielded)
            {
                SkipTo(cpu, Math.Min(count, CountAt(cpu, TimeOf(cpu) + PauseTime)));
            }

            _clock.Follow(null);
            cpu.Processor.EndTurn();
            _ends |= cpu.Stopped is not null;
        }

        _clock.AdvanceTo(Math.Min(end, Math.Max(TimeOf(cpu), _clock.Now)));
    }

    private void Shorten(long due) => Running?.EndSliceAt(CountAt(Running, due));
}
