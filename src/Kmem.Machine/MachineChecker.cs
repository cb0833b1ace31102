using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Composition;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Machine;

/// <summary>Makes the checks that a machine declares.</summary>
/// <param name="path">Path of the machine file, for checks that are given a parameter.</param>
/// <param name="load">Decisions about loading.</param>
/// <param name="catalog">The plugins.</param>
public sealed class MachineChecker(string path, LoadOptions load, PluginCatalog? catalog = null)
{
    private static readonly string[] States = ["off", "on", "read", "write", "rw"];

    /// <summary>Makes all checks of a machine; those that fail become diagnostics.</summary>
    /// <returns>Number of checks made.</returns>
    public int Check(RunningMachine machine, DiagnosticBag diagnostics)
    {
        foreach (CheckDescription check in machine.Description.Checks)
        {
            Dictionary<string, string> parameters = check.Conditions.Where(c => machine.Description.Parameters.Any(p => p.Name == c.Name)).ToDictionary(c => c.Name, c => c.Value, StringComparer.Ordinal);
            if (parameters.Count == 0)
            {
                Make(machine, check, parameters, diagnostics);
                continue;
            }

            BuildResult other = MachineFactory.Load(path, load with { Parameters = new Dictionary<string, string>(load.Parameters.Concat(parameters).GroupBy(p => p.Key).ToDictionary(g => g.Key, g => g.Last().Value), StringComparer.Ordinal) }, catalog: catalog);
            if (other.Machine is null)
            {
                diagnostics.Error(DiagnosticCodes.CheckFailed, check.Span, $"'{check}': the machine can't be built so: {other.Diagnostics.Sorted[0].Message}");
                continue;
            }

            using RunningMachine given = other.Machine;
            Make(given, check, parameters, diagnostics);
        }

        return machine.Description.Checks.Count;
    }

    /// <summary>Puts overlays into given states; returns what undoes it, or null when a name is unknown.</summary>
    public static Action? Give(RunningMachine machine, IReadOnlyList<CheckCondition> conditions, Action<string> report)
    {
        var undo = new List<Action>();
        foreach (CheckCondition condition in conditions)
        {
            // NAME of a whole overlay, or NAME.INDEX of one of its pieces.
            int dot = condition.Name.LastIndexOf('.'), index = -1;
            IOverlaySwitch? overlay = machine.Overlays.GetValueOrDefault(condition.Name);
            if (overlay is null && dot > 0 && int.TryParse(condition.Name[(dot + 1)..], out index))
            {
                overlay = machine.Overlays.GetValueOrDefault(condition.Name[..dot]);
            }

            if (overlay is null || (index >= overlay.Count) || !States.Contains(condition.Value, StringComparer.Ordinal))
            {
                report(overlay is null ? $"there is no parameter or output '{condition.Name}'" : $"'{condition.Name}={condition.Value}' is no state; outputs are {string.Join(", ", States)}");
                undo.ForEach(u => u());
                return null;
            }

            OverlayState state = condition.Value switch { "on" or "rw" => OverlayState.On, "read" => OverlayState.Read, "write" => OverlayState.Write, _ => OverlayState.Off };
            for (int i = Math.Max(index, 0); i < (index < 0 ? overlay.Count : index + 1); i++)
            {
                (IOverlaySwitch which, int piece, OverlayState before) = (overlay, i, overlay[i]);
                undo.Add(() => which.Select(piece, before));
                overlay.Select(i, state);
            }
        }

        return () => undo.ForEach(u => u());
    }

    private static void Make(RunningMachine machine, CheckDescription check, Dictionary<string, string> parameters, DiagnosticBag diagnostics)
    {
        if (check.IsArea)
        {
            CheckArea(machine, check, diagnostics);
            return;
        }

        if (!machine.Spaces.TryGetValue(check.Space, out AddressSpace? space))
        {
            diagnostics.Error(DiagnosticCodes.UnknownSpace, check.Span, $"the check '{check}' names the space '{check.Space}', which does not exist", Suggestions.Nearest(check.Space, machine.Spaces.Keys));
            return;
        }

        CheckCondition[] outputs = [.. check.Conditions.Where(c => !parameters.ContainsKey(c.Name))];
        if (Give(machine, outputs, m => diagnostics.Error(DiagnosticCodes.CheckSyntax, check.Span, m, Suggestions.Nearest(outputs[0].Name, machine.Overlays.Keys))) is not { } undo)
        {
            return;
        }

        bool isKnown = check.Target == "unmapped" || machine.Devices.ContainsKey(check.Target) || machine.Devices.Values.Any(d => d.Banks.Values.Any(b => b.Name == check.Target));
        if (!isKnown)
        {
            diagnostics.Error(DiagnosticCodes.UnknownDevice, check.Span, $"the check '{check}' names '{check.Target}', which is no device and no bank of one", Suggestions.Nearest(check.Target, machine.Devices.Keys));
        }

        ulong at = check.Range.Start;
        while (isKnown)
        {
            (MemoryRegion? region, ulong last) = At(space, at, check.Range.Last);
            if (!Matches(machine, region, check.Target))
            {
                diagnostics.Error(DiagnosticCodes.CheckFailed, check.Span, $"the check '{check}' does not hold: {check.Space} 0x{at:X} is {region?.Name ?? "unmapped"}");
                break;
            }

            if (last >= check.Range.Last)
            {
                break;
            }

            at = last + 1;
        }

        undo();
    }

    /// <summary>Who answers at an address, and up to which address of this space that holds.</summary>
    private static (MemoryRegion? Region, ulong Last) At(IAddressSpace space, ulong address, ulong limit)
    {
        if (space is not IBusFabric fabric)
        {
            return (null, limit);
        }

        BusTarget target = fabric.Locate(address, write: false);
        ulong last = address + Math.Min(target.Remaining - 1, limit - address);
        if (target.Kind != BusTargetKind.Window)
        {
            return (target.Kind == BusTargetKind.None ? null : space.Decode(address).Region, last);
        }

        // Behind a window the target's own ranges count; for sparse windows every address is looked at alone.
        FlatRange range = space.GetFlatView().First(r => address >= r.Start && address <= r.Last);
        var window = (WindowRegion)range.Region;
        if (window.Kind == WindowKind.Sparse)
        {
            return (space.Decode(address).Region, address);
        }

        ulong inner = (window.TargetAddress + range.Offset + (address - range.Start)) & window.Mask;
        (MemoryRegion? region, ulong innerLast) = At(window.Target, inner, inner + (last - address));
        return (region, address + (innerLast - inner));
    }

    private static bool Matches(RunningMachine machine, MemoryRegion? region, string target)
    {
        if (region is null || target == "unmapped")
        {
            return region is null && target == "unmapped";
        }

        return region.Name == target
            || (machine.Devices.TryGetValue(target, out MachineDevice? device) && (device.Banks.Values.Contains(region) || region.Name.StartsWith(target + ".", StringComparison.Ordinal)));
    }

    private static void CheckArea(RunningMachine machine, CheckDescription check, DiagnosticBag diagnostics)
    {
        FirmwareArea? area = machine.Spaces.Values.Select(s => s.AreaAt(check.Range.Start)).FirstOrDefault(a => a is not null);
        if ((area?.Name ?? "none") != check.Target)
        {
            diagnostics.Error(DiagnosticCodes.CheckFailed, check.Span, $"the check '{check}' does not hold: the area at 0x{check.Range.Start:X} is {area?.Name ?? "none"}");
        }
    }
}
