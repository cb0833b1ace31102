using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>One piece of a flat view as the hot path reads it; holes are pieces too, so every address has exactly one.</summary>
internal struct FlatEntry
{
    /// <summary>First address.</summary>
    public ulong Start;

    /// <summary>Last address.</summary>
    public ulong Last;

    /// <summary>Offset of <see cref="Start"/> in the region.</summary>
    public ulong Offset;

    /// <summary>Host address of the byte at <see cref="Start"/>, 0 when there is none.</summary>
    public nint Pointer;

    /// <summary>Answers the accesses of a register region.</summary>
    public IRegionHandler? Handler;

    /// <summary>The region; null for a hole.</summary>
    public MemoryRegion? Region;

    /// <summary>The mapping through which it got here.</summary>
    public RegionMapping? Mapping;

    /// <summary>What stands there.</summary>
    public BusTargetKind Kind;

    /// <summary>True when an area restricts some master here.</summary>
    public bool IsGuarded;
}
