using System.CommandLine;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Machine.Options;
using Kmem.Machine.Plugins;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem plugins</c> and <c>kmem describe TYPE</c>.</summary>
internal static class PluginCommands
{
    public static Command CreatePlugins()
    {
        var command = new Command("plugins", "Lists the plugins, what each brings, and those that can't be used");
        Option<string[]> with = With();
        command.Add(with);
        command.SetAction(parsed =>
        {
            PluginCatalog catalog = Catalog(parsed.GetValue(with));
            foreach (PluginAssembly assembly in catalog.Assemblies)
            {
                Console.Out.WriteLine($"{assembly.Name} {assembly.Version} (contract {assembly.Contract})  {assembly.Path}");
                foreach (PluginType type in catalog.Types.Where(t => t.Assembly == assembly))
                {
                    Console.Out.WriteLine($"  {type.Kind.ToString().ToLowerInvariant(),-10} {type.Name}");
                }
            }

            foreach (PluginFailure failure in catalog.Failures)
            {
                Terminal.Error(failure.Message);
            }

            return catalog.Failures.Count == 0 ? ExitCodes.Ok : ExitCodes.BadMachine;
        });
        return command;
    }

    public static Command CreateDescribe()
    {
        var command = new Command("describe", "Shows the options of a device, bus or character device type");
        var name = new Argument<string>("TYPE") { Description = "The type, for example mmio.registers" };
        Option<string[]> with = With();
        command.Add(name);
        command.Add(with);
        command.SetAction(parsed => Describe(Catalog(parsed.GetValue(with)), parsed.GetValue(name)!));
        return command;
    }

    public static Command CreateSchema()
    {
        var command = new Command("schema", "Writes the JSON Schema of machine files with the options of all plugins, for completion in editors");
        Option<string[]> with = With();
        command.Add(with);
        command.SetAction(parsed =>
        {
            PluginCatalog catalog = Catalog(parsed.GetValue(with));
            foreach (PluginFailure failure in catalog.Failures)
            {
                Terminal.Error(failure.Message);
            }

            Console.Out.WriteLine(MachineSchema.Write(catalog));
            return catalog.Failures.Count == 0 ? ExitCodes.Ok : ExitCodes.BadMachine;
        });
        return command;
    }

    /// <summary>The plugins beside the program, and those of <c>--with</c>.</summary>
    public static PluginCatalog Catalog(string[]? with)
    {
        PluginCatalog catalog = new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder);
        foreach (string path in with ?? [])
        {
            catalog.AddAssembly(path);
        }

        return catalog;
    }

    public static Option<string[]> With() => new("--with") { Description = "Also takes a plugin from a DLL", HelpName = "DLL" };

    private static int Describe(PluginCatalog catalog, string name)
    {
        PluginType[] found = [.. catalog.Types.Where(t => t.Name == name)];
        if (found.Length == 0)
        {
            string? near = Description.Suggestions.Nearest(name, catalog.Types.Select(t => t.Name));
            Terminal.Error($"there is no type '{name}'{(near is null ? "" : $"; did you mean '{near}'?")}");
            return ExitCodes.Usage;
        }

        foreach (PluginType type in found)
        {
            PluginSignature signature = type.Signature;
            Console.Out.WriteLine($"{type.Name}: {PluginHelp.Summary(signature.Class)}");
            if (PluginHelp.Remarks(signature.Class) is { Length: > 0 } remarks)
            {
                Console.Out.WriteLine($"  {remarks}");
            }

            Console.Out.WriteLine($"  {type.Kind.ToString().ToLowerInvariant()} {signature.Class.FullName} in {type.Assembly.Path}");
            if (signature.Options is { } options)
            {
                Console.Out.WriteLine("  options:");
                IReadOnlyList<OptionShape> shapes = OptionReflection.ShapesOf(options);
                Show(shapes, 2);
                ShowForms(shapes);
            }
            else
            {
                Console.Out.WriteLine("  options: none");
            }

            if (type.Kind == PluginKind.Device && PluginInspector.Inspect(type, catalog) is { } shape)
            {
                Show(shape);
            }
        }

        return ExitCodes.Ok;
    }

    private static void Show(DeviceShape shape)
    {
        if (shape.Banks.Count > 0)
        {
            Console.Out.WriteLine($"  banks: {string.Join(", ", shape.Banks.Select(b => $"{(b.Name.Length == 0 ? "(unnamed)" : b.Name)} {Maps.MapTable.Size(b.Length)}"))}");
        }

        if (shape.Spaces.Count > 0)
        {
            Console.Out.WriteLine($"  spaces: {string.Join(", ", shape.Spaces.Select(s => $"{s.Name} {s.Width} bits"))}");
        }

        if (shape.Outputs.Count + shape.Inputs.Count > 0)
        {
            Console.Out.WriteLine($"  wires: {string.Join(", ", shape.Outputs.Select(o => $"{o} (output)").Concat(shape.Inputs.Select(i => $"{i} (input)")))}");
        }

        if (shape.Registers.Count > 0)
        {
            Console.Out.WriteLine("  registers:");
            foreach ((ulong offset, string name, bool canRead, bool canWrite) in shape.Registers)
            {
                Console.Out.WriteLine($"    0x{offset:X2} {(canRead ? "r" : "-")}{(canWrite ? "w" : "-")} {name}");
            }
        }
    }

    /// <summary>What the host's ends of lines and disks may be.</summary>
    private static void ShowForms(IReadOnlyList<OptionShape> shapes)
    {
        if (shapes.Any(s => s.Kind == OptionKind.CharBackend))
        {
            Console.Out.WriteLine($"    a char-backend is one of {HostBackends.CharForms}");
        }

        if (shapes.Any(s => s.Kind == OptionKind.BlockBackend))
        {
            Console.Out.WriteLine($"    a block-backend is one of {BlockSpecification.Forms}");
        }
    }

    private static void Show(IReadOnlyList<OptionShape> shapes, int depth)
    {
        foreach (OptionShape shape in shapes)
        {
            string value = shape.IsRequired ? "required" : shape.Default is null or "" ? "optional" : $"default {Default(shape)}";
            Console.Out.WriteLine($"{new string(' ', 2 * depth)}{shape.Name} ({FormOf(shape)}, {value}) {shape.Summary}".TrimEnd());
            IReadOnlyList<OptionShape> members = shape.Members.Count > 0 ? shape.Members : shape.Element?.Members ?? [];
            Show(members, depth + 1);
        }
    }

    private static string Default(OptionShape shape) => shape.Form switch
    {
        OptionForm.Choice => OptionReflection.KeyOf(Enum.ToObject(shape.Type, shape.Default!).ToString()!),
        OptionForm.Boolean => (bool)shape.Default! ? "true" : "false",
        _ => shape.Default is ulong number && number > 4096 ? $"0x{number:X}" : shape.Default!.ToString()!,
    };

    private static string FormOf(OptionShape shape) => shape.Form switch
    {
        OptionForm.Choice => string.Join('|', shape.Choices),
        OptionForm.List => $"list of {FormOf(shape.Element!)}",
        OptionForm.Map => $"mapping to {FormOf(shape.Element!)}",
        OptionForm.Record => "mapping",
        _ => shape.Kind == OptionKind.Plain ? shape.Form.ToString().ToLowerInvariant() : OptionReflection.KeyOf(shape.Kind.ToString()),
    };
}
