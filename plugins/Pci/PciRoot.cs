using Kmem.Abstractions;

namespace Kmem.Plugins.Pci;

/// <summary>Words for what a PCI space does where nobody answers.</summary>
/// <param name="Read">What a read gives.</param>
/// <param name="Write">What a write does.</param>
public sealed record PciUnmapped(UnmappedRead Read = UnmappedRead.Ones, UnmappedWrite Write = UnmappedWrite.Drop)
{
    /// <summary>The policy behind the words.</summary>
    public UnmappedPolicy Policy => new(Read, Write);
}

/// <summary>Options of <c>pci.root</c>.</summary>
/// <param name="MemWidth">Address bits of the memory space.</param>
/// <param name="IoWidth">Address bits of the I/O space.</param>
/// <param name="MemUnmapped">What the memory space does where nobody answers.</param>
/// <param name="IoUnmapped">What the I/O space does where nobody answers.</param>
public sealed record PciRootOptions(
    [property: Option(Min = 16, Max = 63)] int MemWidth = 32,
    [property: Option(Min = 16, Max = 32)] int IoWidth = 16,
    PciUnmapped? MemUnmapped = null,
    PciUnmapped? IoUnmapped = null);

/// <summary>A PCI bus with its host's ways in: memory, I/O and configuration spaces, and the ports of configuration mechanism #1.</summary>
/// <remarks>Source: PCI Local Bus Specification 3.0, sections 3.2.2.3 (configuration cycles) and 3.2.2.3.2 (mechanism #1).</remarks>
[Device("pci.root")]
public sealed class PciRoot : Device, IPciBus, IHasBanks, IFirmwareState
{
    private readonly SortedDictionary<int, PciSlot> _functions = [];
    private readonly Dictionary<(string, int), IRegionMapping> _mapped = [];

    /// <summary>Creates the bus and its three spaces.</summary>
    public PciRoot(PciRootOptions options, IDeviceContext context)
    {
        Memory = context.ProvideSpace(new SpaceRequest("mem", options.MemWidth, "bus.flat", (options.MemUnmapped ?? new PciUnmapped()).Policy));
        Io = context.ProvideSpace(new SpaceRequest("io", options.IoWidth, options.IoWidth == 16 ? "bus.x86-ports" : "bus.flat", (options.IoUnmapped ?? new PciUnmapped()).Policy));
        IAddressSpace configuration = context.ProvideSpace(new SpaceRequest("cfg", 24, "bus.flat", new UnmappedPolicy(UnmappedRead.Ones, UnmappedWrite.Drop)));
        configuration.Map(new MmioRegion(context.Id + ".cfg", 1 << 24, new ConfigurationWindow(this)), 0);
        Mechanism = new ConfigurationMechanism(this, context);
        Banks = [new DeviceBank("conf1", new MmioRegion(context.Id + ".conf1", 8, Mechanism))];
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public IReadOnlyList<PciSlot> Functions => [.. _functions.Values];

    /// <inheritdoc/>
    public IAddressSpace Memory { get; }

    /// <inheritdoc/>
    public IAddressSpace Io { get; }

    internal ConfigurationMechanism Mechanism { get; }

    /// <inheritdoc/>
    public override void Reset() => (Mechanism.Latch, Mechanism.ResetControl) = (0, 0);

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U32(Mechanism.Latch);
        writer.U8(Mechanism.ResetControl);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader) => (Mechanism.Latch, Mechanism.ResetControl) = (reader.U32(), reader.U8());

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (key != "config-address" || value > uint.MaxValue)
        {
            return false;
        }

        Mechanism.Latch = (uint)value;
        return true;
    }

    /// <inheritdoc/>
    public void Attach(PciAddress address, string id, IPciFunction function)
    {
        if (!_functions.TryAdd(Key(address), new PciSlot(address, id, function)))
        {
            throw new MachineException($"the place {address} is taken by '{_functions[Key(address)].Id}'");
        }

        foreach (PciBar bar in function.Configuration.Bars)
        {
            bar.Region.Name = $"{id}.{(bar.Kind == PciBarKind.Rom ? "rom" : $"bar{bar.Index}")}";
        }

        function.Configuration.DecodingChanged += () => MapBars(id, address, function.Configuration);
        MapBars(id, address, function.Configuration);
    }

    /// <summary>The function at a place of bus 0, or null.</summary>
    internal PciConfiguration? At(int bus, int deviceFunction) =>
        bus == 0 && _functions.TryGetValue(deviceFunction, out PciSlot? slot) ? slot.Function.Configuration : null;

    private static int Key(PciAddress address) => (address.Slot << 3) | address.Function;

    /// <summary>Brings the mappings of a function's base address registers to what its configuration says, in one transaction a space.</summary>
    private void MapBars(string id, PciAddress address, PciConfiguration configuration)
    {
        using IDisposable memory = Memory.BeginChange();
        using IDisposable io = Io.BeginChange();
        foreach (PciBar bar in configuration.Bars)
        {
            IAddressSpace space = bar.Kind == PciBarKind.Io ? Io : Memory;
            ulong? at = configuration.AddressOf(bar);
            if (at is { } place && (place >= 1UL << space.Width || bar.Region.Length > (1UL << space.Width) - place))
            {
                at = null;
            }

            bool isMapped = _mapped.TryGetValue((id, bar.Index), out IRegionMapping? mapping);
            if (at is null && isMapped)
            {
                mapping!.Dispose();
                _mapped.Remove((id, bar.Index));
            }
            else if (at is { } now && isMapped)
            {
                mapping!.Address = now;
            }
            else if (at is { } first)
            {
                // Guests may program overlapping registers; hardware then has two drivers on the bus. Each register has a priority of
                // its own, the lower place wins, so that this is never an error and always the same.
                int priority = -1 - ((Key(address) << 3) | bar.Index);
                _mapped[(id, bar.Index)] = space.Map(bar.Region, first, priority);
            }
        }
    }

    /// <summary>The configuration space as a window: bus, device and function in the address.</summary>
    private sealed class ConfigurationWindow(PciRoot root) : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            // A quadword is two configuration cycles.
            value = 0;
            for (int done = 0; done < width; done += Math.Min(width, 4))
            {
                ulong at = offset + (ulong)done;
                int part = Math.Min(width, 4);
                ulong word = root.At((int)(at >> 16), (int)(at >> 8) & 0xFF)?.Read((int)at & 0xFF, part) ?? (ulong.MaxValue >> (64 - (8 * part)));
                value |= word << (8 * done);
            }

            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
        {
            for (int done = 0; done < width; done += Math.Min(width, 4))
            {
                ulong at = offset + (ulong)done;
                root.At((int)(at >> 16), (int)(at >> 8) & 0xFF)?.Write((int)at & 0xFF, Math.Min(width, 4), value >> (8 * done));
            }

            return AccessResult.Ok;
        }
    }
}
