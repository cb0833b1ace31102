using System.Buffers.Binary;
using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>The host's network for real: sockets, served by threads of the pool, whose news wait for the machine's thread.</summary>
/// <param name="say">Takes a sentence for the user, such as where it listens.</param>
public sealed class HostNetwork(Action<string> say) : IHostNetwork, IHostPolled, IHostAwaited, IDisposable
{
    private const int Waiting = 64, Patience = 1000;

    private readonly ConcurrentQueue<Action> _news = new();
    private readonly ConcurrentDictionary<IDisposable, bool> _open = new();
    private readonly List<(Socket Socket, string? Path)> _listeners = [];
    private volatile bool _isClosed;
    private int _resolving, _finishing;

    /// <inheritdoc/>
    public event Action? Arrived;

    /// <inheritdoc/>
    public bool HasPending => !_news.IsEmpty;

    /// <inheritdoc/>
    public bool IsAwaited => Volatile.Read(ref _resolving) > 0 || _open.Any(o => o.Key is not HostDatagrams datagrams || datagrams.IsAwaited);

    /// <inheritdoc/>
    public void Deliver()
    {
        // What arrives meanwhile is for the next time, so that a busy host does not keep the guest from running.
        for (int i = _news.Count; i > 0 && _news.TryDequeue(out Action? news); i--)
        {
            news();
        }
    }

    /// <inheritdoc/>
    public void Flush()
    {
    }

    /// <inheritdoc/>
    public void Listen(HostPlace place, Action<IHostStream> accepted)
    {
        Socket listener;
        if (place.Path is { } path)
        {
            listener = UnixListener.Open(path, Waiting);
        }
        else
        {
            listener = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            Take(listener, place);
            listener.Listen(Waiting);
        }

        _listeners.Add((listener, place.Path));
        say($"connections are taken at {Actual(listener, place)}");
        _ = AcceptAsync(listener, accepted);
    }

    /// <inheritdoc/>
    public IHostStream Connect(HostPlace place)
    {
        try
        {
            Socket socket = place.Path is null
                ? new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp)
                : new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            var stream = new HostStream(this, socket, EndPointOf(place));
            _open[stream] = true;
            return stream;
        }
        catch (SocketException)
        {
            // The host has no sockets left.
            return new NoHostNetwork().Connect(place);
        }
    }

    /// <inheritdoc/>
    public IHostDatagrams Bind(HostPlace place)
    {
        var socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
        Take(socket, place);
        say($"datagrams are taken at {Actual(socket, place)}");
        return Keep(new HostDatagrams(this, socket, hasPartner: false));
    }

    /// <inheritdoc/>
    public IHostDatagrams? Open(HostPlace partner)
    {
        Socket? socket = null;
        try
        {
            socket = new Socket(AddressFamily.InterNetwork, SocketType.Dgram, ProtocolType.Udp);
            socket.Connect(EndPointOf(partner));
            return Keep(new HostDatagrams(this, socket, hasPartner: true));
        }
        catch (SocketException)
        {
            socket?.Dispose();
            return null;
        }
    }

    /// <inheritdoc/>
    public void Resolve(string name, Action<IReadOnlyList<uint>> found)
    {
        Interlocked.Increment(ref _resolving);
        _ = ResolveAsync(name, found);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _isClosed = true;
        foreach ((Socket listener, string? path) in _listeners)
        {
            listener.Dispose();
            if (path is not null)
            {
                File.Delete(path);
            }
        }

        _listeners.Clear();
        foreach (IDisposable open in _open.Keys)
        {
            open.Dispose();
        }

        // What guests have sent last is on its way; a partner that does not read it is not waited for long.
        SpinWait.SpinUntil(() => Volatile.Read(ref _finishing) == 0, Patience);
    }

    /// <summary>Counts connections that still send what was taken.</summary>
    internal void Finishing(int change) => Interlocked.Add(ref _finishing, change);

    internal static EndPoint EndPointOf(HostPlace place) =>
        place.Path is { } path ? new UnixDomainSocketEndPoint(path) : new IPEndPoint(new IPAddress(BinaryPrimitives.ReverseEndianness(place.Address)), place.Port);

    internal static HostPlace PlaceOf(IPEndPoint point) => new(BinaryPrimitives.ReadUInt32BigEndian(point.Address.GetAddressBytes()), (ushort)point.Port);

    /// <summary>Has something done on the machine's thread.</summary>
    internal void Post(Action news)
    {
        _news.Enqueue(news);
        Arrived?.Invoke();
    }

    internal void Forget(IDisposable open) => _open.TryRemove(open, out _);

    private static string Actual(Socket socket, HostPlace place) => place.Path is null && socket.LocalEndPoint is IPEndPoint actual ? PlaceOf(actual).ToString() : place.ToString();

    private static void Take(Socket socket, HostPlace place)
    {
        try
        {
            socket.Bind(EndPointOf(place));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            socket.Dispose();
            throw new MachineException($"the host's port {place} can't be had: {e.Message}", e);
        }
    }

    private HostDatagrams Keep(HostDatagrams datagrams)
    {
        _open[datagrams] = true;
        return datagrams;
    }

    private async Task AcceptAsync(Socket listener, Action<IHostStream> accepted)
    {
        while (!_isClosed)
        {
            try
            {
                Socket socket = await listener.AcceptAsync();
                var stream = new HostStream(this, socket);
                _open[stream] = true;
                Post(() => accepted(stream));
            }
            catch (SocketException) when (!_isClosed)
            {
                // A partner that vanished before it was taken is nobody; a host out of files is given time.
                await Task.Delay(20);
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }
        }
    }

    private async Task ResolveAsync(string name, Action<IReadOnlyList<uint>> found)
    {
        uint[] addresses = [];
        try
        {
            addresses = [.. (await Dns.GetHostAddressesAsync(name, AddressFamily.InterNetwork)).Select(a => BinaryPrimitives.ReadUInt32BigEndian(a.GetAddressBytes()))];
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            // There is no such name.
        }

        Post(() =>
        {
            Interlocked.Decrement(ref _resolving);
            found(addresses);
        });
    }
}
