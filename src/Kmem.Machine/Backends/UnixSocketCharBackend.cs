using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A Unix socket as a serial line: one client at a time, which may leave and come back; others are turned away.</summary>
/// <remarks>While nobody is connected or reads, the last 64 KiB are kept.</remarks>
public sealed class UnixSocketCharBackend : ICharBackend, IHostPolled, IDisposable
{
    private const int Patience = 2000, LookEvery = 50_000, NoSuchDeviceOrAddress = 6;

    private readonly HostInput _input = new();
    private readonly OutputBurst _output = new();
    private readonly Backlog _backlog = new();
    private readonly Lock _lock = new();
    private readonly Socket _listener;
    private readonly string _path;
    private Socket? _client;
    private bool _reads;
    private volatile bool _closed;

    /// <summary>Listens on a path; a socket that a dead program has left there is replaced.</summary>
    /// <exception cref="MachineException">Somebody listens there, or the path can't be used.</exception>
    public UnixSocketCharBackend(string path)
    {
        _path = path;
        _listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            var place = new UnixDomainSocketEndPoint(path);
            RemoveStale(place);
            _listener.Bind(place);
            _listener.Listen(4);
        }
        catch (Exception e) when (e is SocketException or ArgumentException or IOException or UnauthorizedAccessException or MachineException)
        {
            _listener.Dispose();
            throw e as MachineException ?? new MachineException($"the socket '{path}' can't be opened: {e.Message}", e);
        }

        new Thread(Accept) { IsBackground = true, Name = "kmem unix" }.Start();
    }

    /// <inheritdoc/>
    public event Action<byte>? Received;

    /// <inheritdoc/>
    public event Action? Arrived
    {
        add => _input.Arrived += value;
        remove => _input.Arrived -= value;
    }

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
        _listener.Dispose();
        lock (_lock)
        {
            _client?.Dispose();
        }

        File.Delete(_path);
    }

    private void RemoveStale(UnixDomainSocketEndPoint place)
    {
        if (!Path.Exists(_path))
        {
            return;
        }

        try
        {
            using FileStream file = File.OpenRead(_path);
            throw new MachineException($"'{_path}' exists and is no socket");
        }
        catch (IOException e) when ((e.HResult & 0xFFFF) == NoSuchDeviceOrAddress)
        {
            // So a socket answers to being opened as a file.
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(place);
            throw new MachineException($"another program listens on '{_path}'");
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused)
        {
            File.Delete(_path);
        }
    }

    private void Accept()
    {
        while (!_closed)
        {
            try
            {
                Socket client = _listener.Accept();
                lock (_lock)
                {
                    if (_client is not null || _closed)
                    {
                        client.Dispose();
                        continue;
                    }

                    client.Blocking = false;
                    (_client, _reads) = (client, true);
                    Send(patience: 0);
                }

                new Thread(() => Listen(client)) { IsBackground = true, Name = "kmem unix client" }.Start();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Closing the listener ends the wait; a client that vanished before it was taken is nobody.
                Thread.Sleep(_closed ? 0 : 20);
            }
        }
    }

    private void Listen(Socket client)
    {
        byte[] buffer = new byte[4096];
        try
        {
            while (true)
            {
                if (client.Poll(LookEvery, SelectMode.SelectRead))
                {
                    int count = client.Receive(buffer);
                    if (count == 0)
                    {
                        break;
                    }

                    _input.Put(buffer.AsSpan(0, count));
                }

                lock (_lock)
                {
                    Send(patience: 0);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone.
        }

        lock (_lock)
        {
            Drop(client);
        }
    }

    /// <summary>Sends to a client that is there, waiting for a slow one; one that does not read at all is waited for once, until it reads again.</summary>
    private void Send(int patience)
    {
        while (_client is { } client && !_backlog.IsEmpty)
        {
            try
            {
                _backlog.Drop(client.Send(_backlog.First));
                _reads = true;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.Interrupted)
            {
                if (patience == 0 || !_reads)
                {
                    return;
                }

                _reads = client.Poll(1000 * patience, SelectMode.SelectWrite);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                Drop(client);
            }
        }
    }

    private void Drop(Socket client)
    {
        client.Dispose();
        if (ReferenceEquals(_client, client))
        {
            _client = null;
        }
    }
}
