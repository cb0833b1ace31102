using System.CommandLine;
using System.Text;
using Kmem.Abstractions;
using Kmem.Cli.Serving;
using Kmem.Description;
using Kmem.Machine;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Cli.Commands;

/// <summary><c>kmem explain FILE 'SPACE ADDRESS'</c>: the whole chain of decoding, losers included.</summary>
internal static class ExplainCommand
{
    public static Command Create()
    {
        var command = new Command("explain", "Says who answers at an address and why, through every window, with everything that lost");
        var machine = new MachineArguments().AddTo(command, "text");
        var place = new Argument<string[]>("SPACE ADDRESS") { Description = "The place: 'phys 0xF0000'", Arity = new ArgumentArity(0, 2) };
        var write = new Option<bool>("--write") { Description = "Explains a write instead of a read" };
        Option<string?> attach = MachineArguments.Attach();
        machine.File.Arity = ArgumentArity.ZeroOrOne;
        command.Add(place);
        command.Add(attach);
        command.Add(write);
        command.SetAction(parsed => parsed.GetValue(attach) is { } path
            ? ControlClient.Run(path, new ControlRequest("explain") { Arguments = [.. parsed.GetValue(machine.File) is { } word ? [word] : Array.Empty<string>(), .. parsed.GetValue(place) ?? []], IsWrite = parsed.GetValue(write) })
            : Run(parsed, machine, string.Join(' ', parsed.GetValue(place) ?? []), parsed.GetValue(write)));
        return command;
    }

    private static int Run(ParseResult parsed, MachineArguments arguments, string place, bool write)
    {
        if (parsed.GetValue(arguments.File) is null || PlaceOf(place) is null)
        {
            Terminal.Error($"'{place}' is no place; a space and an address are one, as in kmem explain FILE 'phys 0xF0000'");
            return ExitCodes.Usage;
        }

        using RunningMachine? machine = arguments.Build(parsed, new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder));
        return machine is null ? ExitCodes.BadMachine : Answer(machine, place, write).Print();
    }

    /// <summary>Explains an address.</summary>
    public static CommandAnswer Answer(RunningMachine machine, string place, bool write)
    {
        if (PlaceOf(place) is not { } at)
        {
            return new CommandAnswer(ExitCodes.Usage, "", $"'{place}' is no place; a space and an address are one, such as 'phys 0xF0000'");
        }

        if (!machine.Spaces.TryGetValue(at.Space, out AddressSpace? space))
        {
            return new CommandAnswer(ExitCodes.Usage, "", $"there is no space '{at.Space}'; there are {string.Join(", ", machine.Spaces.Keys)}");
        }

        var text = new StringBuilder();
        AddressDecode decode = space.Decode(at.Address, write);
        IAddressSpace? current = null;
        foreach (DecodeStep step in decode.Steps)
        {
            if (!ReferenceEquals(step.Space, current))
            {
                text.AppendLine($"{step.Space.Name} 0x{step.Address:X}");
                current = step.Space;
            }

            text.AppendLine($"  {(step.Wins ? "->" : "  ")} {step.Mapping.Region.Name} +0x{step.Offset:X}: {step.Reason}{(step.Mapping.Origin is { } origin ? $"  [{origin}]" : "")}");
        }

        IAddressSpace last = current ?? space;
        if (decode.Region is { } region)
        {
            string register = RegisterAt(machine, region, decode.Offset);
            text.AppendLine($"answer: {region.Name} at offset 0x{decode.Offset:X}{register}");
        }
        else
        {
            UnmappedPolicy unmapped = last.Bus.Unmapped;
            text.AppendLine($"answer: nobody; {last.Name} gives {(write ? unmapped.Write.ToString() : unmapped.Read.ToString()).ToLowerInvariant()} to {(write ? "writes" : "reads")} of unmapped addresses");
        }

        for (FirmwareArea? area = space.AreaAt(at.Address); area is not null; area = null)
        {
            text.AppendLine($"area: {area.Name}, role {area.Role}, owner {area.Owner}{(area.Origin is { } origin ? $"  [{origin}]" : "")}");
        }

        return new CommandAnswer(ExitCodes.Ok, text.ToString());
    }

    private static AccessPlace? PlaceOf(string place) =>
        place.Split([' ', ':'], 2) is [{ Length: > 0 } name, { } text] ? AccessPlace.Parse($"{name}:{text}", out _) : null;

    private static string RegisterAt(RunningMachine machine, MemoryRegion region, ulong offset)
    {
        foreach (MachineDevice device in machine.Devices.Values)
        {
            if (device.Instance is IHasRegisters registers && device.Banks.GetValueOrDefault("") == region)
            {
                return registers.Registers.At(offset) is { } register ? $", register {register.Name}" : "";
            }
        }

        return "";
    }
}
