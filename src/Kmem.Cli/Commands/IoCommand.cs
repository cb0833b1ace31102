using System.CommandLine;
using Kmem.Abstractions;
using Kmem.Cli.Serving;
using Kmem.Description;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem io FILE</c>: operations as JSON lines on standard input, the same lines with their results on standard output.</summary>
internal static class IoCommand
{
    public static Command Create()
    {
        var command = new Command("io", "Drives the character devices of a machine with JSON lines: operations in, the same lines with result, errno and data out");
        var machine = new MachineArguments().AddTo(command, "text");
        var frontend = new Option<string?>("--frontend") { Description = "The frontend to which lines without 'dev' go", HelpName = "NAME" };
        var flavour = new Option<string?>("--flavour") { Description = "The kernel in front of the devices: a flavour of the machine or a built-in one", HelpName = "NAME" };
        var replay = new Option<string?>("--replay") { Description = "Takes the operations from a recording and ignores its answers, so that diff shows where ours differ", HelpName = "FILE" };
        Option<string?> attach = MachineArguments.Attach();
        machine.File.Arity = ArgumentArity.ZeroOrOne;
        command.Add(attach);
        command.Add(frontend);
        command.Add(flavour);
        command.Add(replay);
        command.SetAction(parsed => machine.Check(parsed, attach) is { } wrong ? wrong
            : parsed.GetValue(attach) is { } path ? Attach(path, parsed.GetValue(frontend), parsed.GetValue(flavour), parsed.GetValue(replay))
            : Run(parsed, machine, parsed.GetValue(frontend), parsed.GetValue(flavour), parsed.GetValue(replay)));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string? frontend, string? flavour, string? replay)
    {
        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        if (frontend is not null && !machine.Frontends.ContainsKey(frontend))
        {
            Terminal.Error($"there is no frontend '{frontend}'; there are {string.Join(", ", machine.Frontends.Keys)}");
            return ExitCodes.Usage;
        }

        machine.Log.Written += line => Note(line, Terminal.Error);
        var diagnostics = new DiagnosticBag();
        IKernel? kernel = machine.CreateKernel(flavour ?? FlavourOf(machine, frontend), diagnostics);
        Terminal.Show(diagnostics, "text");
        if (kernel is null)
        {
            return ExitCodes.Usage;
        }

        var runner = new OperationRunner(kernel, machine.MainSpace, KernelRam.End(machine));
        string? device = DeviceOf(machine, frontend);
        try
        {
            using TextReader input = replay is null ? Console.In : File.OpenText(replay);
            while (input.ReadLine() is { } line)
            {
                if (runner.Run(WithDevice(line, device)) is { } answer)
                {
                    Console.Out.WriteLine(answer);
                    Console.Out.Flush();
                }
            }
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Usage;
        }

        return ExitCodes.Ok;
    }

    /// <summary>The flavour that a frontend names; null for none.</summary>
    public static string? FlavourOf(RunningMachine machine, string? frontend) => frontend is null ? null : machine.Frontends[frontend].Description.Flavour?.Text;

    /// <summary>The device of a frontend, as lines name it; null for none.</summary>
    public static string? DeviceOf(RunningMachine machine, string? frontend) => frontend is null ? null : Path.GetFileName(machine.Frontends[frontend].Device?.Node.Path);

    /// <summary>Passes on what the log says if it is a warning.</summary>
    public static void Note(LogLine line, Action<string> take)
    {
        if (line.Level == LogLevel.Warning)
        {
            take($"{line.Source}: {line.Message}");
        }
    }

    private static int Attach(string path, string? frontend, string? flavour, string? replay)
    {
        try
        {
            using TextReader input = replay is null ? Console.In : File.OpenText(replay);
            return ControlClient.Exchange(path, new ControlRequest("io") { Frontend = frontend, Flavour = flavour }, input);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException or UnauthorizedAccessException)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Usage;
        }
    }

    /// <summary>Gives a line without a device that of the frontend.</summary>
    public static string WithDevice(string line, string? device) =>
        device is null || line.Contains("\"dev\"", StringComparison.Ordinal) || !line.TrimStart().StartsWith('{') ? line : $"{{\"dev\":\"{device}\",{line.TrimStart()[1..]}";
}
