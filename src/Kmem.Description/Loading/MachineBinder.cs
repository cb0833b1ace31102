using Kmem.Abstractions;

namespace Kmem.Description;

/// <summary>Turns the merged tree into records and reports what does not fit the language.</summary>
internal sealed class MachineBinder(DiagnosticBag diagnostics)
{
    private const int MostPieces = 4096;

    private static readonly string[] OnOff = ["off", "on", "read", "write", "rw"];

    private readonly ScalarReader _scalars = new(diagnostics);

    public MachineDescription Bind(MappingNode tree, TreeAssembler assembler)
    {
        string Word(string key) => (tree[key] as MappingNode)?["value"] is { } node ? _scalars.Text(node) ?? "" : "";
        var frontends = new List<FrontendDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "frontends", "the frontend"))
        {
            if (reader.Scalar("type", required: true) is { } type)
            {
                ScalarNode? flavour = reader.Scalar("flavour");
                if (reader.When())
                {
                    frontends.Add(new FrontendDescription(id.Text, type, flavour, reader.Rest(), id.Span));
                }
            }
        }

        var flavours = new List<FlavourDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "flavours", "the flavour"))
        {
            if (reader.Scalar("base", required: true) is { } origin)
            {
                flavours.Add(new FlavourDescription(id.Text, origin, reader.Node, id.Span));
            }
        }

        return new MachineDescription(Word("machine") is { Length: > 0 } name ? name : "machine", tree.Span, tree)
        {
            Architecture = Word("arch"),
            Summary = Word("summary"),
            Plugins = BindPlugins(tree),
            Parameters = assembler.Parameters,
            Variants = assembler.Variants,
            Spaces = BindSpaces(tree),
            Devices = BindDevices(tree),
            Windows = BindWindows(tree),
            Areas = BindAreas(tree),
            Flavours = flavours,
            Frontends = frontends,
            KernelMap = BindKernelMap(tree),
            FirmwareState = BindFirmwareState(tree),
            Boot = BindBoot(tree),
            Checks = [.. assembler.Checks.SelectMany(c => c.Value.Select(n => CheckDescription.Parse(n, c.Key, diagnostics))).OfType<CheckDescription>()],
            Files = assembler.Files,
        };
    }

    private IEnumerable<(ScalarNode Id, SectionReader Reader)> Entries(MappingNode tree, string section, string what)
    {
        foreach (ConfigEntry entry in (tree[section] as MappingNode)?.Entries ?? [])
        {
            if (!IsName(entry.Key.Text))
            {
                diagnostics.Error(DiagnosticCodes.BadValue, entry.Key.Span, $"'{entry.Key.Text}' is no name; letters, digits, dashes and underscores make one, and it begins with a letter");
            }
            else if (_scalars.Mapping(entry.Value) is { } mapping)
            {
                yield return (entry.Key, new SectionReader(mapping, $"{what} '{entry.Key.Text}'", diagnostics));
            }
        }
    }

    private static bool IsName(string text) =>
        text.Length > 0 && text.Split('.').All(p => p.Length > 0 && char.IsAsciiLetter(p[0]) && p.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'));

    private List<PluginDescription> BindPlugins(MappingNode tree)
    {
        var plugins = new List<PluginDescription>();
        foreach (ConfigEntry file in (tree["plugins"] as MappingNode)?.Entries ?? [])
        {
            foreach (ConfigNode item in _scalars.List(file.Value)?.Items ?? [])
            {
                if (_scalars.Mapping(item) is not { } mapping)
                {
                    continue;
                }

                var reader = new SectionReader(mapping, "an entry of plugins:", diagnostics);
                ScalarNode? assembly = reader.Scalar("assembly"), package = reader.Scalar("package");
                reader.Take("version");
                reader.Finish();
                if (assembly is null == package is null)
                {
                    diagnostics.Error(DiagnosticCodes.MissingKey, mapping.Span, "a plugin is {assembly: PATH.dll} or {package: NAME}");
                    continue;
                }

                plugins.Add(new PluginDescription(assembly is null ? null : PathOf(assembly), package?.Text, (assembly ?? package)!.Span));
            }
        }

        return plugins;
    }

    /// <summary>A path made absolute against the file in which it stands.</summary>
    internal static string PathOf(ScalarNode scalar) => PathOf(scalar.Text, scalar.Span);

    internal static string PathOf(string text, SourceSpan span) =>
        span == SourceSpan.CommandLine || text.Contains('\0', StringComparison.Ordinal) ? text : Path.GetFullPath(text, Path.GetDirectoryName(Path.GetFullPath(span.File)) ?? "/");

    private List<SpaceDescription> BindSpaces(MappingNode tree)
    {
        var spaces = new List<SpaceDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "spaces", "the space"))
        {
            ScalarNode? type = reader.Scalar("type", required: true);
            ulong? width = reader.Number("width", required: true, min: 1, max: 63);
            if (type is not null && width is not null && reader.When())
            {
                spaces.Add(new SpaceDescription(id.Text, type, (int)width, reader.Rest(), id.Span));
            }
        }

        return spaces;
    }

    private List<DeviceDescription> BindDevices(MappingNode tree)
    {
        var devices = new List<DeviceDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "devices", "the device"))
        {
            ScalarNode? type = reader.Scalar("type", required: true);
            MappingNode settings = reader.Mapping("set") ?? new MappingNode(id.Span);
            List<MapDescription> maps = [.. reader.List("map").Select(BindMap).OfType<MapDescription>()];
            PciDescription? pci = reader.Mapping("pci") is { } place ? BindPci(place) : null;
            List<OverlayDescription> overlays = [.. reader.List("overlays").Select(BindOverlay).OfType<OverlayDescription>()];
            List<WireDescription> wires = BindWires(reader.Mapping("wires"));
            reader.Take("isolate");
            string? group = reader.Scalar("group")?.Text;
            bool used = reader.When();
            reader.Finish();
            if (type is not null && used)
            {
                group = group is null ? null : id.Text[..(id.Text.LastIndexOf('.') + 1)] + group;
                devices.Add(new DeviceDescription(id.Text, type, settings, id.Span) { Group = group, Maps = maps, Pci = pci, Overlays = overlays, Wires = wires });
            }
        }

        return devices;
    }

    private MapDescription? BindMap(ConfigNode node)
    {
        if (_scalars.Mapping(node) is not { } mapping)
        {
            return null;
        }

        var reader = new SectionReader(mapping, "an entry of map:", diagnostics);
        ScalarNode? space = reader.Scalar("space", required: true);
        ulong? at = reader.Number("at", required: true);
        string bank = reader.Scalar("bank")?.Text ?? "";
        ulong from = reader.Number("from") ?? 0;
        int priority = reader.Signed("prio");
        bool used = reader.When();

        // An entry that is switched off may have a length of 0: the upper half of a bank that has none.
        ulong? length = reader.Take("len") is { } given && used ? _scalars.Number(given, min: 1) : null;
        reader.Finish();
        return space is null || at is null || !used ? null : new MapDescription(space, at.Value, bank, from, length, priority, mapping.AliasSpan ?? mapping.Span);
    }

    private PciDescription? BindPci(MappingNode mapping)
    {
        var reader = new SectionReader(mapping, "pci:", diagnostics);
        ScalarNode? bus = reader.Scalar("bus", required: true), slot = reader.Scalar("slot", required: true);
        ulong? function = reader.Number("function", max: 7);
        reader.Finish();
        if (bus is null || slot is null)
        {
            return null;
        }

        string[] parts = slot.Text.Split('.');
        if (parts.Length > 2 || !int.TryParse(parts[0], System.Globalization.NumberStyles.AllowHexSpecifier, null, out int device) || device is < 0 or > 31)
        {
            diagnostics.Error(DiagnosticCodes.BadValue, slot.Span, $"'{slot.Text}' is no slot; hexadecimal device and function make one, such as 1f.0");
            return null;
        }

        int inner = 0;
        if (parts.Length == 2 && (!int.TryParse(parts[1], out inner) || inner is < 0 or > 7))
        {
            diagnostics.Error(DiagnosticCodes.BadValue, slot.Span, $"'{parts[1]}' is no function; they go from 0 to 7");
            return null;
        }

        return new PciDescription(bus, new PciAddress(device, function is { } f ? (int)f : inner), mapping.Span);
    }

    private OverlayDescription? BindOverlay(ConfigNode node)
    {
        if (_scalars.Mapping(node) is not { } mapping)
        {
            return null;
        }

        var reader = new SectionReader(mapping, "an overlay", diagnostics);
        string? id = reader.Scalar("id", required: true)?.Text;
        ScalarNode? space = reader.Scalar("space", required: true);
        AddressRange? range = reader.Range("range");
        ulong? each = reader.Number("each", min: 1);
        int priority = reader.Signed("prio");
        bool perDirection = reader.Take("per") is { } per && _scalars.Choice(per, ["rw"]) is not null;
        var choices = new List<OverlayChoice>();
        foreach (ConfigEntry choice in reader.Mapping("choose")?.Entries ?? [])
        {
            if (_scalars.Choice(choice.Key, ["on", "off"]) is not { } state)
            {
                continue;
            }

            if (choice.Value is MappingNode detailed)
            {
                var inner = new SectionReader(detailed, "a choice", diagnostics);
                ScalarNode? to = inner.Scalar("to", required: true);
                ulong? at = inner.Number("at");
                inner.Finish();
                if (to is not null)
                {
                    choices.Add(new OverlayChoice(state, to, at));
                }
            }
            else if (_scalars.Scalar(choice.Value) is { } target)
            {
                choices.Add(new OverlayChoice(state, target, null));
            }
        }

        OverlayState reset = reader.Take("reset") is { } initial && _scalars.Choice(initial, OnOff) is { } word ? StateOf(word) : OverlayState.Off;
        reader.Finish();
        if (id is null || space is null || range is not { } whole)
        {
            return null;
        }

        if (each is { } piece && (whole.Length % piece != 0 || whole.Length / piece > MostPieces))
        {
            diagnostics.Error(DiagnosticCodes.BadOverlay, mapping.Span, $"the range of '{id}' can't be cut into pieces of 0x{piece:X} bytes");
            return null;
        }

        return new OverlayDescription(id, space, whole, each, priority, perDirection, choices, reset, mapping.Span);
    }

    /// <summary>The overlay state of a word.</summary>
    internal static OverlayState StateOf(string word) => word switch { "on" or "rw" => OverlayState.On, "read" => OverlayState.Read, "write" => OverlayState.Write, _ => OverlayState.Off };

    private List<WireDescription> BindWires(MappingNode? mapping)
    {
        var wires = new List<WireDescription>();
        foreach (ConfigEntry entry in mapping?.Entries ?? [])
        {
            foreach (ConfigNode target in entry.Value is SequenceNode list ? list.Items : [entry.Value])
            {
                if (_scalars.Scalar(target) is not { } pin)
                {
                    continue;
                }

                bool inverted = pin.Text.StartsWith('~');
                var name = new ScalarNode(inverted ? pin.Text[1..] : pin.Text, pin.Span);
                if (name.Text.Split('.').Length < 2 || name.Text.Contains("..", StringComparison.Ordinal))
                {
                    diagnostics.Error(DiagnosticCodes.BadWire, pin.Span, $"'{pin.Text}' is no pin; a device and one of its pins make one, such as pic.in.4");
                    continue;
                }

                wires.Add(new WireDescription(entry.Key, name, inverted));
            }
        }

        return wires;
    }

    private List<WindowDescription> BindWindows(MappingNode tree)
    {
        var windows = new List<WindowDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "windows", "the window"))
        {
            ScalarNode? space = reader.Scalar("space", required: true), to = reader.Scalar("to", required: true);
            AddressRange? range = reader.Range("range");
            ulong at = reader.Number("at") ?? 0;
            WindowKind kind = reader.Take("kind") is { } word && _scalars.Choice(word, ["dense", "sparse"]) == "sparse" ? WindowKind.Sparse : WindowKind.Dense;
            ulong shift = reader.Number("shift", min: 3, max: 12) ?? 5, mask = reader.Number("mask") ?? ulong.MaxValue;
            int priority = reader.Signed("prio");
            bool fallthrough = reader.Boolean("fallthrough"), used = reader.When();
            reader.Finish();
            if (space is not null && to is not null && range is { } place && used)
            {
                windows.Add(new WindowDescription(id.Text, space, place, to, at, kind, id.Span) { Shift = (int)shift, Mask = mask, Priority = priority, Fallthrough = fallthrough });
            }
        }

        return windows;
    }

    private List<AreaDescription> BindAreas(MappingNode tree)
    {
        var areas = new List<AreaDescription>();
        foreach ((ScalarNode id, SectionReader reader) in Entries(tree, "areas", "the area"))
        {
            ScalarNode? space = reader.Scalar("space", required: true);
            AddressRange? range = reader.Range("range");
            string role = reader.Scalar("role")?.Text ?? "reserved";
            reader.Take("owner");
            reader.Take("image");
            reader.Take("policy");
            reader.Take("chardev-write");
            bool used = reader.When();
            reader.Finish();
            if (space is not null && range is { } place && used)
            {
                areas.Add(new AreaDescription(id.Text, space, place, role, reader.Node, id.Span));
            }
        }

        return areas;
    }

    private List<KernelRange> BindKernelMap(MappingNode tree)
    {
        var ranges = new List<KernelRange>();
        foreach (ConfigNode node in (tree["kernel-map"] as MappingNode)?.Entries.SelectMany(e => _scalars.List(e.Value)?.Items ?? []) ?? [])
        {
            if (_scalars.Mapping(node) is not { } mapping)
            {
                continue;
            }

            var reader = new SectionReader(mapping, "an entry of kernel-map:", diagnostics);
            AddressRange? range = reader.Range("range");
            string? kind = reader.Need("kind") is { } word ? _scalars.Choice(word, ["direct", "kseg", "vmalloc", "modules", "text"]) : null;
            ulong? to = reader.Number("to");
            reader.Finish();
            if (range is { } place && kind is not null)
            {
                KernelRangeKind parsed = Enum.Parse<KernelRangeKind>(kind, ignoreCase: true);
                ranges.Add(new KernelRange(place.Start, place.Last, parsed, to ?? (parsed is KernelRangeKind.Direct or KernelRangeKind.Kseg ? 0 : null)));
            }
        }

        return [.. ranges.OrderBy(r => r.Start)];
    }

    private BootDescription? BindBoot(MappingNode tree)
    {
        if ((tree["boot"] as MappingNode)?["value"] is not { } node || _scalars.Mapping(node) is not { } mapping)
        {
            return null;
        }

        var reader = new SectionReader(mapping, "boot:", diagnostics);
        ScalarNode? kernel = reader.Scalar("kernel"), initrd = reader.Scalar("initrd"), append = reader.Scalar("append");
        bool used = reader.When();
        reader.Finish();
        return used ? new BootDescription(FileOf(kernel), FileOf(initrd), append?.Text ?? "", mapping.Span) : null;

        static string? FileOf(ScalarNode? scalar) => scalar is null || scalar.IsNull || scalar.Text is "" or "none" ? null : PathOf(scalar);
    }

    private List<FirmwareStateDescription> BindFirmwareState(MappingNode tree)
    {
        var states = new List<FirmwareStateDescription>();
        foreach (ConfigEntry device in (tree["firmware-state"] as MappingNode)?.Entries ?? [])
        {
            if (_scalars.Mapping(device.Value) is { } mapping)
            {
                states.Add(new FirmwareStateDescription(device.Key, [.. Flatten("", mapping)], device.Key.Span));
            }
        }

        return states;
    }

    /// <summary>Nested keys become dotted ones: <c>config: {0x04: 7}</c> is <c>config.0x04: 7</c>.</summary>
    private static IEnumerable<ConfigEntry> Flatten(string prefix, MappingNode mapping) => mapping.Entries.SelectMany(e =>
        e.Value is MappingNode inner ? Flatten(prefix + e.Key.Text + ".", inner) : [new ConfigEntry(new ScalarNode(prefix + e.Key.Text, e.Key.Span), e.Value)]);
}
