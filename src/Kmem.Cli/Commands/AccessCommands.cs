using System.CommandLine;
using System.Globalization;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Cli.Commands;

/// <summary>Where an access goes: <c>SPACE:ADDRESS[/WIDTH]</c>.</summary>
internal sealed record AccessPlace(string Space, ulong Address, int Width)
{
    /// <summary>Reads a place; a message when it is none.</summary>
    public static AccessPlace? Parse(string text, out string? error)
    {
        error = null;
        int colon = text.IndexOf(':', StringComparison.Ordinal), slash = text.IndexOf('/', StringComparison.Ordinal);
        string address = colon < 0 ? "" : text[(colon + 1)..(slash < 0 ? text.Length : slash)];
        int width = 4;
        if (slash >= 0 && (!int.TryParse(text[(slash + 1)..], NumberStyles.None, CultureInfo.InvariantCulture, out width) || width is not (1 or 2 or 4 or 8)))
        {
            error = $"a width is 1, 2, 4 or 8 bytes, not '{text[(slash + 1)..]}'";
            return null;
        }

        var problems = new DiagnosticBag();
        if (colon <= 0 || new ScalarReader(problems).Number(new ScalarNode(address, SourceSpan.CommandLine)) is not { } number)
        {
            error = $"'{text}' is no place; SPACE:ADDRESS[/WIDTH] is one, such as phys:0xF0000/4";
            return null;
        }

        return new AccessPlace(text[..colon], number, width);
    }
}

/// <summary><c>kmem peek</c> and <c>kmem poke</c>: one access into a space, as a debugger or as the bus sees it.</summary>
internal static class AccessCommands
{
    public static Command CreatePeek()
    {
        var command = new Command("peek", "Reads an address of a machine without side effects");
        var machine = new MachineArguments().AddTo(command, "text", "json");
        var place = new Argument<string>("SPACE:ADDRESS[/WIDTH]") { Description = "Where to read; the width is 1, 2, 4 or 8 bytes, 4 if not given" };
        var effects = new Option<bool>("--side-effects") { Description = "Reads as a bus master would, side effects included" };
        command.Add(place);
        command.Add(effects);
        command.SetAction(parsed => Run(parsed, machine, parsed.GetValue(place)!, value: null, parsed.GetValue(effects)));
        return command;
    }

    public static Command CreatePoke()
    {
        var command = new Command("poke", "Writes an address of a machine and reads it back");
        var machine = new MachineArguments().AddTo(command, "text", "json");
        var place = new Argument<string>("SPACE:ADDRESS[/WIDTH]") { Description = "Where to write" };
        var value = new Argument<string>("VALUE") { Description = "The value" };
        command.Add(place);
        command.Add(value);
        command.SetAction(parsed => Run(parsed, machine, parsed.GetValue(place)!, parsed.GetValue(value), effects: true));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string where, string? value, bool effects)
    {
        if (AccessPlace.Parse(where, out string? error) is not { } place)
        {
            Terminal.Error(error!);
            return ExitCodes.Usage;
        }

        ulong data = 0;
        if (value is not null)
        {
            ulong most = ulong.MaxValue >> (64 - (8 * place.Width));
            if (new ScalarReader(new DiagnosticBag()).Number(new ScalarNode(value, SourceSpan.CommandLine), max: most) is not { } number)
            {
                Terminal.Error($"'{value}' is no number of {place.Width} bytes");
                return ExitCodes.Usage;
            }

            data = number;
        }

        PluginCatalog catalog = new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder);
        using RunningMachine? machine = arguments.Build(parsed, catalog);
        if (machine is null)
        {
            return ExitCodes.BadMachine;
        }

        if (!machine.Spaces.TryGetValue(place.Space, out AddressSpace? space))
        {
            Terminal.Error($"there is no space '{place.Space}'; there are {string.Join(", ", machine.Spaces.Keys)}");
            return ExitCodes.Usage;
        }

        var bus = new AccessAttributes(BusMaster.Debugger, IsDebug: value is null && !effects);
        string target = space.Decode(place.Address, write: value is not null).Region?.Name ?? "unmapped";
        string shown = $"{place.Space} 0x{place.Address:X} ({target})";
        if (value is not null)
        {
            AccessResult written = space.Write(place.Address, place.Width, data, bus);
            if (written != AccessResult.Ok)
            {
                return Fail(parsed, arguments, place, shown, "write", written);
            }
        }

        AccessResult result = space.Read(place.Address, place.Width, out ulong read, AccessAttributes.Debug with { IsDebug = value is not null || !effects });
        if (result != AccessResult.Ok)
        {
            return Fail(parsed, arguments, place, shown, "read", result);
        }

        string digits = "0x" + read.ToString("X" + (2 * place.Width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        Console.Out.WriteLine(parsed.GetValue(arguments.Format) == "json"
            ? $"{{\"space\":\"{place.Space}\",\"address\":\"0x{place.Address:X}\",\"width\":{place.Width},\"target\":\"{target}\",\"result\":\"Ok\",\"value\":\"{digits}\"}}"
            : $"{shown}: {digits}");
        return ExitCodes.Ok;
    }

    private static int Fail(ParseResult parsed, MachineArguments arguments, AccessPlace place, string shown, string what, AccessResult result)
    {
        string meaning = result switch
        {
            AccessResult.DecodeError => "nobody answers there (a machine check on an Alpha)",
            AccessResult.DeviceError => "the target answers with an error",
            AccessResult.ReadOnly => "the target refuses writes from this side",
            _ => $"the target does not take {place.Width} bytes at this alignment",
        };
        if (parsed.GetValue(arguments.Format) == "json")
        {
            Console.Out.WriteLine($"{{\"space\":\"{place.Space}\",\"address\":\"0x{place.Address:X}\",\"width\":{place.Width},\"result\":\"{result}\"}}");
        }
        else
        {
            Console.Out.WriteLine($"{shown}: {what} failed, {result}: {meaning}");
        }

        return ExitCodes.Failed;
    }
}
