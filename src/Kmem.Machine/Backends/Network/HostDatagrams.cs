using System.Net;
using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A UDP socket of the host.</summary>
internal sealed class HostDatagrams : IHostDatagrams
{
    private const int LargestDatagram = 65536, MostWaiting = 256;

    /// <summary>How long after a datagram an answer is waited for, in ms.</summary>
    private const long Patience = 5000;

    private readonly HostNetwork _owner;
    private readonly Socket _socket;
    private readonly bool _hasPartner;
    private long _lastSent = long.MinValue / 2;
    private int _waiting;
    private volatile bool _isClosed;

    public HostDatagrams(HostNetwork owner, Socket socket, bool hasPartner)
    {
        (_owner, _socket, _hasPartner) = (owner, socket, hasPartner);
        _socket.Blocking = false;
        _ = ReceiveAsync();
    }

    public Action<ReadOnlyMemory<byte>, HostPlace>? Received { get; set; }

    public Action? Refused { get; set; }

    /// <summary>Whether something was sent so lately that an answer may come.</summary>
    public bool IsAwaited => Environment.TickCount64 - _lastSent < Patience;

    public void Send(ReadOnlySpan<byte> data, HostPlace to)
    {
        _lastSent = Environment.TickCount64;
        try
        {
            _ = _hasPartner ? _socket.Send(data) : _socket.SendTo(data, SocketFlags.None, HostNetwork.EndPointOf(to));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // A datagram may get lost.
        }
    }

    public void Dispose()
    {
        _isClosed = true;
        _socket.Dispose();
        _owner.Forget(this);
    }

    private async Task ReceiveAsync()
    {
        byte[] buffer = new byte[LargestDatagram];
        var anybody = new IPEndPoint(IPAddress.Any, 0);
        while (!_isClosed)
        {
            try
            {
                SocketReceiveFromResult result = await _socket.ReceiveFromAsync(buffer, SocketFlags.None, anybody);
                if (result.RemoteEndPoint is not IPEndPoint from || Volatile.Read(ref _waiting) >= MostWaiting)
                {
                    continue;
                }

                Interlocked.Increment(ref _waiting);
                byte[] data = buffer.AsSpan(0, result.ReceivedBytes).ToArray();
                _owner.Post(() =>
                {
                    Interlocked.Decrement(ref _waiting);
                    if (!_isClosed)
                    {
                        Received?.Invoke(data, HostNetwork.PlaceOf(from));
                    }
                });
            }
            catch (SocketException e) when (e.SocketErrorCode is SocketError.ConnectionRefused or SocketError.ConnectionReset)
            {
                _owner.Post(() => (_isClosed ? null : Refused)?.Invoke());
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }
}
