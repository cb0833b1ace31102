using System.Net.Sockets;
using Kmem.Abstractions;
using Kmem.Cli.Mounting;
using Kmem.Cli.Sessions;
using Kmem.Description;
using Kmem.Host.Fuse;
using Kmem.Host.Native;
using Kmem.Host.Sessions;
using Kmem.Host.Tracing;
using Kmem.Machine;

namespace Kmem.Cli.Serving;

/// <summary>Lets clients of a Unix socket run programs on one machine and mount it; all of them see the same machine.</summary>
internal sealed class ControlServer : IDisposable
{
    private const int PeerLevel = 1, PeerOption = 17;

    private readonly RunningMachine _machine;
    private readonly string _path;
    private readonly Socket _listener = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
    private readonly Lock _gate = new();
    private readonly Action _follow;
    private readonly Timer _clock;

    /// <summary>Starts to listen.</summary>
    /// <exception cref="IOException">Somebody else serves there, or the socket can't be made.</exception>
    public ControlServer(RunningMachine machine, string path)
    {
        (_machine, _path, _follow) = (machine, path, machine.Clock.FollowHost());
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

        // A machine without clients keeps its time, too.
        _clock = new Timer(_ => Tick(), null, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));
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

    /// <inheritdoc/>
    public void Dispose()
    {
        _clock.Dispose();
        _listener.Dispose();
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
        lock (_gate)
        {
            _follow();
        }
    }

    private void Serve(Socket client)
    {
        using var channel = new ControlChannel(new NetworkStream(client, ownsSocket: true));
        try
        {
            byte[] peer = new byte[12];
            client.GetRawSocketOption(PeerLevel, PeerOption, peer);
            if (BitConverter.ToUInt32(peer, 4) is var user && user != 0 && user != MountOptions.User)
            {
                channel.Send(new ControlReply { Error = "this machine belongs to another user" });
                return;
            }

            if (channel.Receive<ControlRequest>() is not { } request)
            {
                channel.Send(new ControlReply { Error = "the request is not understood" });
                return;
            }

            channel.Send(request.Operation switch
            {
                "exec" => Execute(request, BitConverter.ToInt32(peer, 0), channel),
                "mount" => Mount(request, channel),
                _ => new ControlReply { Error = $"there is no operation '{request.Operation}'; there are exec and mount" },
            });
        }
        catch (Exception e) when (e is IOException or HostException or SocketException or MachineException)
        {
            channel.Send(new ControlReply { Error = e.Message });
        }
    }

    private ControlReply Execute(ControlRequest request, int process, ControlChannel channel)
    {
        if (KernelOf(request, out string problem) is not { } kernel)
        {
            return new ControlReply { Error = problem };
        }

        (int Own, int Theirs)[] standard = [.. Enumerable.Range(0, 3).Select(d => (BorrowedDescriptor.Take(process, d), d))];
        try
        {
            if (standard.Any(d => d.Own < 0))
            {
                return new ControlReply { Error = "the host does not let the server have the client's standard input and output (ptrace_scope?)" };
            }

            using var session = new ProgramSession(new HostedMachine(kernel, _machine.MainSpace, _machine.PortSpace, _machine.Memory.Blocks, _machine.PciBus) { Arriving = _follow, Gate = _gate });
            using AccessJournal? journal = AccessJournal.Open(request.Log, request.Audit, standard[2].Own);
            session.Supervisor.Accessed = journal is null ? null : journal.Add;
            bool ended = false;
            new Thread(() =>
            {
                while (channel.Receive<ControlRequest>() is { } later)
                {
                    session.Supervisor.Signal(later.Signal);
                }

                // The client has gone; its programs go with it.
                for (int tries = 0; tries < 50 && !Volatile.Read(ref ended); tries++)
                {
                    session.Supervisor.Signal(9);
                    Thread.Sleep(20);
                }
            })
            { IsBackground = true }.Start();
            int code = session.Supervisor.Run(new ProgramStart(request.File, request.Arguments, request.Environment) { Folder = request.Folder, Descriptors = standard, HasOwnGroup = true });
            Volatile.Write(ref ended, true);
            journal?.Finish();
            return new ControlReply { Exit = code };
        }
        finally
        {
            foreach ((int own, _) in standard.Where(d => d.Own >= 0))
            {
                BorrowedDescriptor.Give(own);
            }
        }
    }

    private ControlReply Mount(ControlRequest request, ControlChannel channel)
    {
        if (KernelOf(request, out string problem) is not { } kernel)
        {
            return new ControlReply { Error = problem };
        }

        FuseFolder root = new MachineTree(_machine, kernel, MountOptions.User).Build();
        using FuseMount mount = FuseMount.Create(request.Folder, _machine.Description.Name, request.AllowOther, FuseMounter.Automatic);
        using var session = new FuseSession(mount.Connection, root, _gate, text => _machine.Log.Write("mount", LogLevel.Warning, text));
        session.Start();
        channel.Send(new ControlReply { Mounted = mount.Directory });

        // Until the client goes or says so, or somebody unmounts it.
        Task gone = Task.Run(() => channel.Receive<ControlRequest>());
        Task.WaitAny(gone, session.Ended);
        mount.Dispose();
        return new ControlReply { Exit = 0 };
    }

    private IKernel? KernelOf(ControlRequest request, out string problem)
    {
        var diagnostics = new DiagnosticBag();
        IKernel? kernel;
        lock (_gate)
        {
            kernel = _machine.CreateKernel(request.Flavour, diagnostics);
        }

        problem = string.Join("; ", diagnostics.Sorted.Select(d => d.Message));
        return kernel;
    }
}
