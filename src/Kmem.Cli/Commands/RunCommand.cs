using System.CommandLine;
using Kmem.Abstractions;
using Kmem.Cli.Running;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading;
using Kmem.Machine.Plugins;
using Kmem.Machine.Running;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem run FILE</c>: switches a machine on.</summary>
internal static class RunCommand
{
    public static Command Create()
    {
        var command = new Command("run", "Switches a machine on and connects its serial line to the terminal");
        var machine = new MachineArguments().AddTo(command, "text");
        var options = new RunOptions(command);
        command.SetAction(parsed => Run(parsed, machine, options));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, RunOptions options)
    {
        if (options.Read(parsed) is not { } settings)
        {
            return ExitCodes.Usage;
        }

        using var backends = new RunBackends();
        var build = new BuildOptions { FromPowerOn = true, CharBackend = backends.Create, BlockBackend = HostBackends.Block };
        using RunningMachine? machine = arguments.Build(parsed, parsed.GetValue(arguments.File)!, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder), build, options.Parameters(parsed));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        try
        {
            using var session = new RunSession(machine, backends, settings);
            return session.Run();
        }
        catch (Exception e) when (e is MachineException or ImageException)
        {
            Terminal.Error(e.Message);
            return ExitCodes.BadMachine;
        }
    }
}
