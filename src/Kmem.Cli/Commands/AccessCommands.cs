using System.CommandLine;
using System.Globalization;
using Kmem.Abstractions;
using Kmem.Cli.Serving;
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

/// <summary>What a command answers.</summary>
/// <param name="Code">The exit code.</param>
/// <param name="Text">What goes to standard output.</param>
/// <param name="Error">What goes to standard error; null for nothing.</param>
internal sealed record CommandAnswer(int Code, string Text, string? Error = null)
{
    /// <summary>Prints it; the exit code.</summary>
    public int Print()
    {
        Console.Out.Write(Text);
        if (Error is not null)
        {
            Terminal.Error(Error);
        }

        return Code;
    }
}

/// <summary><c>kmem peek</c> and <c>kmem poke</c>: one access into a space, as a debugger or as the bus sees it.</summary>
internal static class AccessCommands
{
    public static Command CreatePeek()
    {
        var command = new Command("peek", "Reads an address of a machine without side effects");
        var effects = new Option<bool>("--side-effects") { Description = "Reads as a bus master would, side effects included" };
        Build(command, "Where to read; the width is 1, 2, 4 or 8 bytes, 4 if not given", value: null, parsed => parsed.GetValue(effects));
        command.Add(effects);
        return command;
    }

    public static Command CreatePoke()
    {
        var command = new Command("poke", "Writes an address of a machine and reads it back");
        Build(command, "Where to write", new Argument<string?>("VALUE") { Description = "The value", Arity = ArgumentArity.ZeroOrOne }, _ => true);
        return command;
    }

    /// <summary>Carries out an access.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="where">The place.</param>
    /// <param name="value">What to write; null to read.</param>
    /// <param name="effects">Whether a read has its side effects.</param>
    /// <param name="isJson">Whether the answer is JSON.</param>
    public static CommandAnswer Answer(RunningMachine machine, string where, string? value, bool effects, bool isJson)
    {
        if (AccessPlace.Parse(where, out string? error) is not { } place)
        {
            return new CommandAnswer(ExitCodes.Usage, "", error);
        }

        ulong data = 0;
        if (value is not null)
        {
            ulong most = ulong.MaxValue >> (64 - (8 * place.Width));
            if (new ScalarReader(new DiagnosticBag()).Number(new ScalarNode(value, SourceSpan.CommandLine), max: most) is not { } number)
            {
                return new CommandAnswer(ExitCodes.Usage, "", $"'{value}' is no number of {place.Width} bytes");
            }

            data = number;
        }

        if (!machine.Spaces.TryGetValue(place.Space, out AddressSpace? space))
        {
            return new CommandAnswer(ExitCodes.Usage, "", $"there is no space '{place.Space}'; there are {string.Join(", ", machine.Spaces.Keys)}");
        }

        var bus = new AccessAttributes(BusMaster.Debugger, IsDebug: value is null && !effects);
        string target = space.Decode(place.Address, write: value is not null).Region?.Name ?? "unmapped";
        string shown = $"{place.Space} 0x{place.Address:X} ({target})";
        if (value is not null)
        {
            AccessResult written = space.Write(place.Address, place.Width, data, bus);
            if (written != AccessResult.Ok)
            {
                return Fail(place, shown, "write", written, isJson);
            }
        }

        AccessResult result = space.Read(place.Address, place.Width, out ulong read, AccessAttributes.Debug with { IsDebug = value is not null || !effects });
        if (result != AccessResult.Ok)
        {
            return Fail(place, shown, "read", result, isJson);
        }

        string digits = "0x" + read.ToString("X" + (2 * place.Width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        return new CommandAnswer(ExitCodes.Ok, isJson
            ? $"{{\"space\":\"{place.Space}\",\"address\":\"0x{place.Address:X}\",\"width\":{place.Width},\"target\":\"{target}\",\"result\":\"Ok\",\"value\":\"{digits}\"}}\n"
            : $"{shown}: {digits}\n");
    }

    /// <summary>Adds the arguments and what is done. With --attach the words move up by one, since there is no FILE.</summary>
    private static void Build(Command command, string help, Argument<string?>? value, Func<ParseResult, bool> effects)
    {
        var machine = new MachineArguments().AddTo(command, "text", "json");
        machine.File.Arity = ArgumentArity.ZeroOrOne;
        var place = new Argument<string?>("SPACE:ADDRESS[/WIDTH]") { Description = help, Arity = ArgumentArity.ZeroOrOne };
        Option<string?> attach = MachineArguments.Attach();
        command.Add(place);
        if (value is not null)
        {
            command.Add(value);
        }

        command.Add(attach);
        command.SetAction(parsed =>
        {
            string?[] given = [parsed.GetValue(machine.File), parsed.GetValue(place), value is null ? null : parsed.GetValue(value)];
            string[] words = [.. given.OfType<string>()];
            int wanted = (value is null ? 1 : 2) + (parsed.GetValue(attach) is null ? 1 : 0);
            if (words.Length != wanted)
            {
                Terminal.Error($"'{command.Name}' needs a machine, a place{(value is null ? "" : " and a value")}: kmem {command.Name} {(parsed.GetValue(attach) is null ? "FILE" : "--attach PATH")} phys:0xF0000/4{(value is null ? "" : " 1")}");
                return ExitCodes.Usage;
            }

            bool isJson = parsed.GetValue(machine.Format) == "json";
            if (parsed.GetValue(attach) is { } path)
            {
                return ControlClient.Run(path, new ControlRequest(command.Name) { Arguments = words, IsWrite = effects(parsed), IsJson = isJson });
            }

            if (AccessPlace.Parse(words[1], out string? error) is null)
            {
                Terminal.Error(error!);
                return ExitCodes.Usage;
            }

            using RunningMachine? built = machine.Build(parsed, words[0], new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
            return built is null ? ExitCodes.BadMachine : Answer(built, words[1], words.ElementAtOrDefault(2), effects(parsed), isJson).Print();
        });
    }

    private static CommandAnswer Fail(AccessPlace place, string shown, string what, AccessResult result, bool isJson)
    {
        string meaning = result switch
        {
            AccessResult.DecodeError => "nobody answers there (a machine check on an Alpha)",
            AccessResult.DeviceError => "the target answers with an error",
            AccessResult.ReadOnly => "the target refuses writes from this side",
            _ => $"the target does not take {place.Width} bytes at this alignment",
        };
        return new CommandAnswer(ExitCodes.Failed, isJson
            ? $"{{\"space\":\"{place.Space}\",\"address\":\"0x{place.Address:X}\",\"width\":{place.Width},\"result\":\"{result}\"}}\n"
            : $"{shown}: {what} failed, {result}: {meaning}\n");
    }
}
