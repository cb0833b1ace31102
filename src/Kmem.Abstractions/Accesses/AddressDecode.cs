namespace Kmem.Abstractions;

/// <summary>One piece of a flat view: the bytes from <paramref name="Start"/> to <paramref name="Last"/> belong to one region.</summary>
/// <param name="Start">First address in the space.</param>
/// <param name="Last">Last address in the space.</param>
/// <param name="Region">The region that answers.</param>
/// <param name="Offset">Offset of <paramref name="Start"/> in the region, in bytes.</param>
/// <param name="Mapping">The mapping through which it got here.</param>
public sealed record FlatRange(ulong Start, ulong Last, MemoryRegion Region, ulong Offset, IRegionMapping Mapping);

/// <summary>One candidate for an address, winner or loser.</summary>
/// <param name="Space">The space in which the step was taken.</param>
/// <param name="Address">The address in that space.</param>
/// <param name="Mapping">The mapping that covers the address.</param>
/// <param name="Offset">Offset in the mapped region, in bytes.</param>
/// <param name="Wins">True for the mapping that answers.</param>
/// <param name="Reason">Why it wins or loses, in words.</param>
public sealed record DecodeStep(IAddressSpace Space, ulong Address, IRegionMapping Mapping, ulong Offset, bool Wins, string Reason);

/// <summary>Who answers at an address: the whole chain through windows, losers included.</summary>
/// <param name="Steps">Every candidate in the order in which it was considered.</param>
/// <param name="Region">The region that answers in the end; null when nobody does.</param>
/// <param name="Offset">Offset in that region, in bytes.</param>
public sealed record AddressDecode(IReadOnlyList<DecodeStep> Steps, MemoryRegion? Region, ulong Offset);
