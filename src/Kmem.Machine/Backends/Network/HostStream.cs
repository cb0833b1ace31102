using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A connection of the host: threads of the pool move bytes between its socket and two buffers, the machine's thread sees the buffers only.</summary>
internal sealed class HostStream : IHostStream
{
    private const int Capacity = 256 * 1024, Piece = 64 * 1024;

    private readonly HostNetwork _owner;
    private readonly Socket _socket;
    private readonly Lock _gate = new();
    private readonly ByteRing _arrived = new(Capacity), _leaving = new(Capacity);
    private HostStreamState _state;
    private bool _isReceiving, _isSending, _isEnded, _isEnding, _isEndSent, _isClosed, _isFinishing;
    private int _isTold;

    /// <summary>Takes an accepted connection over.</summary>
    public HostStream(HostNetwork owner, Socket socket)
    {
        (_owner, _socket, _state) = (owner, socket, HostStreamState.Open);
        Begin();
    }

    /// <summary>Begins a connection.</summary>
    public HostStream(HostNetwork owner, Socket socket, System.Net.EndPoint place)
    {
        (_owner, _socket, _state) = (owner, socket, HostStreamState.Connecting);
        _ = ConnectAsync(place);
    }

    public HostStreamState State
    {
        get
        {
            lock (_gate)
            {
                return _state;
            }
        }
    }

    public Action? Changed { get; set; }

    public int Available
    {
        get
        {
            lock (_gate)
            {
                return _arrived.Count;
            }
        }
    }

    public bool IsEnded
    {
        get
        {
            lock (_gate)
            {
                return _isEnded;
            }
        }
    }

    public int Room
    {
        get
        {
            lock (_gate)
            {
                return _isEnding ? 0 : _leaving.Room;
            }
        }
    }

    public void Peek(int offset, Span<byte> destination)
    {
        lock (_gate)
        {
            _arrived.Peek(offset, destination);
        }
    }

    public void Drop(int count)
    {
        lock (_gate)
        {
            _arrived.Drop(count);
        }

        Receive();
    }

    public void Send(ReadOnlySpan<byte> bytes)
    {
        lock (_gate)
        {
            _leaving.Add(bytes);
        }

        Transmit();
    }

    public void End()
    {
        lock (_gate)
        {
            _isEnding = true;
        }

        Transmit();
    }

    public void Abort()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            _isClosed = true;
        }

        // To linger for no time is to reset.
        Quietly(() => _socket.LingerState = new LingerOption(enable: true, 0));
        Close();
    }

    public void Dispose()
    {
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }

            (_isClosed, _isEnding) = (true, true);
            if (_state == HostStreamState.Open && !_isEndSent)
            {
                // Who sends the end closes.
                _isFinishing = true;
                _owner.Finishing(1);
                _owner.Forget(this);
            }
            else
            {
                Close();
                return;
            }
        }

        Transmit();
    }

    /// <summary>Tells the machine's side what has changed; on the machine's thread.</summary>
    public void Tell()
    {
        Volatile.Write(ref _isTold, 0);
        lock (_gate)
        {
            if (_isClosed)
            {
                return;
            }
        }

        Changed?.Invoke();
    }

    private static void Quietly(Action action)
    {
        try
        {
            action();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or InvalidOperationException)
        {
            // The socket is gone already, which is what is wanted.
        }
    }

    private void Close()
    {
        _socket.Dispose();
        _owner.Forget(this);
    }

    private void Announce()
    {
        if (Interlocked.Exchange(ref _isTold, 1) == 0)
        {
            _owner.Post(Tell);
        }
    }

    private void Break()
    {
        lock (_gate)
        {
            _state = HostStreamState.Broken;
            Finish();
        }

        Announce();
    }

    private async Task ConnectAsync(System.Net.EndPoint place)
    {
        try
        {
            await _socket.ConnectAsync(place);
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException or OperationCanceledException)
        {
            Break();
            return;
        }

        lock (_gate)
        {
            _state = HostStreamState.Open;
        }

        Begin();
        Announce();
    }

    private void Begin()
    {
        if (_socket.ProtocolType == ProtocolType.Tcp)
        {
            Quietly(() => _socket.NoDelay = true);
        }

        Receive();
        Transmit();
    }

    private void Receive()
    {
        lock (_gate)
        {
            if (_isReceiving || _isEnded || _isClosed || _state != HostStreamState.Open || _arrived.Room < Piece)
            {
                return;
            }

            _isReceiving = true;
        }

        _ = ReceiveAsync();
    }

    private async Task ReceiveAsync()
    {
        byte[] piece = System.Buffers.ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            while (true)
            {
                int count = await _socket.ReceiveAsync(piece.AsMemory(0, Piece), SocketFlags.None);
                lock (_gate)
                {
                    _arrived.Add(piece.AsSpan(0, count));
                    _isEnded |= count == 0;
                    _isReceiving = !_isEnded && !_isClosed && _arrived.Room >= Piece;
                    if (!_isReceiving)
                    {
                        break;
                    }
                }

                Announce();
            }

            Announce();
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Break();
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private void Transmit()
    {
        lock (_gate)
        {
            if (_isSending || _isEndSent || _state != HostStreamState.Open || (_leaving.Count == 0 && !_isEnding))
            {
                return;
            }

            _isSending = true;
        }

        _ = TransmitAsync();
    }

    private async Task TransmitAsync()
    {
        byte[] piece = System.Buffers.ArrayPool<byte>.Shared.Rent(Piece);
        try
        {
            for (int sent = 0; ;)
            {
                int count;
                bool isLast;
                lock (_gate)
                {
                    _leaving.Drop(sent);
                    count = Math.Min(Piece, _leaving.Count);
                    _leaving.Peek(0, piece.AsSpan(0, count));
                    isLast = count == 0 && _isEnding;
                    _isEndSent |= isLast;
                    _isSending = count > 0;
                }

                if (sent > 0)
                {
                    Announce();
                }

                if (isLast)
                {
                    SendEnd();
                }

                if (count == 0)
                {
                    break;
                }

                sent = await _socket.SendAsync(piece.AsMemory(0, count), SocketFlags.None);
            }
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            Break();
        }
        finally
        {
            System.Buffers.ArrayPool<byte>.Shared.Return(piece);
        }
    }

    private void SendEnd()
    {
        Quietly(() => _socket.Shutdown(SocketShutdown.Send));
        lock (_gate)
        {
            Finish();
        }
    }

    /// <summary>Closes the socket of a connection that its device has given up; the gate is held.</summary>
    private void Finish()
    {
        if (!_isClosed)
        {
            return;
        }

        _socket.Dispose();
        if (_isFinishing)
        {
            _isFinishing = false;
            _owner.Finishing(-1);
        }
    }
}
