using System.Diagnostics;

namespace Kmem.Host.Tracing.Native;

/// <summary>Keeps threads that trap all the time on the supervisor's CPU: there a trap costs a third of what it costs across two.</summary>
/// <remarks>
/// A thread joins after a row of traps in quick succession, and gets its own CPUs back when it has not trapped for a while, so that
/// programs that compute keep all of them.
/// </remarks>
internal sealed unsafe class Companionship : IDisposable
{
    private const int Row = 24, MaskWords = 16;
    private static readonly long Quick = Stopwatch.Frequency / 2000, Idle = Stopwatch.Frequency / 100;
    private static readonly TimeSpan Period = TimeSpan.FromMilliseconds(20);

    private readonly Lock _lock = new();
    private readonly Dictionary<int, (long LastTrap, ulong[] OwnMask)> _companions = [];
    private readonly Timer _watch;
    private readonly int _supervisor = Linux.GetThread();
    private readonly ulong[] _supervisorMask = MaskOf(0);

    /// <summary>Creates it for the calling thread, which is the supervisor's.</summary>
    public Companionship() => _watch = new Timer(_ => ReleaseIdle(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    /// <summary>A thread has trapped.</summary>
    public void Trapped(Tracee tracee)
    {
        long now = Stopwatch.GetTimestamp();
        tracee.TrapsInRow = now - tracee.LastTrap < Quick ? tracee.TrapsInRow + 1 : 0;
        tracee.LastTrap = now;
        if (tracee.TrapsInRow == 0 || tracee.TrapsInRow % Row != 0)
        {
            return;
        }

        lock (_lock)
        {
            if (_companions.TryGetValue(tracee.Thread, out (long LastTrap, ulong[] OwnMask) entry))
            {
                _companions[tracee.Thread] = entry with { LastTrap = now };
                return;
            }

            ulong[] own = MaskOf(tracee.Thread);
            int cpu = Linux.CurrentCpu();
            if (own.Length == 0 || cpu < 0 || cpu >= 64 * MaskWords || (own[cpu / 64] >> (cpu % 64) & 1) == 0)
            {
                return;
            }

            ulong[] one = new ulong[MaskWords];
            one[cpu / 64] = 1UL << (cpu % 64);
            if (_companions.Count == 0)
            {
                Set(_supervisor, one);
                _watch.Change(Period, Period);
            }

            Set(tracee.Thread, one);
            _companions[tracee.Thread] = (now, own);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        lock (_lock)
        {
            _companions.Clear();
            Set(_supervisor, _supervisorMask);
        }

        _watch.Dispose();
    }

    private void ReleaseIdle()
    {
        long now = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            foreach ((int thread, (long last, ulong[] own)) in _companions.ToArray())
            {
                if (now - last > Idle)
                {
                    Set(thread, own);
                    _companions.Remove(thread);
                }
            }

            if (_companions.Count == 0)
            {
                Set(_supervisor, _supervisorMask);
                _watch.Change(Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            }
        }
    }

    private static ulong[] MaskOf(int thread)
    {
        ulong[] mask = new ulong[MaskWords];
        fixed (ulong* words = mask)
        {
            return Linux.GetAffinity(thread, MaskWords * 8, words) < 0 ? [] : mask;
        }
    }

    private static void Set(int thread, ulong[] mask)
    {
        if (mask.Length == 0)
        {
            return;
        }

        fixed (ulong* words = mask)
        {
            _ = Linux.SetAffinity(thread, (nuint)(mask.Length * 8), words);
        }
    }
}
