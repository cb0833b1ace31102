using Kmem.Abstractions;

namespace Kmem.Machine.Time;

/// <summary>Guest time: moves only when something moves it, so that every run is the same run.</summary>
/// <param name="start">The date and time in the machine at guest time 0, UTC.</param>
public sealed class MachineClock(DateTime start) : IClock
{
    private readonly PriorityQueue<Timer, (long Due, long Order)> _timers = new();
    private long _order;
    private long _now;
    private Func<long>? _source;

    /// <summary>Raised when a timer is scheduled, with its time.</summary>
    public event Action<long>? Scheduled;

    /// <summary>Guest time; while a CPU runs, that of the instruction at which it stands. It never goes back.</summary>
    public long Now => _source is null ? _now : _now = Math.Max(_now, _source());

    /// <summary>Takes time from somebody who runs, until <see cref="Advance"/> is called next; null ends that.</summary>
    public void Follow(Func<long>? source)
    {
        _ = Now;
        _source = source;
    }

    /// <inheritdoc/>
    public DateTime UtcNow => start.AddTicks(Now / 100);

    /// <summary>When the next timer is due, in nanoseconds of guest time; null when none waits.</summary>
    public long? NextDue
    {
        get
        {
            while (_timers.TryPeek(out Timer? timer, out (long Due, long Order) key))
            {
                if (timer.Action is not null)
                {
                    return key.Due;
                }

                _timers.Dequeue();
            }

            return null;
        }
    }

    /// <inheritdoc/>
    public IDisposable Schedule(long due, Action action)
    {
        var timer = new Timer { Action = action };
        due = Math.Max(due, Now);
        _timers.Enqueue(timer, (due, _order++));
        Scheduled?.Invoke(due);
        return timer;
    }

    /// <summary>Moves guest time forward and runs the timers that come due, each at its own time and in order.</summary>
    /// <param name="nanoseconds">How far, 0 or more.</param>
    public void Advance(long nanoseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(nanoseconds);
        AdvanceTo(Now + nanoseconds);
    }

    /// <summary>Moves guest time forward to a time and runs the timers that come due; a time that is past changes nothing.</summary>
    public void AdvanceTo(long target)
    {
        _source = null;
        while (NextDue is { } due && due <= target)
        {
            _now = Math.Max(_now, due);
            Action? action = _timers.Dequeue().Action;
            action?.Invoke();
        }

        _now = Math.Max(_now, target);
    }

    /// <summary>Gives a call that brings guest time to the host time that has passed since now.</summary>
    public Action FollowHost()
    {
        long before = Now;
        var host = System.Diagnostics.Stopwatch.StartNew();
        return () =>
        {
            long behind = before + (host.Elapsed.Ticks * 100) - Now;
            if (behind > 0)
            {
                Advance(behind);
            }
        };
    }

    private sealed class Timer : IDisposable
    {
        public Action? Action { get; set; }

        public void Dispose() => Action = null;
    }
}
