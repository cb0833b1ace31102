using System.CommandLine;
using System.Text.Json;
using System.Text.Json.Nodes;
using Kmem.Abstractions;
using Kmem.Cli.Maps;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem map FILE [SPACE]</c>: who answers where.</summary>
internal static class MapCommand
{
    public static Command Create()
    {
        var command = new Command("map", "Shows who answers where in the spaces of a machine");
        var machine = new MachineArguments().AddTo(command, "text", "json", "svg");
        var space = new Argument<string?>("SPACE") { Description = "One space; all of them if not given", Arity = ArgumentArity.ZeroOrOne };
        var given = new Option<string[]>("--given") { Description = "Puts a device's output into a state first: --given pmc.pam0=on", HelpName = "OUTPUT=STATE" };
        var write = new Option<bool>("--write") { Description = "Shows what writes reach instead of what reads reach" };
        command.Add(space);
        command.Add(given);
        command.Add(write);
        command.SetAction(parsed => Run(parsed, machine, parsed.GetValue(space), parsed.GetValue(given) ?? [], parsed.GetValue(write)));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string? name, string[] given, bool write)
    {
        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        if (name is not null && !machine.Spaces.ContainsKey(name))
        {
            Terminal.Error($"there is no space '{name}'; there are {string.Join(", ", machine.Spaces.Keys)}");
            return ExitCodes.Usage;
        }

        CheckCondition[] conditions = [.. given.Select(g => g.Split('=', 2)).Select(p => new CheckCondition(p[0], p.Length > 1 ? p[1] : ""))];
        if (MachineChecker.Give(machine, conditions, Terminal.Error) is null)
        {
            return ExitCodes.Usage;
        }

        IEnumerable<AddressSpace> spaces = name is null ? machine.Spaces.Values : [machine.Spaces[name]];
        switch (parsed.GetValue(arguments.Format))
        {
            case "json":
                Console.Out.WriteLine(Json(spaces, write));
                break;
            case "svg":
                Console.Out.Write(MapPicture.Draw(machine.Description.Name, [.. spaces.Select(s => (s, MapTable.Rows(s, write)))]));
                break;
            default:
                foreach (AddressSpace space in spaces)
                {
                    Console.Out.Write(MapTable.Render(space, write));
                }

                break;
        }

        return ExitCodes.Ok;
    }

    private static string Json(IEnumerable<AddressSpace> spaces, bool write)
    {
        var all = new JsonArray();
        foreach (AddressSpace space in spaces)
        {
            var ranges = new JsonArray([.. MapTable.Rows(space, write).Select(r => new JsonObject
            {
                ["start"] = $"0x{r.Start:X}",
                ["last"] = $"0x{r.Last:X}",
                ["name"] = r.Name,
                ["kind"] = r.Kind,
                ["offset"] = $"0x{r.Offset:X}",
                ["priority"] = r.Priority,
                ["origin"] = r.Origin,
            })]);
            var areas = new JsonArray([.. space.Areas.Select(a => new JsonObject { ["name"] = a.Name, ["role"] = a.Role, ["owner"] = a.Owner, ["start"] = $"0x{a.Start:X}", ["last"] = $"0x{a.Last:X}" })]);
            all.Add((JsonNode)new JsonObject { ["space"] = space.Name, ["width"] = space.Width, ["ranges"] = ranges, ["areas"] = areas });
        }

        return all.ToJsonString(new JsonSerializerOptions { WriteIndented = true });
    }
}
