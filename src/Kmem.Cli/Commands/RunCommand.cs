using System.CommandLine;
using Kmem.Abstractions;
using Kmem.Cli.Running;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading;
using Kmem.Machine.Plugins;

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

        using var signals = new RunSignals();
        using var progress = new LoadingProgress();
        progress.Say("building the machine");
        using var backends = new RunBackends(settings.Serial);
        var build = new BuildOptions { FromPowerOn = true, CharPort = backends.Create, BlockBackend = HostBackends.Block, HostNetwork = backends.Network };
        using RunningMachine? machine = arguments.Build(parsed, parsed.GetValue(arguments.File)!, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder), build, options.Parameters(parsed));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        if (settings.Serial.Leftover() is { } leftover)
        {
            Terminal.Error(leftover);
            return ExitCodes.Usage;
        }

        try
        {
            using var session = new RunSession(machine, backends, settings, signals, progress);
            progress.Dispose();
            return session.Run();
        }
        catch (Exception e) when (e is MachineException or ImageException or IOException)
        {
            backends.Dispose();
            progress.Dispose();
            Terminal.Error(e.Message);
            return e is IOException ? ExitCodes.Failed : ExitCodes.BadMachine;
        }
    }
}
