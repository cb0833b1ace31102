using Kmem.Abstractions;

namespace Kmem.Plugins.Buses;

/// <summary>Options of <c>bus.flat</c>.</summary>
/// <param name="Word">Natural width of the bus in bytes: 1, 2, 4 or 8.</param>
/// <param name="Unmapped">What happens where nobody answers.</param>
public sealed record FlatBusOptions(int Word = 8, UnmappedOptions? Unmapped = null);

/// <summary>A bus on which every byte can be moved alone, as in a PC.</summary>
/// <param name="options">The options.</param>
[Bus("bus.flat")]
public sealed class FlatBus(FlatBusOptions options) : SplittingBus(options.Word, (options.Unmapped ?? new UnmappedOptions()).Policy);

/// <summary>Options of <c>bus.x86-ports</c>.</summary>
/// <param name="Word">Widest port cycle in bytes: 1, 2 or 4.</param>
/// <param name="Unmapped">What happens where nobody answers.</param>
public sealed record PortBusOptions(int Word = 4, UnmappedOptions? Unmapped = null);

/// <summary>The port space of a PC: 64 Ki ports; a cycle wider than its device or off its alignment becomes several, as on the ISA bus.</summary>
/// <param name="options">The options.</param>
[Bus("bus.x86-ports")]
public sealed class PortBus(PortBusOptions options) : SplittingBus(options.Word, (options.Unmapped ?? new UnmappedOptions()).Policy);
