using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A pseudo terminal as a serial line: a terminal program opens its path, leaves and comes back as it likes.</summary>
/// <remarks>While nobody has it open or reads from it, the last 64 KiB are kept.</remarks>
public sealed class PtyCharBackend : ICharBackend, IHostPolled, IDisposable
{
    private const int Patience = 2000, Pause = 20;

    private readonly HostInput _input = new();
    private readonly OutputBurst _output = new();
    private readonly Backlog _backlog = new();
    private readonly Lock _lock = new();
    private readonly Thread _thread;
    private readonly int _master;
    private volatile bool _closed;
    private bool _connected, _reads = true;

    /// <summary>Opens a new pseudo terminal.</summary>
    /// <exception cref="MachineException">The host has none left.</exception>
    public PtyCharBackend()
    {
        (_master, Path) = HostCalls.OpenPseudoTerminal();
        _thread = new Thread(Listen) { IsBackground = true, Name = "kmem pty" };
        _thread.Start();
    }

    /// <inheritdoc/>
    public event Action<byte>? Received;

    /// <inheritdoc/>
    public event Action? Arrived
    {
        add => _input.Arrived += value;
        remove => _input.Arrived -= value;
    }

    /// <summary>What a terminal program opens, for example <c>/dev/pts/7</c>.</summary>
    public string Path { get; }

    /// <inheritdoc/>
    public Func<int>? Room { get; set; }

    /// <inheritdoc/>
    public bool HasPending => _input.HasPending;

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        if (_output.Add(value))
        {
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Deliver() => _input.Deliver(Room, Received);

    /// <inheritdoc/>
    public void Flush()
    {
        if (_output.IsEmpty)
        {
            return;
        }

        lock (_lock)
        {
            _backlog.Add(_output.Take());
            Send(Patience);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        Flush();
        _closed = true;
        _input.Close();
        _thread.Join();
        HostCalls.Close(_master);
    }

    private void Listen()
    {
        byte[] buffer = new byte[4096];
        while (!_closed)
        {
            short found = HostCalls.Wait(_master, Waits() ? (short)(HostCalls.CanRead | HostCalls.CanWrite) : HostCalls.CanRead, 100);
            if ((found & (HostCalls.HungUp | HostCalls.Failed)) != 0 && (found & HostCalls.CanRead) == 0)
            {
                lock (_lock)
                {
                    (_connected, _reads) = (false, true);
                }

                Thread.Sleep(Pause);
                continue;
            }

            lock (_lock)
            {
                _connected = true;
                Send(patience: 0);
            }

            if ((found & HostCalls.CanRead) != 0)
            {
                int count = HostCalls.Read(_master, buffer);
                _input.Put(buffer.AsSpan(0, Math.Max(count, 0)));
            }
        }
    }

    private bool Waits()
    {
        lock (_lock)
        {
            return _connected && !_backlog.IsEmpty;
        }
    }

    /// <summary>Sends to a client that is there, waiting for a slow one; one that does not read at all is waited for once, until it reads again.</summary>
    private void Send(int patience)
    {
        while (_connected && !_backlog.IsEmpty)
        {
            int sent = HostCalls.Write(_master, _backlog.First);
            if (sent > 0)
            {
                _backlog.Drop(sent);
                _reads = true;
            }
            else if (sent is not (-HostCalls.WouldBlock or -HostCalls.Interrupted) || patience == 0 || !_reads)
            {
                break;
            }
            else if ((HostCalls.Wait(_master, HostCalls.CanWrite, patience) & HostCalls.CanWrite) == 0)
            {
                _reads = false;
            }
        }
    }
}
