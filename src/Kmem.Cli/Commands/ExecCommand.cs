using System.CommandLine;
using System.Runtime.InteropServices;
using Kmem.Abstractions;
using Kmem.Cli.Serving;
using Kmem.Cli.Sessions;
using Kmem.Description;
using Kmem.Host.Sessions;
using Kmem.Host.Tracing;
using Kmem.Machine;
using Kmem.Machine.Plugins;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem exec FILE -- CMD…</c>: runs unmodified programs on a machine.</summary>
internal static class ExecCommand
{
    public static Command Create()
    {
        var command = new Command("exec", "Runs a program on a machine: its /dev/mem, /dev/kmem, /dev/port, mapped registers and port instructions are the machine's");
        var machine = new MachineArguments().AddTo(command, "text");
        var flavour = new Option<string?>("--flavour") { Description = "The kernel in front of the devices: a flavour of the machine or a built-in one", HelpName = "NAME" };
        var log = new Option<string?>("--log") { Description = "Writes every access with device, register, width, value and program counter to FILE; - is standard error", HelpName = "FILE" };
        var audit = new Option<bool>("--audit-width") { Description = "Lists at the end the widths used on every register, against those that it takes" };
        var program = new Argument<string[]>("CMD") { Description = "The program and its arguments, after --", Arity = ArgumentArity.ZeroOrMore };
        var attach = new Option<string?>("--attach") { Description = "Takes the machine that 'kmem serve' or 'kmem run --control' holds at PATH; there is no FILE then", HelpName = "PATH" };
        machine.File.Arity = ArgumentArity.ZeroOrOne;
        command.Add(attach);
        var record = new Option<string?>("--record") { Description = "Writes the session's accesses to FILE, one line each", HelpName = "FILE" };
        var replay = new Option<string?>("--replay") { Description = "Compares the session with one that was recorded; exit code 1 and the differences when it is another", HelpName = "FILE" };
        command.Add(record);
        command.Add(replay);
        command.Add(flavour);
        command.Add(log);
        command.Add(audit);
        command.Add(program);
        command.SetAction(parsed => Run(parsed, machine, parsed.GetValue(flavour), parsed.GetValue(log), parsed.GetValue(audit), parsed.GetValue(record), parsed.GetValue(replay), parsed.GetValue(attach), parsed.GetValue(program) ?? []));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string? flavour, string? log, bool audit, string? record, string? replay, string? attach, string[] program)
    {
        if (!OperatingSystem.IsLinux() || RuntimeInformation.ProcessArchitecture != Architecture.X64)
        {
            Terminal.Error("'exec' traces programs of Linux on x86-64 and works there only");
            return ExitCodes.Usage;
        }

        string? machineFile = parsed.GetValue(arguments.File);
        if (attach is not null && machineFile is not null)
        {
            // What stands before the -- is the machine's file; with --attach all words are the command's.
            program = [machineFile, .. program];
        }

        if (program.Length == 0 || (attach is null && machineFile is null))
        {
            Terminal.Error("'exec' needs a machine and a program: kmem exec FILE -- CMD, or kmem exec --attach PATH -- CMD");
            return ExitCodes.Usage;
        }

        if (ProgramPath.Find(program[0]) is not { } file)
        {
            Terminal.Error($"there is no program '{program[0]}'");
            return 127;
        }

        if (attach is not null && (record ?? replay) is not null)
        {
            Terminal.Error("--record and --replay want a machine of their own: kmem exec FILE --record FILE -- CMD");
            return ExitCodes.Usage;
        }

        if (attach is not null)
        {
            return ControlClient.Run(attach, new ControlRequest("exec")
            {
                File = file,
                Arguments = program,
                Environment = ProgramPath.Environment(),
                Folder = Directory.GetCurrentDirectory(),
                Flavour = flavour,
                Log = log is null or "-" ? log : Path.GetFullPath(log),
                Audit = audit,
            });
        }

        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        var diagnostics = new DiagnosticBag();
        IKernel? kernel = machine.CreateKernel(flavour, diagnostics);
        Terminal.Show(diagnostics, "text");
        if (kernel is null)
        {
            return ExitCodes.Usage;
        }

        using var session = new ProgramSession(new HostedMachine(kernel, machine.MainSpace, machine.PortSpace, machine.Memory.Blocks, machine.PciBus) { Arriving = machine.Clock.FollowHost() });
        using AccessJournal? journal = AccessJournal.Open(log, audit);
        SessionRecording? recording = (record ?? replay) is null ? null : new SessionRecording();
        session.Supervisor.Accessed += journal is null ? null : journal.Add;
        session.Supervisor.Accessed += recording is null ? null : recording.Add;

        // The terminal sends these to the program as well; it decides what they mean.
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, c => c.Cancel = true);
        using PosixSignalRegistration quit = PosixSignalRegistration.Create(PosixSignal.SIGQUIT, c => c.Cancel = true);

        // These come to us alone, as a rule.
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, c => PassOn(session, c, 15));
        using PosixSignalRegistration hangUp = PosixSignalRegistration.Create(PosixSignal.SIGHUP, c => PassOn(session, c, 1));
        try
        {
            int code = session.Supervisor.Run(new ProgramStart(file, program, ProgramPath.Environment()));
            journal?.Finish();
            return recording is null ? code : Keep(recording, record, replay, code);
        }
        catch (IOException e)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Failed;
        }
    }

    private static void PassOn(ProgramSession session, PosixSignalContext context, int signal)
    {
        context.Cancel = true;
        session.Supervisor.Signal(signal);
    }

    private static int Keep(SessionRecording recording, string? record, string? replay, int code)
    {
        if (record is not null)
        {
            recording.Save(record, code);
        }

        IReadOnlyList<string> differences = replay is null ? [] : recording.Compare(replay, code);
        foreach (string difference in differences)
        {
            Terminal.Error(difference);
        }

        return differences.Count > 0 ? ExitCodes.BadMachine : code;
    }
}
