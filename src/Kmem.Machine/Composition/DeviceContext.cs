using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Backends;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Machine.Composition;

/// <summary>What one device may ask of its machine.</summary>
internal sealed class DeviceContext(DeviceBuilder builder, RunningMachine machine, PluginCatalog catalog, DeviceDescription description, BuildOptions options) : IDeviceContext
{
    private IHostNetwork? _network;

    public string Id => description.Id;

    public BusMaster Master { get; } = new(description.Id, MasterKind.Dma);

    public IClock Clock => machine.Clock;

    public IIrqLine Irq(string name)
    {
        string full = $"{Id}.{name}";
        if (!machine.Outputs.TryGetValue(full, out OutputLine? line))
        {
            machine.Outputs.Add(full, line = new OutputLine(full));
        }

        return line;
    }

    public void Input(string name, Action<bool> changed)
    {
        string full = $"{Id}.{name}";
        if (!machine.Inputs.TryAdd(full, new InputPin(full, changed)))
        {
            throw new MachineException($"the input '{name}' is declared twice");
        }
    }

    public ICharBackend Char(string name)
    {
        string specification = Setting(name) is { } scalar ? AbsoluteAfterColon(scalar) : "none";
        try
        {
            return machine.Keep((options.CharPort is { } port ? port(Id, specification) : options.CharBackend(specification)) ?? throw new MachineException($"'{specification}' is no character backend; there are {HostBackends.CharForms}"));
        }
        catch (MachineException e)
        {
            throw new MachineException(e.Message, e) { Option = name };
        }
    }

    public IBlockBackend? Block(string name)
    {
        if (Setting(name) is not { } scalar)
        {
            return null;
        }

        try
        {
            BlockSpecification specification = BlockSpecification.Parse(scalar.Text).Resolve(p => Options.FilePaths.Absolute(scalar, p));
            return options.BlockBackend(specification) is { } disk ? machine.Keep(disk) : null;
        }
        catch (MachineException e)
        {
            throw new MachineException(e.Message, e) { Option = name };
        }
    }

    public IHostNetwork HostNetwork => _network ??= machine.Keep(options.HostNetwork());

    public string PathOf(string option, string path) =>
        Options.FilePaths.Absolute(description.Settings.Entries.FirstOrDefault(e => ScalarReader.Same(e.Key.Text, option))?.Value switch
        {
            ScalarNode scalar => scalar,
            SequenceNode list when list.Items.OfType<ScalarNode>().FirstOrDefault() is { } first => first,
            _ => new ScalarNode("", description.Span),
        }, path);

    public IAddressSpace Space(string reference) =>
        builder.FindSpace(Id, reference) ?? throw new MachineException($"there is no space '{reference}'{Hint(reference, machine.Spaces.Keys)}");

    public IAddressSpace ProvideSpace(SpaceRequest request)
    {
        PluginType type = catalog.Find(PluginKind.Bus, request.Bus) ?? throw new MachineException($"there is no bus '{request.Bus}' for the space '{request.Name}'");
        var settings = new MappingNode(description.Span);
        var unmapped = new MappingNode(description.Span);
        unmapped.Set(Word("read"), Word(request.Unmapped.Read.ToString()));
        unmapped.Set(Word("write"), Word(request.Unmapped.Write.ToString()));
        settings.Set(Word("unmapped"), unmapped);
        var problems = new DiagnosticBag();
        object? bound = new Options.OptionBinder(problems).Bind(type.Signature.Options, settings, request.Bus, description.Span);
        if (builder.CreateBus(type, bound, description.Span) is not { } bus)
        {
            throw new MachineException($"the bus '{request.Bus}' of the space '{request.Name}' can't be made: {string.Join("; ", problems.Sorted.Select(p => p.Message))}");
        }

        var space = new AddressSpace($"{Id}.{request.Name}", request.Width, bus);
        builder.AddSpace(space.Name, space);
        return space;
    }

    public T Device<T>(string reference)
        where T : class
    {
        IEnumerable<string> known = machine.Description.Devices.Select(d => d.Id);
        MachineDevice device = builder.FindDevice(Id, reference) ?? throw new MachineException(Names.Resolve(Id, reference, known.Contains) is { } failed
            ? $"it needs '{failed}', which can't be built"
            : $"there is no device '{reference}'{Hint(reference, known)}");
        return device.Instance as T ?? throw new MachineException($"'{reference}' ({device.Type.Name}) is no {typeof(T).Name}");
    }

    public IRamBlock AllocateMemory(string bank, ulong length)
    {
        string? main = machine.MainSpace?.Name;
        RamPlacement[] placements =
        [
            .. description.Maps
                .Where(m => m.Bank == bank && m.From < length && Names.Resolve(Id, m.Space.Text, machine.Spaces.ContainsKey) == main)
                .Select(m => new RamPlacement(m.From, Math.Min(m.Length ?? length, length - m.From), m.At)),
        ];
        return machine.Memory.Allocate(bank.Length == 0 ? Id : $"{Id}.{bank}", length, placements);
    }

    public byte[] ReadImage(string path, ulong limit)
    {
        string? option = description.Settings.Entries.FirstOrDefault(e => e.Value is ScalarNode s && s.Text.Length > 0 && !s.Text.Contains('\0', StringComparison.Ordinal) && Options.FilePaths.Absolute(s) == path)?.Key.Text;
        try
        {
            using FileStream file = File.OpenRead(path);
            using var all = new MemoryStream();
            byte[] buffer = new byte[64 * 1024];
            for (int read = file.Read(buffer); read > 0; read = file.Read(buffer))
            {
                all.Write(buffer, 0, read);
                if ((ulong)all.Length > limit)
                {
                    throw new MachineException($"the image '{path}' is larger than {limit} bytes") { Option = option };
                }
            }

            return all.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new MachineException($"the image '{path}' can't be read: {e.Message}", e) { Option = option };
        }
    }

    public void RequestPower(PowerRequest request) => machine.RequestPower(request);

    public IOverlaySwitch Overlay(string id)
    {
        string full = $"{Id}.{id}";
        if (!machine.Overlays.TryGetValue(full, out IOverlaySwitch? overlay))
        {
            OverlayDescription? declared = description.Overlays.FirstOrDefault(o => o.Id == id);
            machine.Overlays.Add(full, overlay = new OverlaySwitch { ResetState = declared?.Reset ?? OverlayState.Off });
        }

        return overlay;
    }

    public void Log(LogLevel level, string message) => machine.Log.Write(Id, level, message);

    private static string Hint(string name, IEnumerable<string> candidates) => Suggestions.Nearest(name, candidates) is { } near ? $"; did you mean '{near}'?" : "";

    private ScalarNode? Setting(string name) => description.Settings.Entries.FirstOrDefault(e => ScalarReader.Same(e.Key.Text, name))?.Value as ScalarNode;

    /// <summary>A specification whose path counts from the file that names it.</summary>
    private static string AbsoluteAfterColon(ScalarNode scalar)
    {
        foreach (string form in new[] { "file:", "unix:" })
        {
            if (scalar.Text.StartsWith(form, StringComparison.Ordinal) && scalar.Text.Length > form.Length)
            {
                return form + Options.FilePaths.Absolute(scalar, scalar.Text[form.Length..]);
            }
        }

        return scalar.Text;
    }

    private ScalarNode Word(string text) => new(text.ToLowerInvariant(), description.Span);
}
