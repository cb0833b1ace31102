using System.CommandLine;
using System.Diagnostics;
using Kmem.Abstractions;
using Kmem.Cli.Mounting;
using Kmem.Cli.Serving;
using Kmem.Description;
using Kmem.Host.Fuse;
using Kmem.Host.Mounts;
using Kmem.Host.Native;
using Kmem.Host.Processes;
using Kmem.Host.Sessions;
using Kmem.Machine;
using Kmem.Machine.Plugins;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem mount FILE DIR</c>: the machine as files, among them mem, kmem and port.</summary>
internal static class MountCommand
{
    private const string Exec = "--exec";

    public static Command Create()
    {
        var command = new Command("mount", "Mounts a machine on a directory: mem, kmem, port, registers and PCI configuration as files, until Ctrl-C or umount");
        var machine = new MachineArguments().AddTo(command, "text");
        var directory = new Argument<string?>("DIR") { Description = "An existing directory", Arity = ArgumentArity.ZeroOrOne };
        var attach = new Option<string?>("--attach") { Description = "Takes the machine that 'kmem serve' or 'kmem run --control' holds at PATH; there is no FILE then", HelpName = "PATH" };
        machine.File.Arity = ArgumentArity.ZeroOrOne;
        var words = new Argument<string[]>("CMD") { Description = $"With {Exec}: the command and its arguments; all that follows {Exec} belongs to it", Arity = ArgumentArity.ZeroOrMore };
        var options = new MountOptions();
        command.Add(directory);
        command.Add(words);
        command.Add(attach);
        options.AddTo(command);
        command.SetAction(parsed => parsed.GetValue(attach) is { } path
            ? Attach(path, parsed.GetValue(machine.File), [.. parsed.GetValue(directory) is { } word ? [word] : Array.Empty<string>(), .. parsed.GetValue(words) ?? []], parsed, options)
            : Run(parsed, machine, parsed.GetValue(directory), parsed.GetValue(words) ?? [], options));
        return command;
    }

    /// <summary>Puts <c>--</c> behind <c>--exec</c>, so that options of the command are not taken for ours.</summary>
    public static string[] Separate(string[] arguments)
    {
        int exec = Array.IndexOf(arguments, Exec);
        bool isOurs = exec > 0 && arguments[0] == "mount" && Array.IndexOf(arguments, "--", 0, exec) < 0;
        bool isSeparated = exec + 1 < arguments.Length && arguments[exec + 1] == "--";
        return isOurs && !isSeparated ? [.. arguments[..(exec + 1)], "--", .. arguments[(exec + 1)..]] : arguments;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string? directory, string[] words, MountOptions options)
    {
        bool executes = parsed.GetValue(options.Execute);
        if (executes != words.Length > 0)
        {
            Terminal.Error(executes ? $"{Exec} needs a command" : $"what is '{words[0]}' for? A command to run stands behind {Exec}");
            return ExitCodes.Usage;
        }

        if (directory is null || parsed.GetValue(arguments.File) is null)
        {
            Terminal.Error("'mount' needs a machine and a directory: kmem mount FILE DIR, or kmem mount --attach PATH DIR");
            return ExitCodes.Usage;
        }

        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        var diagnostics = new DiagnosticBag();
        IKernel? kernel = machine.CreateKernel(parsed.GetValue(options.Flavour), diagnostics);
        Terminal.Show(diagnostics, "text");
        if (kernel is null)
        {
            return ExitCodes.Usage;
        }

        try
        {
            return Serve(parsed, machine, kernel, directory, words, options);
        }
        catch (HostException e)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Failed;
        }
    }

    /// <summary>The server mounts its machine; the mount ends with this program.</summary>
    private static int Attach(string path, string? directory, string[] words, ParseResult parsed, MountOptions options)
    {
        if (directory is null || parsed.GetValue(options.Execute) != words.Length > 0)
        {
            Terminal.Error("'mount --attach' needs a directory, and a command behind --exec alone: kmem mount --attach PATH DIR [--exec CMD]");
            return ExitCodes.Usage;
        }

        return ControlClient.Run(path, new ControlRequest("mount") { Folder = Path.GetFullPath(directory), Flavour = parsed.GetValue(options.Flavour), AllowOther = parsed.GetValue(options.AllowOther) }, mounted =>
        {
            if (words.Length > 0)
            {
                using var stop = new ManualResetEventSlim();
                return Execute(mounted, words, Environment.IsPrivilegedProcess, stop, () => 0);
            }

            Console.Out.WriteLine($"{path} is mounted on {mounted}; Ctrl-C or umount ends it");
            Console.Out.Flush();
            return null;
        });
    }

    private static int Serve(ParseResult parsed, RunningMachine machine, IKernel kernel, string directory, string[] words, MountOptions options)
    {
        bool isRoot = Environment.IsPrivilegedProcess, everybodyIsRoot = parsed.GetValue(options.As) == "root";
        var tree = new MachineTree(machine, kernel, MountOptions.User)
        {
            Credentials = everybodyIsRoot ? static _ => Credentials.Root : CallerCredentials.Of,
            Mapping = options.MappingOf(parsed),
        };
        FuseFolder root = tree.Build();
        var gate = new MachineGate();
        using var stop = new ManualResetEventSlim();
        using FuseMount mount = FuseMount.Create(directory, machine.Description.Name, parsed.GetValue(options.AllowOther), options.MounterOf(parsed));
        using var session = new FuseSession(mount.Connection, root, gate, text => machine.Log.Write("mount", LogLevel.Warning, text));

        // Declared after the mount, so disposed before it: a signal that comes while we unmount ends the process as usual.
        int signal = 0;
        using var signals = new SignalWatch(number =>
        {
            signal = number;
            stop.Set();
        });
        Action follow = machine.Clock.FollowHost();
        using var clock = new Timer(_ => Tick(gate, follow), null, TimeSpan.FromMilliseconds(10), TimeSpan.FromMilliseconds(10));
        session.Start();
        _ = session.Ended.ContinueWith(_ => stop.Set(), TaskScheduler.Default);
        int code = ExitCodes.Ok;
        if (words.Length > 0)
        {
            code = Execute(mount.Directory, words, isRoot, stop, () => signal);
        }
        else
        {
            Console.Out.WriteLine($"{machine.Description.Name} ({kernel.Flavour}) is mounted on {mount.Directory}; Ctrl-C or umount ends it");
            Console.Out.Flush();
            stop.Wait();
        }

        mount.Dispose();
        return code;
    }

    /// <summary>Guest time goes with the host's.</summary>
    private static void Tick(MachineGate gate, Action follow)
    {
        using (gate.Visit())
        {
            follow();
        }
    }

    /// <summary>Runs the command and waits for it; its exit code, or 128 and the number of the signal that ended it.</summary>
    private static int Execute(string mounted, string[] words, bool isRoot, ManualResetEventSlim stop, Func<int> signal)
    {
        string scratch = Directory.CreateTempSubdirectory("kmem-dev-").FullName;
        try
        {
            using Process child = PrivateDevices.Start(mounted, scratch, words, isRoot);
            using DeathWatcher? watcher = DeathWatcher.Killing(child);
            child.EnableRaisingEvents = true;
            child.Exited += (_, _) => stop.Set();
            while (!child.HasExited)
            {
                stop.Wait();
                stop.Reset();
                if (!child.HasExited && signal() is var number and not 0)
                {
                    // The terminal sends Ctrl-C to the command as well, which may want to live on; the other signals come to us alone.
                    SignalWatch.PassOn(child.Id, number);
                }
            }

            child.WaitForExit();
            return child.ExitCode;
        }
        finally
        {
            Directory.Delete(scratch);
        }
    }
}
