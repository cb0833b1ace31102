using Kmem.Abstractions;

namespace Kmem.Plugins.Timers;

/// <summary>Brings the output of a counter to a line at its own times.</summary>
internal sealed class CounterOutput(IClock clock, CounterChannel channel, IIrqLine line)
{
    /// <summary>Pulses for which the line stays high at least: nobody serves interrupts at more than 37 kHz, and a count of 2 would cost the host a million of them a second.</summary>
    private const long LeastHigh = 32;

    private Action? _arrive;
    private IDisposable? _timer;
    private long? _due;
    private long _rose = -LeastHigh;

    /// <summary>Whether the output reaches the line; else the line is low and nothing is scheduled.</summary>
    public bool IsEnabled { get; set; } = true;

    /// <summary>Called after every change of the counter: sets the line, and a timer for its next edge.</summary>
    public void Update()
    {
        bool level = IsEnabled && channel.Out;
        if (level && !line.Level)
        {
            _rose = PitClock.PulsesAt(clock.Now);
        }

        line.Level = level;
        long? edge = IsEnabled ? channel.NextEdge() : null;
        long? due = edge is { } pulse ? PitClock.TimeOf(level ? Math.Max(pulse, _rose + LeastHigh) : pulse) : null;
        if (due != _due)
        {
            _timer?.Dispose();
            _timer = due is { } at ? clock.Schedule(at, _arrive ??= Arrive) : null;
            _due = due;
        }
    }

    private void Arrive()
    {
        _due = null;
        Update();
    }

    /// <summary>Forgets when the line rose, as after a reset.</summary>
    public void Forget() => _rose = PitClock.PulsesAt(clock.Now) - LeastHigh;
}
