using Kmem.Abstractions;
using Kmem.Cli.Commands;
using Kmem.Cli.Mounting;
using Kmem.Cli.Sessions;
using Kmem.Description;
using Kmem.Host.Fuse;
using Kmem.Host.Recordings;
using Kmem.Host.Sessions;
using Kmem.Host.Tracing;
using Kmem.Machine;

namespace Kmem.Cli.Serving;

/// <summary>What one client of a server does with the machine.</summary>
/// <param name="machine">The machine.</param>
/// <param name="gate">How to come to it.</param>
/// <param name="follow">Brings its time to the host's; null when somebody runs it.</param>
/// <param name="channel">The client.</param>
/// <param name="process">The client's process.</param>
internal sealed class ServedClient(RunningMachine machine, MachineGate gate, Action? follow, ControlChannel channel, int process)
{
    private readonly TaskCompletionSource _ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _end;
    private volatile Action? _stop;

    /// <summary>Tells the client that the machine is no more; what it does with it ends.</summary>
    public void End(string reason)
    {
        _end ??= reason;
        _ended.TrySetResult();
        _stop?.Invoke();
    }

    /// <summary>Does what the client asks for; the last reply.</summary>
    public ControlReply Serve(ControlRequest request)
    {
        ControlReply reply = request.Operation switch
        {
            "exec" => Execute(request),
            "mount" => Mount(request),
            "io" => Exchange(request),
            "peek" or "poke" or "explain" when request.Arguments is { Count: 1 or 2 } => Look(request),
            "peek" or "poke" or "explain" => new ControlReply { Error = $"'{request.Operation}' needs a place" },
            _ => new ControlReply { Error = $"there is no operation '{request.Operation}'; there are exec, mount, io, peek, poke and explain" },
        };
        return _end is { } end && reply.Error is null ? new ControlReply { Error = end } : reply;
    }

    private ControlReply Execute(ControlRequest request)
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

            using ProgramSession session = Open(kernel);
            using AccessJournal? journal = AccessJournal.Open(request.Log, request.Audit, standard[2].Own);
            session.Supervisor.Accessed = journal is null ? null : journal.Add;
            bool ended = false;
            void Kill()
            {
                for (int tries = 0; tries < 50 && !Volatile.Read(ref ended); tries++)
                {
                    session.Supervisor.Signal(9);
                    Thread.Sleep(20);
                }
            }

            _stop = Kill;
            new Thread(() =>
            {
                while (channel.Receive<ControlRequest>() is { } later)
                {
                    session.Supervisor.Signal(later.Signal);
                }

                // The client has gone; its programs go with it.
                Kill();
            })
            { IsBackground = true }.Start();
            int code = session.Supervisor.Run(new ProgramStart(request.File, request.Arguments, request.Environment) { Folder = request.Folder, Descriptors = standard, HasOwnGroup = true });
            Volatile.Write(ref ended, true);
            journal?.Finish();
            return new ControlReply { Exit = code };
        }
        finally
        {
            _stop = null;
            foreach ((int own, _) in standard.Where(d => d.Own >= 0))
            {
                BorrowedDescriptor.Give(own);
            }
        }
    }

    private ProgramSession Open(IKernel kernel)
    {
        using (gate.Visit())
        {
            return new ProgramSession(new HostedMachine(kernel, machine.MainSpace, machine.PortSpace, machine.Memory.Blocks, machine.PciBus) { Arriving = follow, Gate = gate });
        }
    }

    private ControlReply Mount(ControlRequest request)
    {
        if (KernelOf(request, out string problem) is not { } kernel)
        {
            return new ControlReply { Error = problem };
        }

        FuseFolder root;
        using (gate.Visit())
        {
            root = new MachineTree(machine, kernel, MountOptions.User).Build();
        }

        using FuseMount mount = FuseMount.Create(request.Folder, machine.Description.Name, request.AllowOther, FuseMounter.Automatic);
        using var session = new FuseSession(mount.Connection, root, gate, text => machine.Log.Write("mount", LogLevel.Warning, text));
        session.Start();
        channel.Send(new ControlReply { Mounted = mount.Directory });

        // Until the client goes or says so, or somebody unmounts it, or the machine ends.
        Task gone = Task.Run(() => channel.Receive<ControlRequest>());
        Task.WaitAny(gone, session.Ended, _ended.Task);
        mount.Dispose();
        return new ControlReply { Exit = 0 };
    }

    /// <summary>Operations as JSON lines, each answered by one.</summary>
    private ControlReply Exchange(ControlRequest request)
    {
        if (request.Frontend is { } name && !machine.Frontends.ContainsKey(name))
        {
            return new ControlReply { Error = $"there is no frontend '{name}'; there are {string.Join(", ", machine.Frontends.Keys)}" };
        }

        if (KernelOf(request with { Flavour = request.Flavour ?? IoCommand.FlavourOf(machine, request.Frontend) }, out string problem) is not { } kernel)
        {
            return new ControlReply { Error = problem };
        }

        _stop = () => channel.Send(new ControlReply { Error = _end });
        var runner = new OperationRunner(kernel, machine.MainSpace, KernelRam.End(machine));
        string? device = IoCommand.DeviceOf(machine, request.Frontend);
        channel.Send(new ControlReply { Line = "" });
        while (channel.Receive<ControlRequest>() is { Line: { } line } && _end is null)
        {
            var warnings = new List<string>();
            string? answer;
            using (gate.Visit())
            {
                follow?.Invoke();
                void Note(LogLine written) => IoCommand.Note(written, warnings.Add);
                machine.Log.Written += Note;
                answer = runner.Run(IoCommand.WithDevice(line, device));
                machine.Log.Written -= Note;
            }

            channel.Send(new ControlReply { Line = answer ?? "", Warnings = warnings });
        }

        return new ControlReply { Exit = 0 };
    }

    private ControlReply Look(ControlRequest request)
    {
        using (gate.Visit())
        {
            follow?.Invoke();
            CommandAnswer answer = request.Operation == "explain"
                ? ExplainCommand.Answer(machine, string.Join(' ', request.Arguments), request.IsWrite)
                : AccessCommands.Answer(machine, request.Arguments[0], request.Arguments.ElementAtOrDefault(1), request.IsWrite || request.Operation == "poke", request.IsJson);
            return new ControlReply { Line = answer.Text, Error = answer.Error, Exit = answer.Code };
        }
    }

    private IKernel? KernelOf(ControlRequest request, out string problem)
    {
        var diagnostics = new DiagnosticBag();
        IKernel? kernel;
        using (gate.Visit())
        {
            kernel = machine.CreateKernel(request.Flavour, diagnostics);
        }

        problem = string.Join("; ", diagnostics.Sorted.Select(d => d.Message));
        return kernel;
    }
}
