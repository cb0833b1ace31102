using System.CommandLine;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;

namespace Kmem.Cli;

/// <summary>The arguments of every command that takes a machine: FILE, --set, --variant, --format.</summary>
internal sealed class MachineArguments
{
    private readonly Option<string[]> _set = new("--set") { Description = "Gives a parameter of the machine a value: --set ram=64MiB", HelpName = "PARAM=VALUE" };
    private readonly Option<string?> _variant = new("--variant") { Description = "Takes a variant of the machine", HelpName = "NAME" };
    private readonly Option<bool> _environment = new("--allow-env") { Description = "Lets env() in the machine file read the environment" };

    /// <summary>Form of diagnostics and, where a command has one, of its output.</summary>
    public Option<string> Format { get; } = new("--format") { Description = "Form of the output", DefaultValueFactory = _ => "text" };

    /// <summary>The machine file.</summary>
    public Argument<string> File { get; } = new("FILE") { Description = "The machine file (YAML)" };

    /// <summary>Adds the arguments to a command.</summary>
    public MachineArguments AddTo(Command command, params string[] formats)
    {
        Format.AcceptOnlyFromAmong(formats.Length == 0 ? ["text", "json", "sarif"] : formats);
        command.Add(File);
        AddOptions(command);
        command.Add(Format);
        return this;
    }

    /// <summary>The option that takes a machine from somebody who holds it.</summary>
    public static Option<string?> Attach() => new("--attach") { Description = "Takes the machine that 'kmem serve' or 'kmem run --control' holds at PATH; there is no FILE then", HelpName = "PATH" };

    /// <summary>Checks that there is a machine file, or none beside --attach; null when all is well, else an exit code.</summary>
    public int? Check(ParseResult parsed, Option<string?> attach)
    {
        bool hasFile = parsed.GetValue(File) is not null;
        if (parsed.GetValue(attach) is null == hasFile)
        {
            return null;
        }

        Terminal.Error(hasFile ? "with --attach the machine is there already, so there is no FILE" : "a machine is needed: FILE, or --attach PATH");
        return ExitCodes.Usage;
    }

    /// <summary>Adds all but FILE and --format.</summary>
    public void AddOptions(Command command)
    {
        command.Add(_set);
        command.Add(_variant);
        command.Add(_environment);
    }

    /// <summary>Decisions about loading; null and a message when they are wrong.</summary>
    public LoadOptions? LoadOptions(ParseResult parsed)
    {
        var parameters = new Dictionary<string, string>(StringComparer.Ordinal);
        foreach (string assignment in parsed.GetValue(_set) ?? [])
        {
            int equals = assignment.IndexOf('=', StringComparison.Ordinal);
            if (equals <= 0)
            {
                Terminal.Error($"--set takes PARAM=VALUE, not '{assignment}'");
                return null;
            }

            parameters[assignment[..equals]] = assignment[(equals + 1)..];
        }

        string[] path = (Environment.GetEnvironmentVariable("KMEM_PATH") ?? "").Split(':', StringSplitOptions.RemoveEmptyEntries);
        return new LoadOptions
        {
            Parameters = parameters,
            Variant = parsed.GetValue(_variant),
            AllowEnvironment = parsed.GetValue(_environment),
            SearchPath = [.. path, .. BuiltInFolders()],
        };
    }

    /// <summary>Loads and builds the machine; when it is wrong says so and returns null.</summary>
    public RunningMachine? Build(ParseResult parsed, PluginCatalog catalog) => Build(parsed, parsed.GetValue(File)!, catalog);

    /// <summary>Loads and builds a machine; when it is wrong says so and returns null.</summary>
    /// <param name="parsed">The command line.</param>
    /// <param name="file">The machine file.</param>
    /// <param name="catalog">The plugins.</param>
    /// <param name="build">Decisions about building; null for none.</param>
    /// <param name="parameters">Parameters of the machine that options of the command stand for; null for none.</param>
    public RunningMachine? Build(ParseResult parsed, string file, PluginCatalog catalog, BuildOptions? build = null, IReadOnlyDictionary<string, string>? parameters = null)
    {
        if (LoadOptions(parsed) is not { } load)
        {
            return null;
        }

        if (parameters is { Count: > 0 })
        {
            load = load with { Parameters = new Dictionary<string, string>([.. load.Parameters, .. parameters], StringComparer.Ordinal) };
        }

        BuildResult result = MachineFactory.Load(file, load, build, catalog);
        Terminal.Show(result.Diagnostics, "text");
        return result.Machine;
    }

    /// <summary>Folders of parts that come with the program: beside it, and in a source tree.</summary>
    private static IEnumerable<string> BuiltInFolders()
    {
        yield return Path.Combine(AppContext.BaseDirectory, "machines");
        string? folder = AppContext.BaseDirectory;
        for (int i = 0; i < 6 && folder is not null; i++, folder = Path.GetDirectoryName(folder.TrimEnd('/')))
        {
            if (System.IO.File.Exists(Path.Combine(folder, "Kmem.sln")))
            {
                yield return Path.Combine(folder, "machines");
            }
        }
    }
}
