using System.Diagnostics;
using Kmem.Host.Sessions;
using Kmem.Machine.Running;

namespace Kmem.Cli.Serving;

/// <summary>The gate of a machine that runs: a visit is posted to the machine's thread, which waits between two turns while the visitor is inside.</summary>
/// <remarks>
/// Programs make accesses one after the other, so the machine's thread waits a moment for the next visitor before it goes on; no longer than
/// <see cref="LongestStay"/> in one go, so that visitors who never stop leave the guest half of the time.
/// </remarks>
/// <param name="runner">Runs the machine.</param>
internal sealed class RunnerGate(MachineRunner runner) : MachineGate
{
    private static readonly TimeSpan LongestStay = TimeSpan.FromMilliseconds(2), NextVisitor = TimeSpan.FromMicroseconds(50);

    private readonly object _lock = new();
    private Thread? _inside;
    private int _depth, _waiting;
    private bool _isPosted, _isOpen, _hasEnded;

    /// <summary>The machine does not run any more: visitors only wait for each other.</summary>
    public void End()
    {
        lock (_lock)
        {
            _hasEnded = true;
            Monitor.PulseAll(_lock);
        }
    }

    /// <inheritdoc/>
    protected override void Enter()
    {
        lock (_lock)
        {
            if (_inside == Thread.CurrentThread)
            {
                _depth++;
                return;
            }

            _waiting++;
            while (_inside is not null || !(_isOpen || _hasEnded))
            {
                if (!_isPosted && !_isOpen && !_hasEnded)
                {
                    _isPosted = true;
                    runner.Post(LetIn);
                }

                Monitor.Wait(_lock);
            }

            _waiting--;
            (_inside, _depth) = (Thread.CurrentThread, 1);
        }
    }

    /// <inheritdoc/>
    protected override void Exit()
    {
        lock (_lock)
        {
            if (--_depth == 0)
            {
                _inside = null;
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>On the machine's thread: lets in who waits, one after the other.</summary>
    private void LetIn()
    {
        long begin = Stopwatch.GetTimestamp();
        lock (_lock)
        {
            (_isPosted, _isOpen) = (false, true);
            Monitor.PulseAll(_lock);
            while (_inside is not null || (SomebodyComes() && Stopwatch.GetElapsedTime(begin) < LongestStay))
            {
                Monitor.Wait(_lock, millisecondsTimeout: 1);
            }

            _isOpen = false;
            if (_waiting > 0)
            {
                // The others ask again, behind the guest's next turn.
                Monitor.PulseAll(_lock);
            }
        }
    }

    /// <summary>Whether somebody waits or comes within a moment.</summary>
    private bool SomebodyComes()
    {
        long begin = Stopwatch.GetTimestamp();
        while (_waiting == 0 && _inside is null && Stopwatch.GetElapsedTime(begin) < NextVisitor)
        {
            Monitor.Exit(_lock);
            Thread.SpinWait(20);
            Monitor.Enter(_lock);
        }

        return _waiting > 0 || _inside is not null;
    }
}
