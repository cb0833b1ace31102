using System.Collections.Concurrent;
using System.Runtime.CompilerServices;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>Compiles regions on a thread of its own and hands them back in their order.</summary>
internal sealed class Compiler : IDisposable
{
    private readonly ProcessorModel _model;
    private readonly BlockingCollection<Region> _waiting = [];
    private readonly ConcurrentQueue<Region> _done = new();
    private readonly Lock _busy = new();
    private Thread? _thread;
    private int _failures;

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

        _waiting.Add(region);
    }

    /// <summary>Takes a region that is ready.</summary>
    public bool TryTake(out Region? region) => _done.TryDequeue(out region);

    /// <summary>Forgets what waits, and waits for what is being compiled: its blocks are about to go.</summary>
    public void Drop()
    {
        lock (_busy)
        {
            while (_waiting.TryTake(out _))
            {
            }

            _done.Clear();
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
        _waiting.CompleteAdding();
        _thread?.Join();
        _waiting.Dispose();
    }

    private void Work()
    {
        foreach (Region region in _waiting.GetConsumingEnumerable())
        {
            lock (_busy)
            {
                if (!region.IsDead && Compile(region))
                {
                    _done.Enqueue(region);
                }
            }
        }
    }
}
