using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Composition;
using Kmem.Machine.Plugins;
using Kmem.Memory;

namespace Kmem.Machine;

/// <summary>A built machine, or what is wrong with it.</summary>
/// <param name="Machine">The machine; null when there is any error, for no machine starts half-built.</param>
/// <param name="Diagnostics">What is wrong.</param>
public sealed record BuildResult(RunningMachine? Machine, DiagnosticBag Diagnostics);

/// <summary>Builds machines from descriptions.</summary>
public static class MachineFactory
{
    /// <summary>Loads a description and builds its machine.</summary>
    /// <param name="path">Path of the machine file.</param>
    /// <param name="load">Decisions about loading.</param>
    /// <param name="build">Decisions about building; null for none.</param>
    /// <param name="catalog">The plugins; null for those beside the program.</param>
    public static BuildResult Load(string path, LoadOptions? load = null, BuildOptions? build = null, PluginCatalog? catalog = null)
    {
        LoadResult loaded = DescriptionLoader.Load(path, load);
        return loaded.Machine is null || loaded.Diagnostics.HasErrors && loaded.Machine.Spaces.Count + loaded.Machine.Devices.Count == 0
            ? new BuildResult(null, loaded.Diagnostics)
            : Build(loaded.Machine, loaded.Diagnostics, build, catalog);
    }

    /// <summary>Builds a machine.</summary>
    /// <param name="description">The description.</param>
    /// <param name="diagnostics">Takes what is wrong; may hold what loading found.</param>
    /// <param name="build">Decisions about building; null for none.</param>
    /// <param name="catalog">The plugins; null for those beside the program.</param>
    public static BuildResult Build(MachineDescription description, DiagnosticBag diagnostics, BuildOptions? build = null, PluginCatalog? catalog = null)
    {
        catalog ??= new PluginCatalog().AddFolder(PluginCatalog.DefaultFolder);
        AddPlugins(description, catalog, diagnostics);
        var machine = new RunningMachine(description, catalog, new MachineMemory(description.Name)) { ProcessorMap = new ProcessorKernelMap(new DeclaredKernelMap(description.KernelMap)), FromPowerOn = build?.FromPowerOn ?? false };
        try
        {
            var devices = new DeviceBuilder(machine, catalog, build ?? new BuildOptions(), diagnostics);
            devices.BuildSpaces();
            devices.BuildDevices();
            new MapBuilder(machine, devices, diagnostics).Build();
            AttachPci(machine, devices, diagnostics);
            new WireBuilder(machine, diagnostics).Build();
            new FrontendBuilder(machine, devices, diagnostics).Build();
            if (!diagnostics.HasErrors)
            {
                FirmwareStateWriter.Apply(machine, diagnostics);
                machine.Reset();
            }
        }
        catch (MachineException e)
        {
            diagnostics.Error(DiagnosticCodes.DeviceFailed, description.Span, e.Message);
        }

        if (!diagnostics.HasErrors)
        {
            return new BuildResult(machine, diagnostics);
        }

        machine.Dispose();
        return new BuildResult(null, diagnostics);
    }

    private static void AddPlugins(MachineDescription description, PluginCatalog catalog, DiagnosticBag diagnostics)
    {
        foreach (PluginFailure failure in catalog.Failures)
        {
            diagnostics.Error(DiagnosticCodes.Plugin, description.Span, failure.Message);
        }

        foreach (PluginDescription plugin in description.Plugins)
        {
            if (plugin.Assembly is null)
            {
                string folder = Path.Combine(PluginCatalog.DefaultFolder, plugin.Package!);
                if (!Directory.Exists(folder))
                {
                    diagnostics.Error(DiagnosticCodes.MissingPlugin, plugin.Span, $"the plugin package '{plugin.Package}' is not installed in {PluginCatalog.DefaultFolder}");
                }
            }
            else if (!File.Exists(plugin.Assembly))
            {
                diagnostics.Error(DiagnosticCodes.MissingPlugin, plugin.Span, $"there is no plugin '{plugin.Assembly}'");
            }
            else if (catalog.AddAssembly(plugin.Assembly) is { } failure)
            {
                diagnostics.Error(DiagnosticCodes.Plugin, plugin.Span, failure.Message);
            }
        }
    }

    private static void AttachPci(RunningMachine machine, DeviceBuilder devices, DiagnosticBag diagnostics)
    {
        foreach (DeviceDescription device in machine.Description.Devices)
        {
            if (device.Pci is not { } place || !machine.Devices.TryGetValue(device.Id, out MachineDevice? built))
            {
                continue;
            }

            MachineDevice? bus = devices.FindDevice(device.Id, place.Bus.Text);
            if (bus?.Instance is not IPciBus pci)
            {
                diagnostics.Error(DiagnosticCodes.PciPlace, place.Bus.Span, bus is null ? $"there is no device '{place.Bus.Text}'" : $"'{place.Bus.Text}' ({bus.Type.Name}) is no PCI bus", Suggestions.Nearest(place.Bus.Text, machine.Devices.Keys));
            }
            else if (built.Instance is not IPciFunction function)
            {
                diagnostics.Error(DiagnosticCodes.PciPlace, place.Span, $"{device.Id} ({built.Type.Name}) is no PCI function");
            }
            else
            {
                try
                {
                    pci.Attach(place.Slot, device.Id, function);
                }
                catch (MachineException e)
                {
                    diagnostics.Error(DiagnosticCodes.PciPlace, place.Span, e.Message);
                }
            }
        }
    }
}
