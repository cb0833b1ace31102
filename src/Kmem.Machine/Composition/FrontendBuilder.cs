using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Options;
using Kmem.Machine.Plugins;

namespace Kmem.Machine.Composition;

/// <summary>Creates the character devices of a machine's frontends.</summary>
internal sealed class FrontendBuilder(RunningMachine machine, DeviceBuilder devices, DiagnosticBag diagnostics)
{
    public void Build()
    {
        foreach (FrontendDescription frontend in machine.Description.Frontends)
        {
            if (!frontend.Type.Text.StartsWith("chardev.", StringComparison.Ordinal))
            {
                diagnostics.Error(DiagnosticCodes.UnknownType, frontend.Type.Span, $"the frontend '{frontend.Id}' has the unknown type '{frontend.Type.Text}'; character devices are named chardev.mem and so on");
                continue;
            }

            if (devices.FindType(PluginKind.CharDevice, frontend.Type, $"the frontend '{frontend.Id}'") is not { } type)
            {
                continue;
            }

            object? bound = new OptionBinder(diagnostics).Bind(type.Signature.Options, frontend.Settings, $"{frontend.Id} ({type.Name})", frontend.Span);
            if (bound is null && type.Signature.Options is not null)
            {
                continue;
            }

            try
            {
                var device = (CharacterDevice)type.Signature.Create(bound, new FrontendContext(machine, devices, frontend));
                machine.Frontends.Add(frontend.Id, new MachineFrontend(frontend, device));
            }
            catch (Exception e) when (e is MachineException or PluginException)
            {
                diagnostics.Error(e is MachineException ? DiagnosticCodes.DeviceFailed : DiagnosticCodes.Plugin, frontend.Span, $"{frontend.Id}: {e.Message}");
            }
        }
    }

    private sealed class FrontendContext(RunningMachine machine, DeviceBuilder devices, FrontendDescription frontend) : IFrontendContext
    {
        public string Id => frontend.Id;

        public BusMaster Master { get; } = new(frontend.Id, MasterKind.CharDevice);

        public IKernelMap KernelMap => machine.KernelMap;

        public IAddressSpace Space(string reference) => devices.FindSpace(frontend.Id, reference)
            ?? throw new MachineException($"there is no space '{reference}'{(Suggestions.Nearest(reference, machine.Spaces.Keys) is { } near ? $"; did you mean '{near}'?" : "")}");
    }
}

/// <summary>Makes kernels in front of a machine's character devices.</summary>
internal sealed class KernelFactory(RunningMachine machine, PluginCatalog catalog, DiagnosticBag diagnostics)
{
    /// <summary>Makes the kernel of a flavour.</summary>
    /// <param name="name">The flavour; null for the one that the machine's frontends name, else <c>raw</c>.</param>
    public IKernel? Create(string? name)
    {
        string? declared = machine.Frontends.Values.Select(f => f.Description.Flavour?.Text).FirstOrDefault(f => f is not null);
        MachineFrontend[] used = [.. machine.Frontends.Values.Where(f => f.Device is not null && (name is not null || f.Description.Flavour is null || f.Description.Flavour.Text == declared))];
        string wanted = name ?? declared ?? "raw";
        string from = used.Length == 0 ? wanted : used[0].Description.Id;
        FlavourDescription? flavour = Names.Resolve(from, wanted, n => machine.Description.Flavours.Any(f => f.Id == n)) is { } id
            ? machine.Description.Flavours.First(f => f.Id == id)
            : null;
        ScalarNode origin = flavour?.Base ?? new ScalarNode(wanted, machine.Frontends.Values.Select(f => f.Description.Flavour?.Span).FirstOrDefault(s => s is not null) ?? SourceSpan.CommandLine);
        if (catalog.Find(PluginKind.Kernel, origin.Text) is not { } type)
        {
            string[] known = [.. machine.Flavours.Distinct(StringComparer.Ordinal)];
            diagnostics.Error(DiagnosticCodes.UnknownFlavour, origin.Span, $"there is no kernel flavour '{origin.Text}'; there are {string.Join(", ", known)}", Suggestions.Nearest(origin.Text, known));
            return null;
        }

        MappingNode settings = flavour?.Settings ?? BaseOnly(origin);
        object? bound = new OptionBinder(diagnostics).Bind(type.Signature.Options, settings, $"{flavour?.Id ?? wanted} (flavour)", settings.Span);
        if (bound is null && type.Signature.Options is not null)
        {
            return null;
        }

        try
        {
            return (IKernel)type.Signature.Create(bound, new KernelContext(machine, flavour?.Id ?? wanted, origin.Text, [.. used.Select(f => f.Device!)]));
        }
        catch (Exception e) when (e is MachineException or PluginException)
        {
            diagnostics.Error(e is MachineException ? DiagnosticCodes.DeviceFailed : DiagnosticCodes.Plugin, settings.Span, $"{wanted}: {e.Message}");
            return null;
        }
    }

    private static MappingNode BaseOnly(ScalarNode origin)
    {
        var settings = new MappingNode(origin.Span);
        settings.Set(new ScalarNode("base", origin.Span), origin);
        return settings;
    }

    private sealed class KernelContext(RunningMachine machine, string flavour, string origin, IReadOnlyList<CharacterDevice> devices) : IKernelContext
    {
        public string Base => origin;

        public string Flavour => flavour;

        public IReadOnlyList<CharacterDevice> Devices => devices;

        public IAddressSpace? Physical => machine.MainSpace;

        public void Log(LogLevel level, string message) => machine.Log.Write(flavour, level, message);
    }
}
