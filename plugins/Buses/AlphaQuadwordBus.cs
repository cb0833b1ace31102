using Kmem.Abstractions;

namespace Kmem.Plugins.Buses;

/// <summary>Words for what becomes of a write narrower than the bus.</summary>
public enum PartialWord
{
    /// <summary>Load, merge, store: two cycles that nobody protects.</summary>
    Rmw,

    /// <summary>An error.</summary>
    Error,
}

/// <summary>Options of <c>bus.alpha-quadword</c>.</summary>
/// <param name="Word">Width of the bus in bytes; 8 is the only one.</param>
/// <param name="Partial">What becomes of a write of less than a quadword to memory.</param>
/// <param name="Unmapped">What happens where nobody answers.</param>
/// <param name="Mmio">Widths that registers take.</param>
public sealed record AlphaQuadwordBusOptions(int Word = 8, PartialWord Partial = PartialWord.Rmw, UnmappedOptions? Unmapped = null, MmioOptions? Mmio = null);

/// <summary>A bus on which aligned quadwords travel.</summary>
/// <remarks>
/// A narrower write to memory is a load, a merge and a store; another master may come in between, and its change is then lost.
/// Source: Tru64 UNIX kmem(7), RESTRICTIONS; Alpha Architecture Reference Manual, section 4.2 (no byte stores on the bus).
/// </remarks>
[Bus("bus.alpha-quadword")]
public sealed class AlphaQuadwordBus : Bus
{
    private readonly bool _refusesPartial;
    private readonly int _min;
    private readonly int _max;

    /// <summary>Creates the bus.</summary>
    public AlphaQuadwordBus(AlphaQuadwordBusOptions options)
    {
        if (options.Word != 8)
        {
            throw new MachineException($"A quadword bus moves 8 bytes, not {options.Word}.") { Option = "word" };
        }

        MmioOptions mmio = options.Mmio ?? new MmioOptions(Min: 8, Max: 8, MisalignedWord.MachineCheck);
        Unmapped = (options.Unmapped ?? new UnmappedOptions(UnmappedReadWord.MachineCheck, UnmappedWriteWord.MachineCheck)).Policy;
        (_min, _max) = (mmio.Min, mmio.Max);
        _refusesPartial = options.Partial == PartialWord.Error;
    }

    /// <inheritdoc/>
    public override UnmappedPolicy Unmapped { get; }

    /// <inheritdoc/>
    public override int WordBytes => 8;

    /// <inheritdoc/>
    public override bool TakesUnaligned => false;

    /// <summary>Reading memory moves whole quadwords whatever the master asks for, so nobody can tell the difference.</summary>
    public override bool ReadsMemoryDirectly => true;

    /// <inheritdoc/>
    public override AccessResult Read(IBusFabric fabric, ulong address, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (Crosses(address, width))
        {
            return AccessResult.Misaligned;
        }

        BusTarget target = fabric.Locate(address, write: false);
        AccessResult result;
        if (target.Kind == BusTargetKind.Memory)
        {
            result = Quadword(fabric, address, BusCycle.Read, out ulong whole, attributes);
            value = (whole >> Lane(address)) & Mask(width);
            return result;
        }

        result = target.Kind == BusTargetKind.Mmio && !TakesWidth(width) ? AccessResult.Misaligned : fabric.Read(target, width, out value, attributes);
        if (result == AccessResult.DecodeError && target.Kind != BusTargetKind.Window)
        {
            result = Unmapped.ReadValue(width, out value);
        }

        Report(fabric, BusCycle.Read, address, width, value, result, target.Kind, attributes);
        return result;
    }

    /// <inheritdoc/>
    public override AccessResult Write(IBusFabric fabric, ulong address, int width, ulong value, in AccessAttributes attributes)
    {
        if (Crosses(address, width))
        {
            return AccessResult.Misaligned;
        }

        BusTarget target = fabric.Locate(address, write: true);
        if (target.Kind == BusTargetKind.Memory && width < 8)
        {
            return _refusesPartial
                ? AccessResult.Misaligned
                : Modify(fabric, address & ~7UL, value << Lane(address), Mask(width) << Lane(address), attributes);
        }

        AccessResult result = target.Kind == BusTargetKind.Mmio && !TakesWidth(width)
            ? AccessResult.Misaligned
            : fabric.Write(target, width, value & Mask(width), attributes);
        if (result == AccessResult.DecodeError && target.Kind != BusTargetKind.Window)
        {
            result = Unmapped.WriteResult;
        }

        Report(fabric, BusCycle.Write, address, width, value & Mask(width), result, target.Kind, attributes);
        return result;
    }

    /// <inheritdoc/>
    public override AccessResult Modify(IBusFabric fabric, ulong address, ulong value, ulong mask, in AccessAttributes attributes)
    {
        // A master without the right to write must not even cause the load.
        if (fabric.Space.AreaAt(address) is { } area && (area.RightsOf(attributes.Master.Kind) & AreaRights.Write) == 0)
        {
            return AccessResult.ReadOnly;
        }

        if (fabric.Locate(address, write: true).Kind == BusTargetKind.Mmio && !TakesWidth(8))
        {
            return AccessResult.Misaligned;
        }

        AccessResult result = Quadword(fabric, address, BusCycle.ModifyRead, out ulong loaded, attributes);
        if (result != AccessResult.Ok)
        {
            return result;
        }

        fabric.Grant();
        BusTarget target = fabric.Locate(address, write: true);
        ulong found = loaded;
        if (target.Kind == BusTargetKind.Memory)
        {
            fabric.Read(fabric.Locate(address, write: false), 8, out found, new AccessAttributes(attributes.Master, IsDebug: true));
        }

        ulong stored = (loaded & ~mask) | (value & mask);
        result = fabric.Write(target, 8, stored, attributes);
        Report(fabric, BusCycle.ModifyWrite, address, 8, stored, result, target.Kind, attributes);
        if (result == AccessResult.Ok && found != loaded)
        {
            fabric.ReportHazard(new BusHazard(fabric.Space.Name, address, fabric.LastGranted, attributes.Master, loaded, found, stored));
        }

        return result;
    }

    private static bool Crosses(ulong address, int width) => (address & 7) + (ulong)width > 8 || (address & (ulong)(width - 1)) != 0;

    private static int Lane(ulong address) => 8 * (int)(address & 7);

    private static ulong Mask(int width) => ulong.MaxValue >> (64 - (8 * width));

    private static void Report(IBusFabric fabric, BusCycle cycle, ulong address, int width, ulong value, AccessResult result, BusTargetKind kind, in AccessAttributes attributes)
    {
        if (fabric.Space.Observer is not null)
        {
            fabric.Report(new BusTransaction(cycle, address, width, value, result, kind, attributes.Master));
        }
    }

    private static AccessResult Quadword(IBusFabric fabric, ulong address, BusCycle cycle, out ulong value, in AccessAttributes attributes)
    {
        BusTarget target = fabric.Locate(address & ~7UL, write: false);
        AccessResult result = fabric.Read(target, 8, out value, attributes);
        Report(fabric, cycle, address & ~7UL, 8, value, result, target.Kind, attributes);
        return result;
    }

    private bool TakesWidth(int width) => width >= _min && width <= _max;
}
