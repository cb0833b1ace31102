using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Tcp;

/// <summary>Waits for an answer of the guest, each time twice as long.</summary>
/// <param name="clock">The machine's time.</param>
/// <param name="fired">Called with the number of times without a word of the guest.</param>
/// <remarks>Source: RFC 6298, sections 2 and 5; the round trip on this wire is short, so the least time counts.</remarks>
internal sealed class TcpTimer(IClock clock, Action<int> fired)
{
    private const long Least = 1_000_000_000, Most = 60_000_000_000;

    private IDisposable? _scheduled;
    private long _due;
    private bool _isWaiting;
    private int _doublings, _unanswered;

    /// <summary>Begins to wait where it does not wait yet.</summary>
    public void Start()
    {
        if (!_isWaiting)
        {
            _isWaiting = true;
            _due = clock.Now + Math.Min(Least << Math.Min(_doublings, 6), Most);
            Arm();
        }
    }

    /// <summary>Waits no more.</summary>
    public void Stop() => (_isWaiting, _doublings, _unanswered) = (false, 0, 0);

    /// <summary>The guest is there, though it has not given what is waited for.</summary>
    public void Heard() => _unanswered = 0;

    /// <summary>Takes the timer away.</summary>
    public void Remove()
    {
        Stop();
        _scheduled?.Dispose();
        _scheduled = null;
    }

    // A timer that is stopped and started often is left where it is, and looks at its time when it comes.
    private void Arm() => _scheduled ??= clock.Schedule(_due, Fire);

    private void Fire()
    {
        _scheduled = null;
        if (!_isWaiting)
        {
            return;
        }

        if (clock.Now < _due)
        {
            Arm();
            return;
        }

        _isWaiting = false;
        _doublings++;
        _unanswered++;
        fired(_unanswered);
    }
}
