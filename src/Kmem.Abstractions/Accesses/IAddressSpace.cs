namespace Kmem.Abstractions;

/// <summary>A range of host memory that stands for guest RAM.</summary>
/// <param name="Pointer">Host address of the byte asked for.</param>
/// <param name="Length">Bytes over which the pointer holds, at least 1.</param>
public readonly unsafe record struct DirectMemory(nint Pointer, ulong Length)
{
    /// <summary>The memory as a span of at most <see cref="int.MaxValue"/> bytes.</summary>
    public Span<byte> AsSpan() => new((void*)Pointer, (int)Math.Min(Length, int.MaxValue));
}

/// <summary>What changed in the flat view of an address space.</summary>
/// <param name="Space">The space whose view changed.</param>
/// <param name="Generation">Its generation after the change.</param>
public readonly record struct AddressSpaceChange(IAddressSpace Space, uint Generation);

/// <summary>An address space: masters send accesses into it, regions answer, its bus says what the world sees.</summary>
public interface IAddressSpace
{
    /// <summary>The name in the machine, for example <c>phys</c> or <c>pci0.mem</c>.</summary>
    string Name { get; }

    /// <summary>Number of address bits, 1..63; addresses above are nobody's.</summary>
    int Width { get; }

    /// <summary>Counts the changes of the flat view; a cached lookup holds while it stays the same.</summary>
    uint Generation { get; }

    /// <summary>The bus that rules this space.</summary>
    Bus Bus { get; }

    /// <summary>Raised after the flat view has changed, also through a change in a space behind a window.</summary>
    event Action<AddressSpaceChange>? Changed;

    /// <summary>Sees every transaction on the bus while set; null costs nothing but the test.</summary>
    IBusObserver? Observer { get; set; }

    /// <summary>Reads 1, 2, 4 or 8 bytes, little endian, from <paramref name="address"/>.</summary>
    AccessResult Read(ulong address, int width, out ulong value, in AccessAttributes attributes);

    /// <summary>Writes the low 1, 2, 4 or 8 bytes of <paramref name="value"/>, little endian, to <paramref name="address"/>.</summary>
    AccessResult Write(ulong address, int width, ulong value, in AccessAttributes attributes);

    /// <summary>Changes the bits of <paramref name="mask"/> in the aligned quadword at <paramref name="address"/>: an unprotected read-modify-write, see <see cref="Bus.Modify"/>.</summary>
    AccessResult Modify(ulong address, ulong value, ulong mask, in AccessAttributes attributes);

    /// <summary>Reads consecutive bytes in ascending order; <paramref name="done"/> counts those read before an error.</summary>
    AccessResult ReadBlock(ulong address, Span<byte> destination, in AccessAttributes attributes, out int done);

    /// <summary>Writes consecutive bytes in ascending order; <paramref name="done"/> counts those written before an error.</summary>
    AccessResult WriteBlock(ulong address, ReadOnlySpan<byte> source, in AccessAttributes attributes, out int done);

    /// <summary>A host pointer to RAM at <paramref name="address"/>, valid until the next change; false for all that is not plain RAM for this master.</summary>
    bool TryGetDirect(ulong address, bool write, in AccessAttributes attributes, out DirectMemory memory);

    /// <summary>Puts <paramref name="region"/> at <paramref name="address"/>.</summary>
    /// <exception cref="MapConflictException">Another region of the same priority overlaps.</exception>
    IRegionMapping Map(MemoryRegion region, ulong address, int priority = 0);

    /// <summary>Delays the rebuilding of the flat view until the returned scope is disposed: several moves become one transaction.</summary>
    IDisposable BeginChange();

    /// <summary>Who would answer at <paramref name="address"/>, with everything that lost against it.</summary>
    AddressDecode Decode(ulong address, bool write = false);

    /// <summary>The flat view in ascending order, holes left out.</summary>
    IReadOnlyList<FlatRange> GetFlatView(bool write = false);

    /// <summary>Lays an area's policy over a range of this space.</summary>
    void AddArea(FirmwareArea area);

    /// <summary>The smallest area that covers <paramref name="address"/>, or null.</summary>
    FirmwareArea? AreaAt(ulong address);

    /// <summary>All areas, in the order in which they were added.</summary>
    IReadOnlyList<FirmwareArea> Areas { get; }

    /// <summary>Asks for the bus: <paramref name="work"/> runs at the next point at which another master may come in, between two transactions.</summary>
    /// <param name="master">Who asks.</param>
    /// <param name="work">The transactions of the master, run once.</param>
    void RequestBus(BusMaster master, Action work);

    /// <summary>Runs the requests that wait for the bus, as happens between two transactions.</summary>
    void GrantBus();
}
