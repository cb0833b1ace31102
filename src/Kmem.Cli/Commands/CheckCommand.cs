using System.CommandLine;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem check FILE...</c>: loads, builds and checks machines, their variants included.</summary>
internal static class CheckCommand
{
    public static Command Create()
    {
        var command = new Command("check", "Checks machine files: language, options of plugins, overlaps, wires, and the machine's own checks");
        var files = new Argument<string[]>("FILE") { Description = "Machine files (YAML)", Arity = ArgumentArity.OneOrMore };
        var machine = new MachineArguments();
        command.Add(files);
        machine.AddOptions(command);
        machine.Format.AcceptOnlyFromAmong("text", "json", "sarif");
        command.Add(machine.Format);
        command.SetAction(parsed => Run(parsed, files, machine));
        return command;
    }

    private static int Run(ParseResult parsed, Argument<string[]> files, MachineArguments arguments)
    {
        if (arguments.LoadOptions(parsed) is not { } load)
        {
            return ExitCodes.Usage;
        }

        PluginCatalog catalog = new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder);
        var all = new DiagnosticBag();
        string format = parsed.GetValue(arguments.Format)!;
        foreach (string file in parsed.GetValue(files)!)
        {
            var diagnostics = new DiagnosticBag();
            (int checks, IReadOnlyList<string> variants) = Check(file, load, catalog, diagnostics);
            foreach (string variant in load.Variant is null ? variants : [])
            {
                checks += Check(file, load with { Variant = variant }, catalog, diagnostics).Checks;
            }

            if (format == "text")
            {
                Terminal.Show(diagnostics, format);
                Console.Out.WriteLine(diagnostics.HasErrors
                    ? $"{file}: {Count(diagnostics.Sorted.Count + diagnostics.Dropped, "problem")}"
                    : $"{file}: ok, {Count(checks, "check")}{(variants.Count > 0 ? $", {Count(variants.Count, "variant")}" : "")}");
            }

            all.AddRange(diagnostics);
        }

        if (format != "text")
        {
            Terminal.Show(all, format);
        }

        return all.HasErrors ? ExitCodes.BadMachine : ExitCodes.Ok;
    }

    private static string Count(int count, string noun) => $"{count} {noun}{(count == 1 ? "" : "s")}";

    private static (int Checks, IReadOnlyList<string> Variants) Check(string file, LoadOptions load, PluginCatalog catalog, DiagnosticBag diagnostics)
    {
        LoadResult loaded = DescriptionLoader.Load(file, load);
        IReadOnlyList<string> variants = loaded.Machine?.Variants ?? [];
        diagnostics.AddRange(loaded.Diagnostics);
        if (loaded.Machine is null)
        {
            return (0, variants);
        }

        BuildResult built = MachineFactory.Build(loaded.Machine, loaded.Diagnostics, catalog: catalog);
        diagnostics.AddRange(built.Diagnostics);
        using RunningMachine? machine = built.Machine;
        if (machine is null)
        {
            return (0, variants);
        }

        foreach (FrontendDescription frontend in machine.Description.Frontends.DistinctBy(f => f.Flavour?.Text))
        {
            _ = machine.CreateKernel(frontend.Flavour?.Text, diagnostics);
        }

        return (new MachineChecker(file, load, catalog).Check(machine, diagnostics), variants);
    }
}
