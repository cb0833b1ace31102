using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kmem.Abstractions;
using Kmem.Cli.Comparison;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Spectre.Console;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem compare A.yaml B.yaml [PROBE.jsonl]</c>: the same accesses on two machines, side by side.</summary>
internal static class CompareCommand
{
    /// <summary>Registers of the block that a comparison adds to both machines: read-only, write-one-to-clear and write-only bits.</summary>
    private const string Block = "{size: 8KiB, unmapped: zeros, registers: [{name: CONTROL, offset: 0, width: 8, reset: 0x80, read-only: 0xFFFF_0000_0000_00FF}, {name: STATUS, offset: 8, width: 8, reset: 0x8000_0001, access: w1c}, {name: COMMAND, offset: 16, width: 8, access: wo}]}";

    public static Command Create()
    {
        var command = new Command("compare", "Makes the same probe on two machines and shows where they differ, and why");
        var first = new Argument<string>("A") { Description = "The first machine file" };
        var second = new Argument<string>("B") { Description = "The second machine file" };
        var probe = new Argument<string?>("PROBE") { Description = "Operations as JSON lines; a built-in probe if not given", Arity = ArgumentArity.ZeroOrOne };
        var all = new Option<bool>("--all") { Description = "Shows what is the same, too" };
        var exitCode = new Option<bool>("--exit-code") { Description = "Ends with 3 when the machines differ" };
        var arguments = new MachineArguments();
        command.Add(first);
        command.Add(second);
        command.Add(probe);
        command.Add(all);
        command.Add(exitCode);
        arguments.AddOptions(command);
        arguments.Format.AcceptOnlyFromAmong("text", "json");
        command.Add(arguments.Format);
        command.SetAction(parsed => Run(parsed, arguments, parsed.GetValue(first)!, parsed.GetValue(second)!, parsed.GetValue(probe), parsed.GetValue(all), parsed.GetValue(exitCode)));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string first, string second, string? probe, bool all, bool exitCode)
    {
        IReadOnlyList<string> lines;
        try
        {
            lines = probe is null ? [.. DefaultProbe.Lines] : [.. File.ReadLines(probe).Where(l => !string.IsNullOrWhiteSpace(l))];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Terminal.Error(e.Message);
            return ExitCodes.Usage;
        }

        if (arguments.LoadOptions(parsed) is not { } load)
        {
            return ExitCodes.Usage;
        }

        PluginCatalog catalog = new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder);
        using RunningMachine? a = Build(first, load, catalog, out ulong blockA), b = a is null ? null : Build(second, load, catalog, out _, blockA);
        if (a is null || b is null)
        {
            return ExitCodes.BadMachine;
        }

        var left = new ProbeMachine(a, blockA);
        var right = new ProbeMachine(b, BlockOf(b));
        (string Line, ProbeOutcome Left, ProbeOutcome Right)[] rows = [.. lines.Select(l => (l, left.Run(l), right.Run(l)))];
        int different = rows.Count(r => r.Left.Summary != r.Right.Summary);
        if (parsed.GetValue(arguments.Format) == "json")
        {
            Console.Out.WriteLine(Json(rows));
        }
        else
        {
            Show(left.Title, right.Title, [.. rows.Where(r => all || r.Left.Summary != r.Right.Summary)], rows.Length, different);
        }

        return exitCode && different > 0 ? ExitCodes.Failed : ExitCodes.Ok;
    }

    private static ulong BlockOf(RunningMachine machine) => machine.Devices["kmem-compare-block"].Description.Maps[0].At;

    /// <summary>Builds a machine with the block of registers that the probe needs, at a place where nothing else answers.</summary>
    private static RunningMachine? Build(string file, LoadOptions load, PluginCatalog catalog, out ulong block, ulong? wanted = null)
    {
        block = 0;
        BuildResult plain = MachineFactory.Load(file, load, catalog: catalog);
        Terminal.Show(plain.Diagnostics, "text");
        if (plain.Machine is null)
        {
            return null;
        }

        string space;
        using (plain.Machine)
        {
            if (plain.Machine.MainSpace is not { } main || ProbeMachine.FindFree(plain.Machine) is not { } free)
            {
                Terminal.Error($"'{file}' has no free place in an address space wider than ports");
                return null;
            }

            // The same place in both machines where it is free in both, so that the two lines read alike.
            bool fits = wanted is { } w && w + 0x2000 <= main.LastAddress && main.GetFlatView().All(r => r.Last < w || r.Start > w + 0x1FFF);
            (block, space) = (fits ? wanted!.Value : free, main.Name);
        }

        MachineDescription description = DescriptionLoader.Load(file, load).Machine!;
        var span = new SourceSpan(file, 1, 1, 1, 1);
        LoadResult added = DescriptionLoader.LoadText($"kmem: 1\ndevices: {{kmem-compare-block: {{type: mmio.registers, set: {Block}, map: [{{space: {space}, at: 0x{block:X}, prio: 100}}]}}}}\n");
        var diagnostics = new DiagnosticBag();
        BuildResult built = MachineFactory.Build(description with { Devices = [.. description.Devices, .. added.Machine!.Devices.Select(d => d with { Span = span })] }, diagnostics, catalog: catalog);
        Terminal.Show(built.Diagnostics, "text");
        return built.Machine;
    }

    private static void Show(string left, string right, IReadOnlyList<(string Line, ProbeOutcome Left, ProbeOutcome Right)> rows, int total, int different)
    {
        var table = new Table().Border(TableBorder.Simple);
        table.AddColumn("operation");
        table.AddColumn(Markup.Escape(left));
        table.AddColumn(Markup.Escape(right));
        table.AddColumn("why");
        foreach ((string line, ProbeOutcome l, ProbeOutcome r) in rows)
        {
            string why = string.Join("; ", new[] { l.Reason, r.Reason }.Where(w => w.Length > 0).Distinct(StringComparer.Ordinal));
            table.AddRow(Markup.Escape(Operation(line)), Markup.Escape(l.Summary), Markup.Escape(r.Summary), Markup.Escape(why.Length > 0 ? why : "both answer alike, with contents of their own"));
        }

        if (rows.Count > 0)
        {
            AnsiConsole.Console.Profile.Width = Math.Max(AnsiConsole.Console.Profile.Width, 150);
            AnsiConsole.Write(table);
        }

        Console.Out.WriteLine($"{total} operations, {different} differ");
    }

    /// <summary>A probe's line in words.</summary>
    private static string Operation(string line)
    {
        using JsonDocument document = JsonDocument.Parse(line);
        string Field(string name) => document.RootElement.TryGetProperty(name, out JsonElement value) ? value.ToString() : "";
        string where = Field("space") is { Length: > 0 } space ? space + ":" : "";
        string[] parts = [Field("op").Replace('_', ' '), Field("dev"), Field("fd") is { Length: > 0 } fd ? $"fd {fd}" : "", where + Field("offset"), Field("length") is { Length: > 0 } length ? "/" + length : "", Field("src"), Field("value")];
        return string.Join(' ', parts.Where(p => p.Length > 0)).Replace(" /", "/", StringComparison.Ordinal);
    }

    private static string Json((string Line, ProbeOutcome Left, ProbeOutcome Right)[] rows)
    {
        JsonObject Outcome(ProbeOutcome o) => new()
        {
            ["result"] = o.Result,
            ["value"] = o.Value,
            ["cycles"] = new JsonArray([.. o.Cycles.Select(c => new JsonObject { ["cycle"] = c.Cycle.ToString(), ["address"] = $"0x{c.Address:X}", ["width"] = c.Width, ["result"] = c.Result.ToString() })]),
            ["readModifyWrite"] = o.IsModify,
            ["why"] = o.Reason,
        };
        var array = new JsonArray([.. rows.Select(r => new JsonObject
        {
            ["operation"] = JsonNode.Parse(r.Line),
            ["same"] = r.Left.Summary == r.Right.Summary,
            ["a"] = Outcome(r.Left),
            ["b"] = Outcome(r.Right),
        })]);
        return array.ToJsonString(new JsonSerializerOptions { WriteIndented = true, Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping });
    }
}
