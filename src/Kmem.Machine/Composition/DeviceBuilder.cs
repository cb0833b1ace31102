using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Backends;
using Kmem.Machine.Options;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Machine.Composition;

/// <summary>Creates spaces and devices, each when it is first needed; a device that needs itself is an error.</summary>
internal sealed class DeviceBuilder(RunningMachine machine, PluginCatalog catalog, BuildOptions options, DiagnosticBag diagnostics)
{
    private readonly Dictionary<string, DeviceDescription> _descriptions = machine.Description.Devices.ToDictionary(d => d.Id, StringComparer.Ordinal);
    private readonly List<string> _building = [];
    private readonly HashSet<string> _failed = new(StringComparer.Ordinal);

    public void BuildSpaces()
    {
        var binder = new OptionBinder(diagnostics);
        foreach (SpaceDescription space in machine.Description.Spaces)
        {
            if (FindType(PluginKind.Bus, space.Type, $"the space '{space.Id}'") is { } type
                && CreateBus(type, binder.Bind(type.Signature.Options, space.Settings, $"{space.Id} ({type.Name})", space.Span), space.Span) is { } bus)
            {
                AddSpace(space.Id, new AddressSpace(space.Id, space.Width, bus));
            }
        }

        machine.MainSpace = machine.Description.Spaces.Where(s => s.Width > 16 && machine.Spaces.ContainsKey(s.Id)).Select(s => machine.Spaces[s.Id]).FirstOrDefault();
    }

    public void BuildDevices()
    {
        foreach (DeviceDescription device in machine.Description.Devices)
        {
            Build(device.Id);
        }
    }

    /// <summary>The device of a full name, built now if it is not yet; null when it can't be.</summary>
    public MachineDevice? Build(string id)
    {
        if (machine.Devices.TryGetValue(id, out MachineDevice? known))
        {
            return known;
        }

        DeviceDescription description = _descriptions[id];
        if (_failed.Contains(id))
        {
            return null;
        }

        if (_building.Contains(id, StringComparer.Ordinal))
        {
            throw new MachineException($"devices need each other in a circle: {string.Join(" -> ", _building)} -> {id}");
        }

        _building.Add(id);
        try
        {
            if (Create(description) is { } device)
            {
                machine.Devices.Add(id, device);
                return device;
            }

            _failed.Add(id);
            return null;
        }
        finally
        {
            _building.Remove(id);
        }
    }

    /// <summary>The space that a reference means, with the device that provides it built first.</summary>
    public AddressSpace? FindSpace(string from, string reference)
    {
        if (Names.Resolve(from, reference, machine.Spaces.ContainsKey) is { } found)
        {
            return machine.Spaces[found];
        }

        // A space of a device: everything before its last dot is the device.
        int dot = reference.LastIndexOf('.');
        if (dot > 0 && Names.Resolve(from, reference[..dot], _descriptions.ContainsKey) is { } owner && !machine.Devices.ContainsKey(owner))
        {
            _ = Build(owner);
            return Names.Resolve(from, reference, machine.Spaces.ContainsKey) is { } provided ? machine.Spaces[provided] : null;
        }

        return null;
    }

    /// <summary>The device that a reference means.</summary>
    public MachineDevice? FindDevice(string from, string reference) =>
        Names.Resolve(from, reference, _descriptions.ContainsKey) is { } found ? Build(found) : null;

    public void AddSpace(string id, AddressSpace space)
    {
        machine.Spaces.Add(id, space);
        space.HazardDetected += hazard => machine.Log.Write(
            hazard.Space,
            LogLevel.Warning,
            $"lost update at 0x{hazard.Address:X}: {hazard.Writer} loaded 0x{hazard.Loaded:X16}, {hazard.Victim?.Name ?? "somebody"} changed it to 0x{hazard.Found:X16}, then {hazard.Writer} stored 0x{hazard.Stored:X16}");
    }

    public Bus? CreateBus(PluginType type, object? bound, SourceSpan at)
    {
        if (bound is null && type.Signature.Options is not null)
        {
            return null;
        }

        try
        {
            return (Bus)type.Signature.Create(bound, this);
        }
        catch (Exception e) when (e is MachineException or PluginException)
        {
            diagnostics.Error(DiagnosticCodes.DeviceFailed, at, e.Message);
            return null;
        }
    }

    public PluginType? FindType(PluginKind kind, ScalarNode name, string what)
    {
        if (catalog.Find(kind, name.Text) is { } type)
        {
            try
            {
                _ = type.Signature;
                return type;
            }
            catch (PluginException e)
            {
                diagnostics.Error(DiagnosticCodes.Plugin, name.Span, e.Message);
                return null;
            }
        }

        string list = kind == PluginKind.Bus ? $"; there are {string.Join(", ", catalog.Names(kind))}" : "";
        diagnostics.Error(DiagnosticCodes.UnknownType, name.Span, $"{what} has the unknown type '{name.Text}'{list}", Suggestions.Nearest(name.Text, catalog.Names(kind)));
        return null;
    }

    private MachineDevice? Create(DeviceDescription description)
    {
        if (FindType(PluginKind.Device, description.Type, $"the device '{description.Id}'") is not { } type)
        {
            return null;
        }

        object? bound = new OptionBinder(diagnostics).Bind(type.Signature.Options, description.Settings, $"{description.Id} ({type.Name})", description.Span);
        if (bound is null && type.Signature.Options is not null)
        {
            return null;
        }

        var context = new DeviceContext(this, machine, catalog, description, options);
        try
        {
            var device = (Device)type.Signature.Create(bound, context);
            var banks = new Dictionary<string, MemoryRegion>(StringComparer.Ordinal);
            if (device is IHasRegisters registers)
            {
                banks[""] = new MmioRegion(description.Id, registers.Registers.Length, registers.Registers);
            }

            foreach (DeviceBank bank in (device as IHasBanks)?.Banks ?? [])
            {
                bank.Region.Name = bank.Name.Length == 0 ? description.Id : $"{description.Id}.{bank.Name}";
                banks[bank.Name] = bank.Region;
            }

            return new MachineDevice(description, type, device, banks);
        }
        catch (MachineException e)
        {
            diagnostics.Error(
                e.Message.Contains("in a circle", StringComparison.Ordinal) ? DiagnosticCodes.DeviceCycle : DiagnosticCodes.DeviceFailed, SpanOf(description, e.Option), $"{description.Id}: {e.Message}");
        }
        catch (PluginException e)
        {
            diagnostics.Error(DiagnosticCodes.Plugin, description.Span, e.Message);
        }

        return null;
    }

    /// <summary>Where an option stands (<c>bars.0.size</c>), or the device when it does not.</summary>
    private static SourceSpan SpanOf(DeviceDescription description, string? option)
    {
        ConfigNode? node = description.Settings;
        foreach (string key in option?.Split('.') ?? [])
        {
            ConfigNode? child = node switch
            {
                MappingNode mapping => mapping.Entries.FirstOrDefault(e => ScalarReader.Same(e.Key.Text, key))?.Value,
                SequenceNode list when int.TryParse(key, out int index) && index >= 0 && index < list.Items.Count => list.Items[index],
                _ => null,
            };
            if (child is null)
            {
                break;
            }

            node = child;
        }

        return option is null || ReferenceEquals(node, description.Settings) ? description.Span : node!.Span;
    }
}
