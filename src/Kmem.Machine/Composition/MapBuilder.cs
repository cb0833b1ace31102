using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Memory;

namespace Kmem.Machine.Composition;

/// <summary>Puts banks, windows, overlays and areas into their spaces.</summary>
internal sealed class MapBuilder(RunningMachine machine, DeviceBuilder devices, DiagnosticBag diagnostics)
{
    private readonly List<Placement> _placements = [];

    public void Build()
    {
        foreach (DeviceDescription description in machine.Description.Devices)
        {
            if (machine.Devices.TryGetValue(description.Id, out MachineDevice? device))
            {
                foreach (MapDescription map in description.Maps)
                {
                    AddMap(device, map);
                }
            }
            else
            {
                // A device that could not be built may still be mapped into a space that does not exist.
                foreach (MapDescription map in description.Maps)
                {
                    _ = Space(description.Id, map.Space);
                }
            }
        }

        foreach (WindowDescription window in machine.Description.Windows)
        {
            AddWindow(window);
        }

        foreach (IGrouping<AddressSpace, Placement> group in _placements.GroupBy(p => p.Space))
        {
            MapAll(group.Key, [.. group]);
        }

        foreach (DeviceDescription description in machine.Description.Devices.Where(d => machine.Devices.ContainsKey(d.Id)))
        {
            foreach (OverlayDescription overlay in description.Overlays)
            {
                AddOverlay(description, overlay);
            }
        }

        foreach (AreaDescription area in machine.Description.Areas)
        {
            AddArea(area);
        }
    }

    /// <summary>The space that a reference means; a diagnostic when there is none.</summary>
    private AddressSpace? Space(string from, ScalarNode reference)
    {
        AddressSpace? space = devices.FindSpace(from, reference.Text);
        if (space is null)
        {
            // A device that failed has been reported; that its spaces are missing is no second error.
            string owner = reference.Text.Contains('.', StringComparison.Ordinal) ? reference.Text[..reference.Text.LastIndexOf('.')] : "";
            if (Names.Resolve(from, owner, n => machine.Description.Devices.Any(d => d.Id == n)) is { } device && !machine.Devices.ContainsKey(device))
            {
                return null;
            }

            diagnostics.Error(DiagnosticCodes.UnknownSpace, reference.Span, $"there is no space '{reference.Text}'", Suggestions.Nearest(reference.Text, machine.Spaces.Keys));
        }

        return space;
    }

    private void AddMap(MachineDevice device, MapDescription map)
    {
        string id = device.Description.Id;
        if (Space(id, map.Space) is not { } space)
        {
            return;
        }

        if (!device.Banks.TryGetValue(map.Bank, out MemoryRegion? bank))
        {
            string banks = device.Banks.Count == 0 ? "none" : string.Join(", ", device.Banks.Keys.Select(b => b.Length == 0 ? "the unnamed one" : b));
            diagnostics.Error(
                DiagnosticCodes.UnknownBank, map.Span, map.Bank.Length == 0 ? $"{id} ({device.Type.Name}) has no unnamed bank; say which of its banks is meant: {banks}" : $"{id} ({device.Type.Name}) has no bank '{map.Bank}'; it has {banks}", Suggestions.Nearest(map.Bank, device.Banks.Keys));
            return;
        }

        ulong length = map.Length ?? (map.From < bank.Length ? bank.Length - map.From : 0);
        if (length == 0 || map.From >= bank.Length || length > bank.Length - map.From)
        {
            diagnostics.Error(DiagnosticCodes.BadPart, map.Span, $"'{bank.Name}' has 0x{bank.Length:X} bytes; 0x{length:X} of them from 0x{map.From:X} on do not exist");
            return;
        }

        MemoryRegion region = map.From == 0 && length == bank.Length ? bank : new AliasRegion(bank.Name, bank, map.From, length);
        if (Fits(space, map.At, length, map.Span, $"'{bank.Name}'"))
        {
            _placements.Add(new Placement(space, region, map.At, map.Priority, map.Span));
            if (device.Instance is IHasAreaPolicy policy)
            {
                space.AddArea(policy.CreateArea(bank.Name, map.At, map.At + (length - 1)) with { Origin = map.Span.ToString() });
            }
        }
    }

    private void AddWindow(WindowDescription window)
    {
        AddressSpace? space = Space(window.Id, window.Space), target = Space(window.Id, window.To);
        ulong length = window.Range.Length;
        if (space is null || target is null)
        {
            return;
        }

        if (length == 0 || !Fits(space, window.Range.Start, length, window.Span, $"the window '{window.Id}'"))
        {
            return;
        }

        if (ReferenceEquals(space, target))
        {
            diagnostics.Error(DiagnosticCodes.UnknownSpace, window.Span, $"the window '{window.Id}' leads from '{space.Name}' into itself");
            return;
        }

        var region = new WindowRegion(window.Id, target, window.At, length)
        {
            Kind = window.Kind,
            Shift = window.Shift,
            Mask = Math.Min(window.Mask, target.LastAddress),
            Fallthrough = window.Fallthrough,
        };
        _placements.Add(new Placement(space, region, window.Range.Start, window.Priority, window.Span));
    }

    private void AddOverlay(DeviceDescription description, OverlayDescription overlay)
    {
        if (Space(description.Id, overlay.Space) is not { } space || !Fits(space, overlay.Range.Start, overlay.Range.Length, overlay.Span, $"the overlay '{overlay.Id}'"))
        {
            return;
        }

        string full = $"{description.Id}.{overlay.Id}";
        var pieces = (OverlaySwitch)(machine.Overlays.GetValueOrDefault(full) ?? (machine.Overlays[full] = new OverlaySwitch { ResetState = overlay.Reset }));
        ulong each = overlay.Each ?? overlay.Range.Length;
        for (ulong start = overlay.Range.Start; start <= overlay.Range.Last; start += each)
        {
            if (!TrySide(description, overlay, "on", space, start, each, out MemoryRegion? on) || !TrySide(description, overlay, "off", space, start, each, out MemoryRegion? off))
            {
                return;
            }

            using (space.BeginChange())
            {
                pieces.Add(Place(on), Place(off));
            }

            IRegionMapping? Place(MemoryRegion? region)
            {
                if (region is null)
                {
                    return null;
                }

                IRegionMapping mapping = space.Map(region, start, overlay.Priority);
                mapping.Origin = overlay.Span.ToString();
                return mapping;
            }

            if (start + each < start)
            {
                break;
            }
        }
    }

    private bool TrySide(DeviceDescription description, OverlayDescription overlay, string state, AddressSpace space, ulong start, ulong length, out MemoryRegion? region)
    {
        region = null;
        if (overlay.Choices.FirstOrDefault(c => c.State == state) is not { } choice)
        {
            return true;
        }

        string name = choice.Target.Text;
        ulong at = (choice.At ?? overlay.Range.Start) + (start - overlay.Range.Start);
        if (devices.FindSpace(description.Id, name) is { } target)
        {
            if (ReferenceEquals(target, space))
            {
                diagnostics.Error(DiagnosticCodes.BadOverlay, choice.Target.Span, $"the overlay '{overlay.Id}' leads from '{space.Name}' into itself");
                return false;
            }

            region = new WindowRegion(name, target, at, length) { Mask = target.LastAddress };
            return true;
        }

        // DEVICE or DEVICE.BANK
        (string? id, string bank) = Names.Resolve(description.Id, name, machine.Devices.ContainsKey) is { } device ? (device, "")
            : name.LastIndexOf('.') is > 0 and var dot ? (Names.Resolve(description.Id, name[..dot], machine.Devices.ContainsKey), name[(dot + 1)..])
            : (null, "");
        if (id is null || !machine.Devices[id].Banks.TryGetValue(bank, out MemoryRegion? whole))
        {
            diagnostics.Error(DiagnosticCodes.BadOverlay, choice.Target.Span, $"'{name}' is neither a space nor a device with such a bank", Suggestions.Nearest(name, machine.Spaces.Keys.Concat(machine.Devices.Keys)));
            return false;
        }

        if (at >= whole.Length || length > whole.Length - at)
        {
            diagnostics.Error(DiagnosticCodes.BadOverlay, choice.Target.Span, $"'{whole.Name}' has 0x{whole.Length:X} bytes; 0x{length:X} of them from 0x{at:X} on do not exist");
            return false;
        }

        region = new AliasRegion(whole.Name, whole, at, length);
        return true;
    }

    private void AddArea(AreaDescription area)
    {
        if (Space(area.Id, area.Space) is not { } space || !Fits(space, area.Range.Start, area.Range.Length, area.Span, $"the area '{area.Id}'"))
        {
            return;
        }

        bool belongsToFirmware = area.Role is "pal" or "console" or "hwrpb";
        var laid = new FirmwareArea(area.Id, area.Range.Start, area.Range.Last, area.Role) { Owner = area.Settings["owner"] is ScalarNode owner ? owner.Text : "firmware", Origin = area.Span.ToString() };
        if (belongsToFirmware)
        {
            new FirmwarePolicy().Apply(laid);
        }

        if (area.Settings["policy"] is MappingNode policy)
        {
            object? bound = new Options.OptionBinder(diagnostics).Bind(typeof(FirmwarePolicy), policy, $"the policy of {area.Id}", policy.Span);
            try
            {
                (bound as FirmwarePolicy)?.Apply(laid);
            }
            catch (MachineException e)
            {
                diagnostics.Error(DiagnosticCodes.BadArea, policy.Span, $"{area.Id}: {e.Message}");
            }
        }

        if (area.Settings["chardev-write"] is { } write && new ScalarReader(diagnostics).Choice(write, ["error", "allow"]) is { } word)
        {
            laid.Allow(MasterKind.CharDevice, word == "allow" ? AreaRights.Read | AreaRights.Write : AreaRights.Read);
        }

        space.AddArea(laid);
        if (area.Settings["image"] is ScalarNode image && image.Text.Length > 0)
        {
            LoadImage(space, area, image);
        }
    }

    private void LoadImage(AddressSpace space, AreaDescription area, ScalarNode image)
    {
        string path = Options.FilePaths.Absolute(image);
        try
        {
            var file = new FileInfo(path);
            if (file.Exists && (ulong)file.Length > area.Range.Length)
            {
                diagnostics.Error(DiagnosticCodes.DeviceFile, image.Span, $"'{path}' has {file.Length} bytes and does not fit the area '{area.Id}'");
            }
            else if (space.WriteBlock(area.Range.Start, File.ReadAllBytes(path), AccessAttributes.Firmware, out int done) != AccessResult.Ok)
            {
                diagnostics.Error(DiagnosticCodes.BadArea, image.Span, $"there is no memory at 0x{area.Range.Start + (ulong)done:X} for the image of '{area.Id}'");
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            diagnostics.Error(DiagnosticCodes.DeviceFile, image.Span, $"the image '{path}' can't be read: {e.Message}");
        }
    }

    private bool Fits(AddressSpace space, ulong at, ulong length, SourceSpan span, string what)
    {
        if (at <= space.LastAddress && length - 1 <= space.LastAddress - at && length <= 1UL << 63)
        {
            return true;
        }

        diagnostics.Error(DiagnosticCodes.OutsideSpace, span, $"{what} reaches from 0x{at:X} beyond the end of '{space.Name}', which has {space.Width} address bits");
        return false;
    }

    private void MapAll(AddressSpace space, List<Placement> placements)
    {
        try
        {
            using IDisposable change = space.BeginChange();
            foreach (Placement placement in placements)
            {
                placement.Put();
            }
        }
        catch (MapConflictException)
        {
            // One by one, so that every conflict is reported with both of its places.
            foreach (Placement placement in placements)
            {
                try
                {
                    placement.Put();
                }
                catch (MapConflictException e)
                {
                    Placement? other = placements.Find(p => p.Span.ToString() == (e.First?.Origin == placement.Span.ToString() ? e.Second?.Origin : e.First?.Origin));
                    diagnostics.Error(
                        DiagnosticCodes.Overlap,
                        placement.Span,
                        $"'{placement.Region.Name}' and '{other?.Region.Name ?? e.First?.Region.Name}' both claim 0x{e.Address:X} in '{space.Name}' with priority {placement.Priority}; give one of them another prio",
                        null,
                        other is null ? [] : [new DiagnosticNote($"'{other.Region.Name}' is mapped here", other.Span)]);
                }
            }
        }
    }

    private sealed record Placement(AddressSpace Space, MemoryRegion Region, ulong Address, int Priority, SourceSpan Span)
    {
        public void Put()
        {
            // The origin must be there before the view is rebuilt, for a conflict names it.
            using IDisposable change = Space.BeginChange();
            Space.Map(Region, Address, Priority).Origin = Span.ToString();
        }
    }
}
