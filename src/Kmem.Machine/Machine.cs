using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Backends;
using Kmem.Machine.Composition;
using Kmem.Machine.Plugins;
using Kmem.Machine.Time;
using Kmem.Memory;

namespace Kmem.Machine;

/// <summary>A device in a machine.</summary>
/// <param name="Description">What the description says of it.</param>
/// <param name="Type">Its plugin type.</param>
/// <param name="Instance">The device.</param>
/// <param name="Banks">Its regions by name; the unnamed one under the empty name.</param>
public sealed record MachineDevice(DeviceDescription Description, PluginType Type, Device Instance, IReadOnlyDictionary<string, MemoryRegion> Banks);

/// <summary>A frontend in a machine.</summary>
/// <param name="Description">What the description says of it.</param>
/// <param name="Device">Its driver; null for frontends that are none.</param>
public sealed record MachineFrontend(FrontendDescription Description, CharacterDevice? Device);

/// <summary>A machine that runs: spaces, devices, wires, memory and time.</summary>
public sealed class RunningMachine : IDisposable
{
    private readonly PluginCatalog _catalog;
    private readonly List<object> _backends = [];

    internal RunningMachine(MachineDescription description, PluginCatalog catalog, MachineMemory memory)
    {
        (Description, _catalog, Memory) = (description, catalog, memory);
    }

    /// <summary>The description that it was built from.</summary>
    public MachineDescription Description { get; }

    /// <summary>Its memory.</summary>
    public MachineMemory Memory { get; }

    /// <summary>Its time.</summary>
    public MachineClock Clock { get; } = new(DateTime.UnixEpoch.AddYears(56));

    /// <summary>Whether a reset leaves it as power-on does, and not as firmware does.</summary>
    public bool FromPowerOn { get; internal init; }

    /// <summary>Its log.</summary>
    public MachineLog Log { get; } = new();

    /// <summary>Its spaces by name, those of devices included (<c>pci0.mem</c>).</summary>
    public Dictionary<string, AddressSpace> Spaces { get; } = new(StringComparer.Ordinal);

    /// <summary>Its devices by name.</summary>
    public Dictionary<string, MachineDevice> Devices { get; } = new(StringComparer.Ordinal);

    /// <summary>Its frontends by name.</summary>
    public Dictionary<string, MachineFrontend> Frontends { get; } = new(StringComparer.Ordinal);

    /// <summary>Its overlays by the name of device and overlay, for example <c>pmc.pam0</c>.</summary>
    public Dictionary<string, IOverlaySwitch> Overlays { get; } = new(StringComparer.Ordinal);

    /// <summary>How kernel virtual addresses become physical ones.</summary>
    public IKernelMap KernelMap => ProcessorMap;

    internal ProcessorKernelMap ProcessorMap { get; init; } = new(new DeclaredKernelMap([]));

    /// <summary>The space in which RAM lies: the first one of the description that is wider than ports.</summary>
    public AddressSpace? MainSpace { get; internal set; }

    /// <summary>The space that port instructions reach: the first one of the description that is as wide as ports are; null where there is none.</summary>
    public AddressSpace? PortSpace => Spaces.Values.FirstOrDefault(s => s.Width == 16 && Description.Spaces.Any(d => d.Id == s.Name));

    /// <summary>Its first PCI bus; null where it has none.</summary>
    public IPciBus? PciBus => Devices.Values.Select(d => d.Instance).OfType<IPciBus>().FirstOrDefault();

    internal Dictionary<string, OutputLine> Outputs { get; } = new(StringComparer.Ordinal);

    internal Dictionary<string, InputPin> Inputs { get; } = new(StringComparer.Ordinal);

    /// <summary>Levels of all output lines by name.</summary>
    public IReadOnlyDictionary<string, bool> Lines => Outputs.ToDictionary(o => o.Key, o => o.Value.Level, StringComparer.Ordinal);

    /// <summary>Its backends that live on the host: the run loop delivers what arrives there and flushes what devices send.</summary>
    public IEnumerable<IHostPolled> Polled => _backends.OfType<IHostPolled>();

    /// <summary>The names of the flavours that frontends of this machine may be opened under.</summary>
    public IEnumerable<string> Flavours => Description.Flavours.Select(f => f.Id).Concat(_catalog.Names(PluginKind.Kernel));

    /// <summary>Raised when a device asks for the machine to be switched off or reset.</summary>
    public event Action<PowerRequest>? PowerRequested;

    /// <summary>Puts every device into the state after power-on, then into the one that firmware leaves.</summary>
    public void Reset()
    {
        foreach (OverlaySwitch overlay in Overlays.Values.Cast<OverlaySwitch>())
        {
            overlay.SelectAll(overlay.ResetState);
        }

        foreach (MachineDevice device in Devices.Values)
        {
            device.Instance.Reset();
        }

        if (!FromPowerOn)
        {
            ApplyFirmwareState();
        }
    }

    /// <summary>Puts devices into the state in which firmware leaves them, for a program that begins in its place.</summary>
    public void ApplyFirmwareState() => FirmwareStateWriter.Apply(this, new DiagnosticBag());

    /// <summary>Makes a kernel in front of this machine's character devices.</summary>
    /// <param name="flavour">A flavour of the machine or a built-in profile; null for the one that the frontends name.</param>
    /// <param name="diagnostics">Takes what is wrong.</param>
    /// <returns>The kernel, or null.</returns>
    public IKernel? CreateKernel(string? flavour, DiagnosticBag diagnostics) => new KernelFactory(this, _catalog, diagnostics).Create(flavour);

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (MachineDevice device in Devices.Values)
        {
            (device.Instance as IDisposable)?.Dispose();
        }

        foreach (object backend in _backends)
        {
            (backend as IDisposable)?.Dispose();
        }

        Memory.Dispose();
    }

    internal void RequestPower(PowerRequest request) => PowerRequested?.Invoke(request);

    /// <summary>Takes a backend over: it ends with the machine.</summary>
    internal T Keep<T>(T backend)
        where T : class
    {
        _backends.Add(backend);
        return backend;
    }
}
