namespace Kmem.Abstractions;

/// <summary>Something that can be put at an address: RAM, ROM, registers, a window, a container.</summary>
public abstract class MemoryRegion
{
    /// <summary>Creates a region.</summary>
    /// <param name="name">Name in maps, for example <c>com1</c> or <c>vga.vram</c>.</param>
    /// <param name="length">Length in bytes, 1..2^63.</param>
    /// <exception cref="ArgumentOutOfRangeException">The length is 0 or above 2^63.</exception>
    protected MemoryRegion(string name, ulong length)
    {
        ArgumentOutOfRangeException.ThrowIfZero(length);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(length, 1UL << 63);
        (Name, Length) = (name, length);
    }

    /// <summary>Name in maps and traces.</summary>
    public string Name { get; set; }

    /// <summary>Length in bytes, 1..2^63.</summary>
    public ulong Length { get; }
}

/// <summary>Answers accesses to a register region; offsets count from the region's first byte.</summary>
public interface IRegionHandler
{
    /// <summary>Reads 1, 2, 4 or 8 bytes, little endian.</summary>
    AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes);

    /// <summary>Writes 1, 2, 4 or 8 bytes, little endian.</summary>
    AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes);
}

/// <summary>Registers: every access goes to a handler.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="length">Length in bytes.</param>
/// <param name="handler">Answers the accesses.</param>
/// <param name="minWidth">Narrowest access that the handler takes, in bytes; a bus that splits or merges goes by it.</param>
/// <param name="maxWidth">Widest access that the handler takes, in bytes; wider ones are split by a bus that splits.</param>
public sealed class MmioRegion(string name, ulong length, IRegionHandler handler, int minWidth = 1, int maxWidth = 8) : MemoryRegion(name, length)
{
    /// <summary>Answers the accesses.</summary>
    public IRegionHandler Handler { get; } = handler;

    /// <summary>Narrowest access that the handler takes, in bytes.</summary>
    public int MinWidth { get; } = minWidth;

    /// <summary>Widest access that the handler takes, in bytes.</summary>
    public int MaxWidth { get; } = maxWidth;
}

/// <summary>Memory of the machine, backed by pages that the host shares with mappings and with traced programs.</summary>
public interface IRamBlock
{
    /// <summary>Name of the owner, for messages.</summary>
    string Name { get; }

    /// <summary>Length in bytes.</summary>
    ulong Length { get; }

    /// <summary>Host address of the first byte; the whole block is contiguous there.</summary>
    nint Pointer { get; }

    /// <summary>Pieces of the backing file, in block order.</summary>
    IReadOnlyList<RamExtent> Extents { get; }
}

/// <summary>A piece of a RAM block in the machine's backing file.</summary>
/// <param name="BlockOffset">Offset in the block, in bytes.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="FileDescriptor">The memfd, or -1 where the memory is anonymous.</param>
/// <param name="FileOffset">Offset in the memfd, in bytes; the physical address for a RAM bank.</param>
public readonly record struct RamExtent(ulong BlockOffset, ulong Length, int FileDescriptor, ulong FileOffset);

/// <summary>RAM.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="block">The memory.</param>
public sealed class RamRegion(string name, IRamBlock block) : MemoryRegion(name, block.Length)
{
    /// <summary>The memory.</summary>
    public IRamBlock Block { get; } = block;
}

/// <summary>What becomes of a write into ROM.</summary>
public enum RomWrite
{
    /// <summary>The data vanish, as on a PC.</summary>
    Ignore,

    /// <summary>The data vanish and the machine's log says so.</summary>
    Report,

    /// <summary>The access ends with <see cref="AccessResult.ReadOnly"/>.</summary>
    Refuse,
}

/// <summary>Memory that a bus write does not change.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="block">The memory.</param>
/// <param name="onWrite">What becomes of a write.</param>
/// <param name="report">Called with offset, width and value when <paramref name="onWrite"/> is <see cref="RomWrite.Report"/>.</param>
public sealed class RomRegion(string name, IRamBlock block, RomWrite onWrite = RomWrite.Ignore, Action<ulong, int, ulong>? report = null) : MemoryRegion(name, block.Length)
{
    /// <summary>The memory.</summary>
    public IRamBlock Block { get; } = block;

    /// <summary>What becomes of a write.</summary>
    public RomWrite OnWrite { get; } = onWrite;

    /// <summary>Called with offset, width and value of a write that is to be reported.</summary>
    public Action<ulong, int, ulong>? Report { get; } = report;
}

/// <summary>A part of another region, seen at a second place.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="target">The region seen.</param>
/// <param name="offset">First byte of <paramref name="target"/> that is seen.</param>
/// <param name="length">Length in bytes.</param>
public sealed class AliasRegion(string name, MemoryRegion target, ulong offset, ulong length) : MemoryRegion(name, length)
{
    /// <summary>The region seen.</summary>
    public MemoryRegion Target { get; } = target;

    /// <summary>First byte of the target that is seen.</summary>
    public ulong Offset { get; } = offset;
}

/// <summary>How a window turns its addresses into those of the space behind it.</summary>
public enum WindowKind
{
    /// <summary>Address plus a constant.</summary>
    Dense,

    /// <summary>2117x style: byte offset and length of the access travel in low address bits.</summary>
    Sparse,
}

/// <summary>A range of one space behind which stands another space, with the bus and the holes of that other space.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="target">The space behind.</param>
/// <param name="targetAddress">Address there of the window's first byte.</param>
/// <param name="length">Length of the window in bytes.</param>
public sealed class WindowRegion(string name, IAddressSpace target, ulong targetAddress, ulong length) : MemoryRegion(name, length)
{
    /// <summary>The space behind.</summary>
    public IAddressSpace Target { get; } = target;

    /// <summary>Address in the target of the window's first byte.</summary>
    public ulong TargetAddress { get; } = targetAddress;

    /// <summary>How addresses are turned.</summary>
    public WindowKind Kind { get; init; }

    /// <summary>For a sparse window: number of low bits that carry offset and length, 5 on the 2117x.</summary>
    public int Shift { get; init; } = 5;

    /// <summary>Bits of the turned address that reach the target; the others are cut, which mirrors.</summary>
    public ulong Mask { get; init; } = ulong.MaxValue;

    /// <summary>True when a hole behind the window lets regions of lower priority answer; else a hole is a hole.</summary>
    public bool Fallthrough { get; init; }
}

/// <summary>A region made of others, with priorities that count only inside it.</summary>
/// <param name="name">Name in maps.</param>
/// <param name="length">Length in bytes.</param>
public sealed class ContainerRegion(string name, ulong length) : MemoryRegion(name, length)
{
    private readonly List<ContainerEntry> _entries = [];

    /// <summary>What lies in the container.</summary>
    public IReadOnlyList<ContainerEntry> Entries => _entries;

    /// <summary>Puts <paramref name="region"/> at <paramref name="offset"/>, before the container itself is mapped.</summary>
    public ContainerRegion Add(MemoryRegion region, ulong offset, int priority = 0)
    {
        _entries.Add(new ContainerEntry(region, offset, priority));
        return this;
    }
}

/// <summary>One region inside a container.</summary>
/// <param name="Region">The region.</param>
/// <param name="Offset">Its first byte in the container.</param>
/// <param name="Priority">Signed; the higher one wins where two overlap.</param>
public sealed record ContainerEntry(MemoryRegion Region, ulong Offset, int Priority);
