using System.CommandLine;
using Kmem.Cli.Commands;
using Kmem.Host.Tracing;

namespace Kmem.Cli;

/// <summary>The program <c>kmem</c>.</summary>
internal static class Program
{
    /// <summary>Runs one command.</summary>
    public static int Main(string[] arguments)
    {
        if (arguments is ["exec", ..] && OperatingSystem.IsLinux())
        {
            TerminalSignals.Quiet();
        }

        try
        {
            return Root().Parse(MountCommand.Separate(arguments)).Invoke();
        }
        catch (IOException e) when (e.Message.Contains("Broken pipe", StringComparison.OrdinalIgnoreCase))
        {
            // The reader has gone, as with "kmem map ... | head": nothing is wrong.
            return ExitCodes.Ok;
        }
        catch (Exception e)
        {
            Terminal.Error($"internal error: {e}");
            return ExitCodes.Internal;
        }
    }

    private static RootCommand Root()
    {
        var root = new RootCommand(
            """
            Kmem composes machines from YAML and plugins and opens them as /dev/mem, /dev/kmem and /dev/port.

            Exit codes: 0 all is well; 1 the machine is wrong or a check fails; 2 the command line is wrong;
            3 the access or operation failed; 70 Kmem itself is wrong.
            """)
        {
            RunCommand.Create(),
            CheckCommand.Create(),
            ConfigCommand.Create(),
            MapCommand.Create(),
            ExplainCommand.Create(),
            AccessCommands.CreatePeek(),
            AccessCommands.CreatePoke(),
            CompareCommand.Create(),
            IoCommand.Create(),
            ExecCommand.Create(),
            MountCommand.Create(),
            ServeCommand.Create(),
            ImportCommand.Create(),
            PluginCommands.CreatePlugins(),
            PluginCommands.CreateDescribe(),
            PluginCommands.CreateSchema(),
        };
        return root;
    }
}
