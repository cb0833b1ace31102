using Kmem.Abstractions;

namespace Kmem.Machine.Time;

/// <summary>Guest time: moves only when something moves it, so that every run is the same run.</summary>
/// <param name="start">The date and time in the machine at guest time 0, UTC.</param>
public sealed class MachineClock(DateTime start) : IClock
{
    private readonly PriorityQueue<Timer, (long Due, long Order)> _timers = new();
    private long _order;

    /// <inheritdoc/>
    public long Now { get; private set; }

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
        _timers.Enqueue(timer, (Math.Max(due, Now), _order++));
        return timer;
    }

    /// <summary>Moves guest time forward and runs the timers that come due, each at its own time and in order.</summary>
    /// <param name="nanoseconds">How far, 0 or more.</param>
    public void Advance(long nanoseconds)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(nanoseconds);
        long target = Now + nanoseconds;
        while (NextDue is { } due && due <= target)
        {
            Now = due;
            Action? action = _timers.Dequeue().Action;
            action?.Invoke();
        }

        Now = target;
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
