using System.Globalization;
using System.Text.Json;
using Kmem.Abstractions;
using Kmem.Cli.Commands;
using Kmem.Description;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Kmem.Memory;

namespace Kmem.Cli.Comparison;

/// <summary>One of the two machines of a comparison, with the places that a probe names and an observer on its buses.</summary>
internal sealed class ProbeMachine : IBusObserver
{
    private readonly RunningMachine _machine;
    private readonly AddressSpace _main;
    private readonly AddressSpace? _ports;
    private readonly OperationRunner? _runner;
    private readonly Dictionary<string, ulong> _places = new(StringComparer.Ordinal);
    private readonly List<BusTransaction> _cycles = [];

    public ProbeMachine(RunningMachine machine, ulong block)
    {
        _machine = machine;
        _main = machine.MainSpace ?? throw new MachineException($"the machine '{machine.Description.Name}' has no address space wider than ports");
        _ports = machine.Frontends.Values.Where(f => f.Description.Type.Text == "chardev.port").Select(f => f.Description.Settings["space"]).OfType<ScalarNode>()
            .Select(s => machine.Spaces.GetValueOrDefault(s.Text)).FirstOrDefault(s => s is not null) ?? machine.Spaces.GetValueOrDefault("io");
        FindPlaces(block);
        var diagnostics = new DiagnosticBag();
        Kernel = machine.CreateKernel(flavour: null, diagnostics);
        _runner = Kernel is null ? null : new OperationRunner(Kernel, _main, KernelRam.End(machine));
    }

    /// <summary>The kernel in front of the machine, or null.</summary>
    public IKernel? Kernel { get; }

    /// <summary>Name of the machine with the kernel in front of it.</summary>
    public string Title => Kernel is null ? _machine.Description.Name : $"{_machine.Description.Name} ({Kernel.Flavour})";

    /// <inheritdoc/>
    public void OnTransaction(in BusTransaction transaction) => _cycles.Add(transaction);

    /// <summary>A range of 8 KiB in which nothing answers, for the registers that the comparison adds; null when there is none.</summary>
    public static ulong? FindFree(RunningMachine machine)
    {
        ulong next = 0;
        foreach (FlatRange range in machine.MainSpace?.GetFlatView() ?? [])
        {
            // Above RAM, so that no kernel takes it for memory; a page of its own, so that it can be mapped.
            ulong aligned = (next + 0xFFFF) & ~0xFFFFUL;
            if (next > 0 && range.Start > aligned && range.Start - aligned >= 0x10000)
            {
                return aligned;
            }

            next = range.Last + 1;
        }

        return machine.MainSpace is { } main && main.LastAddress - next > 0x20000 ? (next + 0xFFFF) & ~0xFFFFUL : null;
    }

    /// <summary>Carries out one line of a probe.</summary>
    public ProbeOutcome Run(string text)
    {
        _cycles.Clear();
        foreach (AddressSpace space in _machine.Spaces.Values)
        {
            space.Observer = this;
        }

        try
        {
            OperationLine line = OperationLine.Parse(text);
            return line.Operation is "bus_read" or "bus_write" ? RunOnBus(line) : RunThroughKernel(text, line);
        }
        catch (JsonException e)
        {
            return new ProbeOutcome("no operation", e.Message, [], "");
        }
        finally
        {
            foreach (AddressSpace space in _machine.Spaces.Values)
            {
                space.Observer = null;
            }
        }
    }

    private void FindPlaces(ulong block)
    {
        IReadOnlyList<FlatRange> view = _main.GetFlatView();
        FlatRange? ram = view.Where(r => r.Region is RamRegion).OrderByDescending(r => r.Last - r.Start).FirstOrDefault();
        if (ram is not null)
        {
            // Well inside, where neither firmware nor a hole is near.
            _places["ram"] = (ram.Start + 0x40_0000 < ram.Last ? ram.Start + 0x40_0000 : ram.Start) & ~0x1FFFUL;
        }

        ulong after = view.Where(r => r.Region is RamRegion).Select(r => r.Last + 1).DefaultIfEmpty(0UL).Max();
        ulong hole = (after + 0x100_0000) & ~0xFFFUL;
        if (_main.Decode(hole).Region is null)
        {
            _places["hole"] = hole;
        }

        FirmwareArea? area = _main.Areas.FirstOrDefault(a => a.Role is "pal" or "console" or "hwrpb");
        FlatRange? rom = view.FirstOrDefault(r => r.Region is RomRegion) ?? view.FirstOrDefault(r => r.Region is WindowRegion && _main.Decode(r.Last).Region is RomRegion);
        if (area is not null || rom is not null)
        {
            _places["firmware"] = area?.Start ?? (rom!.Region is RomRegion ? rom.Start : rom.Last - 15);
        }

        _places["block"] = block;
    }

    /// <summary>The address that a place means: <c>ram+0x40</c>, a number, or null.</summary>
    private ulong? Resolve(string? place)
    {
        if (place is null)
        {
            return null;
        }

        int plus = place.IndexOf('+', StringComparison.Ordinal);
        string name = plus < 0 ? place : place[..plus];
        if (char.IsAsciiDigit(name[0]))
        {
            return Number(place);
        }

        return _places.TryGetValue(name, out ulong start) ? start + (plus < 0 ? 0 : Number(place[(plus + 1)..]) ?? 0) : null;
    }

    private static ulong? Number(string text) => new ScalarReader(new DiagnosticBag()).Number(new ScalarNode(text, SourceSpan.CommandLine));

    private ProbeOutcome RunOnBus(OperationLine line)
    {
        bool isPort = line.Text("space") == "ports", isWrite = line.Operation == "bus_write";
        AddressSpace? space = line.Text("space") is { } name && !isPort ? _machine.Spaces.GetValueOrDefault(name) : isPort ? _ports : _main;
        int width = (int)(line.Number("length") ?? 4);
        if (space is null || width is not (1 or 2 or 4 or 8) || (line.Number("offset") ?? Resolve(line.Text("offset"))) is not { } address)
        {
            return ProbeOutcome.NotHere;
        }

        // A CPU's access as it stands on the bus: what a program's load or store becomes.
        var attributes = new AccessAttributes(new BusMaster("probe", line.Text("offset")?.StartsWith("firmware", StringComparison.Ordinal) == true ? MasterKind.CharDevice : MasterKind.Cpu));
        ulong mask = ulong.MaxValue >> (64 - (8 * width)), value = (line.Number("value") ?? 0) & mask;
        AccessResult result = isWrite ? space.Write(address, width, value, attributes) : space.Read(address, width, out value, attributes);
        string shown = isWrite || result != AccessResult.Ok ? "" : "0x" + (value & mask).ToString("X" + (2 * width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        BusTransaction[] cycles = [.. _cycles.Where(c => c.Target != BusTargetKind.Window)];
        return new ProbeOutcome(Word(result), shown, cycles, Why(space, address, width, isWrite, result, cycles));
    }

    private static string Word(AccessResult result) => result switch
    {
        AccessResult.Ok => "ok",
        AccessResult.DecodeError => "decode error",
        AccessResult.DeviceError => "device error",
        AccessResult.ReadOnly => "read-only",
        _ => "misaligned",
    };

    private static string Why(AddressSpace space, ulong address, int width, bool isWrite, AccessResult result, BusTransaction[] cycles)
    {
        AddressDecode decode = space.Decode(address, isWrite);
        string bus = space.Bus.GetType().Name;
        return result switch
        {
            AccessResult.Misaligned when (address & (ulong)(width - 1)) != 0 => $"{bus} carries aligned accesses only",
            AccessResult.Misaligned => $"{bus} gives registers {space.Bus.WordBytes} bytes at once, not {width}",
            AccessResult.DecodeError => $"nobody answers, and {space.Name} reports it: a machine check",
            AccessResult.ReadOnly => space.AreaAt(address) is { } area ? $"the area '{area.Name}' ({area.Role}) refuses writes from this side" : "the target refuses writes",
            AccessResult.DeviceError => "the target answers with an error",
            _ when decode.Region is null => isWrite ? $"nobody answers, and {space.Name} drops the data" : $"nobody answers, and {space.Name} gives {space.Bus.Unmapped.Read.ToString().ToLowerInvariant()}",
            _ when cycles.Any(c => c.Cycle == BusCycle.ModifyWrite) => $"{bus} moves quadwords: load, merge, store, and nobody protects the two halves",
            _ when decode.Region is RomRegion && isWrite => "ROM ignores writes",
            _ when cycles.Length > 1 => $"{bus} splits it into {cycles.Length} cycles",
            _ when cycles.Length == 1 && cycles[0].Width > width => $"{bus} moves a whole quadword",
            _ => "",
        };
    }

    private ProbeOutcome RunThroughKernel(string text, OperationLine line)
    {
        if (_runner is null)
        {
            return ProbeOutcome.NotHere;
        }

        if (line.Text("offset") is { Length: > 0 } place && !char.IsAsciiDigit(place[0]))
        {
            if (Resolve(place) is not { } address)
            {
                return ProbeOutcome.NotHere;
            }

            text = text.Replace($"\"offset\":\"{place}\"", $"\"offset\":\"0x{address:x}\"", StringComparison.Ordinal);
        }

        string answer = _runner.Run(text) ?? "{}";
        OperationLine answered = OperationLine.Parse(answer);
        string result = answered.Text("errno") ?? answered.Raw("error") ?? answered.Raw("result") ?? "";
        string value = answered.Text("data") ?? answered.Text("value_read") ?? (answered.Raw("machine_check") is not null ? "machine check" : "");
        return new ProbeOutcome(result, value, [.. _cycles.Where(c => c.Target != BusTargetKind.Window)], answered.Text("errno") is null ? "" : $"{Kernel!.Flavour} answers so");
    }
}
