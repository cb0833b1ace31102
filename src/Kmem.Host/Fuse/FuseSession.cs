using Kmem.Host.Native;
using Kmem.Host.Sessions;

namespace Kmem.Host.Fuse;

/// <summary>Serves a tree over a connection to the kernel's FUSE driver, until the file system is unmounted.</summary>
/// <remarks>
/// A few threads wait on one descriptor. What reaches the tree runs under one lock, since a machine has one thread; waiting for requests and
/// sending replies run side by side.
/// </remarks>
public sealed unsafe class FuseSession : IDisposable
{
    /// <summary>Threads that give the highest rate on the hosts measured; more brought nothing.</summary>
    public const int DefaultThreads = 2;

    private const int RequestLength = FuseProtocol.MaxTransfer + 4096;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly int _connection;
    private readonly MachineGate _machine;
    private readonly FuseDispatcher _dispatcher;
    private readonly Action<string> _report;
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly List<Thread> _workers = [];
    private int _running;
    private volatile int _closed;

    /// <summary>Creates a session that waits for nothing yet.</summary>
    /// <param name="connection">An open /dev/fuse after mount(2), or a packet socket in a test; the session closes it.</param>
    /// <param name="root">The tree.</param>
    /// <param name="machine">Held while the tree is asked.</param>
    /// <param name="report">Takes what went wrong inside, for the log.</param>
    public FuseSession(int connection, FuseDirectory root, MachineGate machine, Action<string>? report = null)
    {
        (_connection, _machine, _report) = (connection, machine, report ?? (static _ => { }));
        _dispatcher = new FuseDispatcher(root, OpenBacking, _report);
    }

    /// <summary>Ends when the file system is unmounted or the connection is closed.</summary>
    public Task Ended => _ended.Task;

    /// <summary>Open files and directories of clients.</summary>
    public int OpenCount
    {
        get
        {
            using (_machine.Visit())
            {
                return _dispatcher.OpenCount;
            }
        }
    }

    /// <summary>Begins to answer.</summary>
    public void Start(int threads = DefaultThreads)
    {
        _running = threads;
        for (int i = 0; i < threads; i++)
        {
            var worker = new Thread(Serve) { IsBackground = true, Name = $"fuse {i}" };
            _workers.Add(worker);
            worker.Start();
        }
    }

    /// <summary>Waits a moment for the threads to see the unmount, and closes the connection.</summary>
    public void Dispose()
    {
        if (Interlocked.Exchange(ref _closed, 1) != 0)
        {
            return;
        }

        // From here on the tree is not asked any more: what is behind it may be gone soon.
        using (_machine.Visit())
        {
            _dispatcher.CloseAll();
        }

        if (_workers.Count > 0 && !_ended.Task.Wait(Patience))
        {
            // Unmounted lazily with files still open: the kernel keeps the connection until they are closed, or this process ends.
            return;
        }

        _ = Libc.Close(_connection);
    }

    private void Serve()
    {
        byte[] input = GC.AllocateUninitializedArray<byte>(RequestLength, pinned: true);
        byte[] output = GC.AllocateUninitializedArray<byte>(RequestLength, pinned: true);
        try
        {
            fixed (byte* from = input, to = output)
            {
                while (Receive(from) is var received and > 0)
                {
                    Answer(input, (int)received, output, to);
                }
            }
        }
        catch (Exception e)
        {
            _report($"a thread that serves the mount ended: {e}");
        }

        if (Interlocked.Decrement(ref _running) == 0)
        {
            using (_machine.Visit())
            {
                _dispatcher.CloseAll();
            }

            _ended.TrySetResult();
        }
    }

    private void Answer(byte[] input, int received, byte[] output, byte* to)
    {
        if (!FuseRequest.TryParse(input, received, out FuseRequest request))
        {
            _report($"the kernel sent a broken request of {received} bytes");
            return;
        }

        int length;
        using (_machine.Visit())
        {
            var reply = new FuseReply(output);
            length = _closed == 0 ? _dispatcher.Answer(request, reply) : reply.Finish(request.Unique, -HostError.NoDevice);
        }

        // A reply that nobody waits for any more is refused with ENOENT; there is nothing to do about any error here.
        if (length > 0)
        {
            _ = Libc.Write(_connection, to, (nuint)length);
        }
    }

    /// <summary>Waits for a request; its length, or 0 or less at the end of the connection.</summary>
    private nint Receive(byte* buffer)
    {
        while (true)
        {
            nint received = Libc.Read(_connection, buffer, RequestLength);
            if (received >= 0 || HostError.Last is not (HostError.NoEntry or HostError.Interrupted or HostError.Again))
            {
                return received;
            }
        }
    }

    private int OpenBacking(int file)
    {
        uint* argument = stackalloc uint[4] { (uint)file, 0, 0, 0 };
        int number = Libc.Ioctl(_connection, FuseProtocol.BackingOpen, argument);
        if (number <= 0)
        {
            _report($"memory can't be mapped through this mount: {HostError.LastMessage}");
        }

        return Math.Max(number, 0);
    }
}
