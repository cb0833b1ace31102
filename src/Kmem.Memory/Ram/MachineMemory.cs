using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>A part of a RAM block and its place in the main address space.</summary>
/// <param name="BlockOffset">Offset in the block, in bytes.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="PhysicalAddress">Address in the main space; null for memory that lies nowhere there.</param>
public readonly record struct RamPlacement(ulong BlockOffset, ulong Length, ulong? PhysicalAddress);

/// <summary>All memory of a machine: RAM in one sparse file at its physical addresses, the rest in a second one.</summary>
/// <remarks>
/// The file can be mapped by a traced program or handed to FUSE, and shares its pages with the simulator. Untouched pages cost nothing.
/// </remarks>
public sealed class MachineMemory : IDisposable
{
    private const ulong Page = 4096;

    private readonly List<RamBlock> _blocks = [];
    private readonly int _ram;
    private readonly int _auxiliary;
    private ulong _ramEnd;
    private ulong _auxiliaryEnd;

    /// <summary>Creates the memory of a machine that has none yet.</summary>
    /// <param name="machine">Name of the machine, shown by the host in its list of open files.</param>
    public MachineMemory(string machine)
    {
        string name = new([.. machine.Where(c => char.IsAsciiLetterOrDigit(c) || c == '-').Take(100)]);
        _ram = HostMemory.CreateFile($"kmem-{name}-ram");
        _auxiliary = HostMemory.CreateFile($"kmem-{name}-aux");
    }

    /// <summary>The file with RAM at its physical addresses, or -1 where the host has no such files.</summary>
    public int RamFile => _ram;

    /// <summary>The blocks in the order of their creation.</summary>
    public IReadOnlyList<IRamBlock> Blocks => _blocks;

    /// <summary>Creates a block of memory filled with zeros.</summary>
    /// <param name="name">Name of the owner, for messages.</param>
    /// <param name="length">Length in bytes.</param>
    /// <param name="placements">Where parts of it lie in the main space; parts that are not named lie nowhere there.</param>
    /// <exception cref="MachineException">The host can't give the memory.</exception>
    public IRamBlock Allocate(string name, ulong length, IReadOnlyList<RamPlacement> placements)
    {
        ulong rounded = (length + Page - 1) & ~(Page - 1);
        if (length == 0 || rounded < length || rounded > 1UL << 46)
        {
            throw new MachineException($"'{name}' wants {length} bytes of memory; this host can map between 1 byte and 64 TiB.");
        }

        nint pointer = HostMemory.Reserve((nuint)rounded);
        if (pointer == -1)
        {
            throw new MachineException($"The host can't give '{name}' {length} bytes of address space: {HostMemory.LastError()}.");
        }

        var block = new RamBlock(name, length, rounded, pointer);
        _blocks.Add(block);
        if (_ram >= 0 && _auxiliary >= 0)
        {
            foreach (RamPlacement part in Parts(length, rounded, placements))
            {
                Back(block, part);
            }
        }
        else
        {
            block.Add(new RamExtent(0, length, -1, 0));
        }

        return block;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (RamBlock block in _blocks)
        {
            block.Release();
        }

        _blocks.Clear();
        if (_ram >= 0)
        {
            _ = HostMemory.Close(_ram);
        }

        if (_auxiliary >= 0)
        {
            _ = HostMemory.Close(_auxiliary);
        }
    }

    /// <summary>Cuts a block into parts with and without a physical address; a part that can't lie on a page boundary has none.</summary>
    private static List<RamPlacement> Parts(ulong length, ulong rounded, IReadOnlyList<RamPlacement> placements)
    {
        var parts = new List<RamPlacement>();
        ulong next = 0;
        foreach (RamPlacement placed in placements.Where(p => p.PhysicalAddress is not null && p.Length > 0).OrderBy(p => p.BlockOffset))
        {
            bool usable = placed.BlockOffset >= next && placed.BlockOffset % Page == 0 && placed.PhysicalAddress!.Value % Page == 0
                && placed.BlockOffset < length && placed.PhysicalAddress.Value < 1UL << 62;
            if (!usable)
            {
                continue;
            }

            if (placed.BlockOffset > next)
            {
                parts.Add(new RamPlacement(next, placed.BlockOffset - next, null));
            }

            ulong end = Math.Min((placed.BlockOffset + placed.Length + Page - 1) & ~(Page - 1), rounded);
            parts.Add(placed with { Length = end - placed.BlockOffset });
            next = end;
        }

        if (next < rounded)
        {
            parts.Add(new RamPlacement(next, rounded - next, null));
        }

        return parts;
    }

    private void Back(RamBlock block, RamPlacement part)
    {
        // Two banks at one address: the second lies elsewhere, for sharing their pages would be wrong.
        bool isPhysical = part.PhysicalAddress is { } address && !_blocks.Exists(b => b.Extents.Any(e =>
            e.FileDescriptor == _ram && address < e.FileOffset + e.Length && e.FileOffset < address + part.Length));
        ulong offset = isPhysical ? part.PhysicalAddress!.Value : _auxiliaryEnd;
        int file = isPhysical ? _ram : _auxiliary;
        ulong end = offset + part.Length;
        ref ulong length = ref isPhysical ? ref _ramEnd : ref _auxiliaryEnd;
        if (end > length)
        {
            if (HostMemory.Truncate(file, (long)end) != 0)
            {
                throw new MachineException($"The host can't grow the memory of '{block.Name}' to {end} bytes: {HostMemory.LastError()}.");
            }

            length = end;
        }

        nint at = block.Pointer + (nint)part.BlockOffset;
        if (HostMemory.Map(at, (nuint)part.Length, HostMemory.ProtReadWrite, HostMemory.MapShared | HostMemory.MapFixed | HostMemory.MapNoReserve, file, (long)offset) != at)
        {
            throw new MachineException($"The host can't map {part.Length} bytes for '{block.Name}': {HostMemory.LastError()}.");
        }

        block.Add(new RamExtent(part.BlockOffset, part.Length, file, offset));
    }

    private sealed class RamBlock(string name, ulong length, ulong mapped, nint pointer) : IRamBlock
    {
        private readonly List<RamExtent> _extents = [];

        public string Name { get; } = name;

        public ulong Length { get; } = length;

        public nint Pointer { get; private set; } = pointer;

        public IReadOnlyList<RamExtent> Extents => _extents;

        public void Add(RamExtent extent) => _extents.Add(extent);

        public void Release()
        {
            if (Pointer != 0)
            {
                _ = HostMemory.Unmap(Pointer, (nuint)mapped);
                Pointer = 0;
            }
        }
    }
}
