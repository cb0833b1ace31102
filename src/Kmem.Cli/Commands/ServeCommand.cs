using System.CommandLine;
using System.Runtime.InteropServices;
using Kmem.Cli.Serving;
using Kmem.Machine;
using Kmem.Machine.Plugins;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem serve FILE --control PATH</c>: holds a machine for other commands.</summary>
internal static class ServeCommand
{
    public static Command Create()
    {
        var command = new Command("serve", "Holds a machine and its clock, for 'kmem exec --attach' and 'kmem mount --attach'; all clients see one machine");
        var machine = new MachineArguments().AddTo(command, "text");
        var control = new Option<string>("--control") { Description = "The Unix socket at which clients ask for the machine; only this user and root may", HelpName = "PATH", Required = true };
        command.Add(control);
        command.SetAction(parsed => Run(parsed, machine, parsed.GetValue(control)!));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string control)
    {
        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        try
        {
            using var server = new ControlServer(machine, control);
            PosixSignalRegistration[] signals = [.. ((PosixSignal[])[PosixSignal.SIGINT, PosixSignal.SIGTERM, PosixSignal.SIGHUP]).Select(s => PosixSignalRegistration.Create(s, context =>
            {
                context.Cancel = true;
                server.Dispose();
            }))];
            Console.Out.WriteLine($"{machine.Description.Name} is served at {control}; Ctrl-C ends it");
            Console.Out.Flush();
            server.Run();
            Array.ForEach(signals, s => s.Dispose());
            return ExitCodes.Ok;
        }
        catch (IOException e)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Failed;
        }
    }
}
