using System.Net.Sockets;
using Kmem.Abstractions;
using Kmem.Cli.Mounting;
using Kmem.Host.Native;
using Kmem.Host.Sessions;
using Kmem.Machine;

namespace Kmem.Cli.Serving;

/// <summary>Lets clients of a Unix socket use one machine; all of them see the same one.</summary>
internal sealed class ControlServer : IDisposable
{
    private const int PeerLevel = 1, PeerOption = 17, MostClients = 64;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(10), Farewell = TimeSpan.FromSeconds(3);

    private readonly RunningMachine _machine;
    private readonly string _path;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly MachineGate _gate;
    private readonly Action? _follow;
    private readonly Timer? _clock;
    private readonly HashSet<ServedClient> _clients = [];
    private string? _end;
    private bool _isDisposed;

    /// <summary>Starts to listen.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="path">Where the socket goes.</param>
    /// <param name="gate">How clients come to the machine when somebody runs it; null when nobody does, so that its time follows the host's.</param>
    /// <exception cref="IOException">Somebody else serves there, or the socket can't be made.</exception>
    public ControlServer(RunningMachine machine, string path, MachineGate? gate = null)
    {
        (_machine, _path, _gate) = (machine, path, gate ?? new MachineGate());
        Claim(path);
        try
        {
            _listener.Bind(new UnixDomainSocketEndPoint(path));
            if (!OperatingSystem.IsWindows())
            {
                File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
            }

            _listener.Listen();
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            throw new IOException($"no socket can be made at '{path}': {e.Message}", e);
        }

        if (gate is null)
        {
            // A machine without clients keeps its time, too.
            _follow = machine.Clock.FollowHost();
            _clock = new Timer(_ => Tick(), null, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));
        }
    }

    /// <summary>Accepts clients until the server is disposed.</summary>
    public void Run()
    {
        while (true)
        {
            Socket client;
            try
            {
                client = _listener.Accept();
            }
            catch (Exception e) when (e is SocketException or ObjectDisposedException)
            {
                return;
            }

            // A thread each: a supervisor's programs belong to the thread that traces them.
            new Thread(() => Serve(client)) { IsBackground = true, Name = "client" }.Start();
        }
    }

    /// <summary>Accepts clients on a thread of its own.</summary>
    public void Start() => new Thread(Run) { IsBackground = true, Name = "control" }.Start();

    /// <summary>Tells all clients that the machine is no more, and waits a moment until they have gone.</summary>
    /// <param name="reason">A sentence for people.</param>
    public void End(string reason)
    {
        ServedClient[] clients;
        lock (_clients)
        {
            _end ??= reason;
            clients = [.. _clients];
        }

        foreach (ServedClient client in clients)
        {
            // Side by side: each may take a while to kill what it runs.
            new Thread(() => client.End(_end)) { IsBackground = true, Name = "farewell" }.Start();
        }

        lock (_clients)
        {
            for (DateTime until = DateTime.UtcNow + Farewell; _clients.Count > 0 && DateTime.UtcNow < until;)
            {
                Monitor.Wait(_clients, TimeSpan.FromMilliseconds(100));
            }
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_isDisposed)
        {
            return;
        }

        _isDisposed = true;
        _clock?.Dispose();
        _listener.Dispose();
        End("the machine is not served any more");
        File.Delete(_path);
    }

    /// <summary>Takes away the socket of a server that has died.</summary>
    private static void Claim(string path)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using var probe = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(new UnixDomainSocketEndPoint(path));
        }
        catch (Exception e) when (e is SocketException or ArgumentException)
        {
            if (e is SocketException { SocketErrorCode: SocketError.ConnectionRefused })
            {
                File.Delete(path);
                return;
            }

            throw new IOException($"'{path}' is there and is no socket of a machine", e);
        }

        throw new IOException($"a machine is already served at '{path}'");
    }

    private void Tick()
    {
        using (_gate.Visit())
        {
            _follow!();
        }
    }

    private void Serve(Socket socket)
    {
        using var channel = new ControlChannel(new NetworkStream(socket, ownsSocket: true));
        try
        {
            byte[] peer = new byte[12];
            socket.GetRawSocketOption(PeerLevel, PeerOption, peer);
            if (BitConverter.ToUInt32(peer, 4) is var user && user != 0 && user != MountOptions.User)
            {
                channel.Send(new ControlReply { Error = "this machine belongs to another user" });
                return;
            }

            // Somebody who connects and says nothing does not keep a place for ever.
            socket.ReceiveTimeout = (int)Patience.TotalMilliseconds;
            if (channel.Receive<ControlRequest>() is not { } request)
            {
                channel.Send(new ControlReply { Error = "the request is not understood" });
                return;
            }

            socket.ReceiveTimeout = 0;
            var client = new ServedClient(_machine, _gate, _follow, channel, BitConverter.ToInt32(peer, 0));
            if (Refuse(client) is { } reason)
            {
                channel.Send(new ControlReply { Error = reason });
                return;
            }

            try
            {
                channel.Send(client.Serve(request));
            }
            finally
            {
                lock (_clients)
                {
                    _clients.Remove(client);
                    Monitor.PulseAll(_clients);
                }
            }
        }
        catch (Exception e) when (e is IOException or HostException or SocketException or MachineException or UnauthorizedAccessException)
        {
            channel.Send(new ControlReply { Error = e.Message });
        }
        catch (Exception e)
        {
            // Whatever a client makes of its request, the machine and the others go on.
            channel.Send(new ControlReply { Error = $"internal error: {e}", Exit = ExitCodes.Internal });
        }
    }

    /// <summary>Adds a client to those that are served, or says why not.</summary>
    private string? Refuse(ServedClient client)
    {
        lock (_clients)
        {
            if (_end is null && _clients.Count < MostClients)
            {
                _clients.Add(client);
                return null;
            }

            return _end ?? $"the machine has {MostClients} clients already";
        }
    }
}
