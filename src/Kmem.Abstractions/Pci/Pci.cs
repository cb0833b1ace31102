namespace Kmem.Abstractions;

/// <summary>Place of a function on its bus.</summary>
/// <param name="Slot">Device number, 0..31.</param>
/// <param name="Function">Function number, 0..7.</param>
public readonly record struct PciAddress(int Slot, int Function)
{
    /// <inheritdoc/>
    public override string ToString() => $"{Slot:x2}.{Function}";
}

/// <summary>A device that is a function on a PCI bus.</summary>
public interface IPciFunction
{
    /// <summary>Its configuration space.</summary>
    PciConfiguration Configuration { get; }
}

/// <summary>A PCI bus: gives its functions their configuration cycles and maps their base address registers.</summary>
public interface IPciBus
{
    /// <summary>Puts a function at its place.</summary>
    /// <exception cref="MachineException">The place is taken.</exception>
    void Attach(PciAddress address, string id, IPciFunction function);

    /// <summary>The functions in the order of their places.</summary>
    IReadOnlyList<PciSlot> Functions { get; }

    /// <summary>Memory space of the bus.</summary>
    IAddressSpace Memory { get; }

    /// <summary>I/O space of the bus.</summary>
    IAddressSpace Io { get; }
}

/// <summary>A function at its place.</summary>
/// <param name="Address">The place.</param>
/// <param name="Id">The device's name in the machine.</param>
/// <param name="Function">The function.</param>
public sealed record PciSlot(PciAddress Address, string Id, IPciFunction Function);

/// <summary>What a base address register decodes.</summary>
public enum PciBarKind
{
    /// <summary>32-bit memory.</summary>
    Memory32,

    /// <summary>64-bit memory; takes the next register too.</summary>
    Memory64,

    /// <summary>I/O ports.</summary>
    Io,

    /// <summary>The expansion ROM.</summary>
    Rom,
}

/// <summary>One base address register.</summary>
/// <param name="Index">Register 0..5; 6 is the expansion ROM.</param>
/// <param name="Kind">What it decodes.</param>
/// <param name="Region">What it maps; its length is a power of two.</param>
/// <param name="Prefetchable">Whether the prefetchable bit is set.</param>
public sealed record PciBar(int Index, PciBarKind Kind, MemoryRegion Region, bool Prefetchable = false);
