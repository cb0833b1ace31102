using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>Compiles regions on a thread of its own, the hottest first, and hands them back as they are done.</summary>
/// <remarks>
/// A kernel that boots makes more regions than a host's compiler finishes before it is up, so order counts: what has been executed most since it
/// began to wait goes first. What still waits when the machine ends is forgotten.
/// </remarks>
internal sealed class Compiler : IDisposable
{
    private readonly ProcessorModel _model;
    private readonly List<Region> _waiting = [];
    private readonly HashSet<nint> _heads = [];
    private readonly ConcurrentQueue<Region> _done = new();
    private readonly SemaphoreSlim _arrived = new(0);
    private readonly Lock _busy = new();
    private Thread? _thread;
    private int _failures;
    private volatile bool _isEnding;

    public Compiler(ProcessorModel model) => _model = model;

    /// <summary>Regions that could not be compiled; each stays with the interpreter.</summary>
    public int Failures => _failures;

    public void Queue(Region region)
    {
        if (_thread is null)
        {
            _thread = new Thread(Work) { IsBackground = true, Name = "translator" };
            _thread.Start();
        }

        _heads.Add(region.Members[0]);
        lock (_waiting)
        {
            _waiting.Add(region);
        }

        _arrived.Release();
    }

    /// <summary>Whether a region with this head was queued and has not been taken yet.</summary>
    public unsafe bool IsWaiting(CodeBlock* head) => _heads.Contains((nint)head);

    /// <summary>Takes a region that is ready, or dead because it could not be compiled.</summary>
    public bool TryTake(out Region? region)
    {
        if (!_done.TryDequeue(out region))
        {
            return false;
        }

        _heads.Remove(region.Members[0]);
        return true;
    }

    /// <summary>Forgets what waits, and waits for what is being compiled: its blocks are about to go.</summary>
    public void Drop()
    {
        lock (_busy)
        {
            lock (_waiting)
            {
                _waiting.Clear();
            }

            _done.Clear();
            _heads.Clear();
        }
    }

    /// <summary>Compiles a region now.</summary>
    public bool Compile(Region region)
    {
        try
        {
            region.Code = new RegionEmitter(region, _model).Emit();

            // Without this the method would be compiled on the CPU's thread, at its first call.
            RuntimeHelpers.PrepareDelegate(region.Code);
            return true;
        }
        catch (Exception e) when (e is InvalidProgramException or NotSupportedException or BadImageFormatException)
        {
            Interlocked.Increment(ref _failures);
            return false;
        }
    }

    public void Dispose()
    {
        _isEnding = true;
        Drop();
        _arrived.Release();
        _thread?.Join();
        _arrived.Dispose();
    }

    private void Work()
    {
        while (true)
        {
            _arrived.Wait();
            if (_isEnding)
            {
                return;
            }

            // Blocks live as long as this is held: whoever frees them calls Drop first.
            lock (_busy)
            {
                if (TakeHottest() is { } region)
                {
                    if (region.IsStale || !Compile(region))
                    {
                        region.IsDead = true;
                    }

                    _done.Enqueue(region);
                }
            }
        }
    }

    private Region? TakeHottest()
    {
        lock (_waiting)
        {
            Region? hottest = _waiting.MaxBy(r => r.Heat);
            if (hottest is not null)
            {
                _waiting.Remove(hottest);
            }

            return hottest;
        }
    }
}
