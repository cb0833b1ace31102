using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A pseudo terminal as a serial line: a terminal program opens its path, leaves and comes back as it likes.</summary>
/// <remarks>While nobody has it open, the last 64 KiB are kept for the next one.</remarks>
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
    private bool _connected;

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
            Send(_output.Take());
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
            short found = HostCalls.Wait(_master, HostCalls.CanRead, 100);
            if ((found & (HostCalls.HungUp | HostCalls.Failed)) != 0 && (found & HostCalls.CanRead) == 0)
            {
                lock (_lock)
                {
                    _connected = false;
                }

                Thread.Sleep(Pause);
                continue;
            }

            Connect();
            if ((found & HostCalls.CanRead) != 0)
            {
                int count = HostCalls.Read(_master, buffer);
                _input.Put(buffer.AsSpan(0, Math.Max(count, 0)));
            }
        }
    }

    private void Connect()
    {
        lock (_lock)
        {
            if (!_connected)
            {
                _connected = true;
                Send(_backlog.Take());
            }
        }
    }

    /// <summary>Sends to a client that is there, waiting a little for a slow one; what it does not take is kept.</summary>
    private void Send(ReadOnlySpan<byte> bytes)
    {
        while (_connected && !bytes.IsEmpty)
        {
            int sent = HostCalls.Write(_master, bytes);
            if (sent > 0)
            {
                bytes = bytes[sent..];
            }
            else if (sent is not (-HostCalls.WouldBlock or -HostCalls.Interrupted)
                || (HostCalls.Wait(_master, HostCalls.CanWrite, Patience) & HostCalls.CanWrite) == 0)
            {
                break;
            }
        }

        if (!bytes.IsEmpty)
        {
            // A client that takes nothing counts as gone until the listening thread finds it again.
            _backlog.Add(bytes);
            _connected = false;
        }
    }
}
