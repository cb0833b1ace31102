using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>Puts an interrupt off until nothing more happens for a while, but not for ever.</summary>
/// <param name="clock">The machine's time.</param>
/// <param name="fired">Called when the time is over.</param>
/// <remarks>Source: Intel, the family's manual, sections 13.4.30 (RDTR), 13.4.32 (RADV), 13.4.43 (TIDV) and 13.4.46 (TADV).</remarks>
internal sealed class DelayTimer(IClock clock, Action fired)
{
    /// <summary>Unit of the registers in ns.</summary>
    private const long Unit = 1024;

    private IDisposable? _timer;
    private long _due, _latest;
    private bool _isRunning;

    /// <summary>Something has happened.</summary>
    /// <param name="delay">How long to wait for more, in units; 0 for not at all.</param>
    /// <param name="longest">How long to wait in all, in units; 0 for any time.</param>
    public void Touch(uint delay, uint longest)
    {
        if (delay == 0)
        {
            Flush();
            return;
        }

        long now = clock.Now;
        _latest = _isRunning ? _latest : longest == 0 ? long.MaxValue : now + (longest * Unit);
        _due = Math.Min(now + (delay * Unit), _latest);
        _isRunning = true;
        Arm();
    }

    /// <summary>Waits no more, and tells.</summary>
    public void Flush()
    {
        Stop();
        fired();
    }

    public void Stop()
    {
        _timer?.Dispose();
        (_timer, _isRunning, _due, _latest) = (null, false, 0, 0);
    }

    public void Save(StateWriter writer, string name)
    {
        writer.Bool(_isRunning, name);
        writer.U64((ulong)_due, name + "_due");
        writer.U64((ulong)_latest, name + "_latest");
    }

    public void Load(StateReader reader)
    {
        Stop();
        (_isRunning, _due, _latest) = (reader.Bool(), (long)Math.Min(reader.U64(), long.MaxValue), (long)Math.Min(reader.U64(), long.MaxValue));
        if (_isRunning)
        {
            Arm();
        }
    }

    // Each packet moves the end; the timer stays and looks when it comes.
    private void Arm() => _timer ??= clock.Schedule(_due, () =>
    {
        _timer = null;
        if (_isRunning && clock.Now < _due)
        {
            Arm();
        }
        else if (_isRunning)
        {
            Flush();
        }
    });
}
