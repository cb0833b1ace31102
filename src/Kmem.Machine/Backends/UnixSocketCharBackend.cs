using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A Unix socket as a serial line: one client at a time, which may leave and come back; others are turned away.</summary>
public sealed class UnixSocketCharBackend : ClientCharBackend
{
    private const int LookEvery = 50_000;

    private readonly Socket _listener;
    private readonly string _path;
    private Socket? _client;

    /// <summary>Listens on a path; a socket that a dead program has left there is replaced.</summary>
    /// <exception cref="MachineException">Somebody listens there, or the path can't be used.</exception>
    public UnixSocketCharBackend(string path)
    {
        _path = path;
        _listener = UnixListener.Open(path, waiting: 4);
        new Thread(Accept) { IsBackground = true, Name = "kmem unix" }.Start();
    }

    /// <inheritdoc/>
    private protected override void Close()
    {
        _listener.Dispose();
        lock (Gate)
        {
            _client?.Dispose();
        }

        File.Delete(_path);
    }

    private void Accept()
    {
        while (!IsClosed)
        {
            try
            {
                Socket client = _listener.Accept();
                lock (Gate)
                {
                    if (_client is not null || IsClosed)
                    {
                        client.Dispose();
                        continue;
                    }

                    client.Blocking = false;
                    (_client, Reads) = (client, true);
                    Send(patience: 0);
                }

                new Thread(() => Listen(client)) { IsBackground = true, Name = "kmem unix client" }.Start();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                // Closing the listener ends the wait; a client that vanished before it was taken is nobody.
                Thread.Sleep(IsClosed ? 0 : 20);
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

                    Input.Put(buffer.AsSpan(0, count));
                }

                lock (Gate)
                {
                    Send(patience: 0);
                }
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The client has gone.
        }

        lock (Gate)
        {
            Drop(client);
        }
    }

    /// <inheritdoc/>
    private protected override void Send(int patience)
    {
        while (_client is { } client && !Backlog.IsEmpty)
        {
            try
            {
                Backlog.Drop(client.Send(Backlog.First));
                Reads = true;
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.WouldBlock or SocketError.Interrupted)
            {
                if (patience == 0 || !Reads)
                {
                    return;
                }

                Reads = client.Poll(1000 * patience, SelectMode.SelectWrite);
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
