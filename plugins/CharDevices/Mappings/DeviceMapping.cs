using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;

namespace Kmem.Plugins.CharDevices.Mappings;

/// <summary>A mapping of physical addresses: loads and stores go to the bus in their own widths.</summary>
/// <remarks>
/// A load that nobody answers leaves what the bus gives for it, all ones where the bus says machine check; Alpha Linux logs the machine
/// check and goes on after the instruction. A private mapping copies a page at the first store into it.
/// </remarks>
internal sealed class DeviceMapping : Mapping
{
    private readonly DriverEnvironment _environment;
    private readonly ulong _entryMask;

    /// <summary>Creates a mapping.</summary>
    public DeviceMapping(DriverEnvironment environment, ulong physical, ulong length, MappingRights rights)
        : base(environment.Profile, physical, length, rights)
    {
        _environment = environment;
        _entryMask = environment.Profile.TableEntryBits < 64 ? (1UL << environment.Profile.TableEntryBits) - 1 : ulong.MaxValue;
    }

    /// <inheritdoc/>
    public override IAddressSpace Space => _environment.Space;

    /// <inheritdoc/>
    protected override bool KeepsStores => !IsShared;

    /// <summary>A shared mapping through a writable descriptor is written back by the driver's fsync, which there is none of.</summary>
    public override Errno Sync() => WritesThrough ? Errno.EINVAL : Errno.None;

    /// <inheritdoc/>
    public override Errno Resident(Span<byte> pages)
    {
        pages.Clear();
        return Errno.None;
    }

    /// <inheritdoc/>
    protected override Errno GrowError(bool mayMove) => Errno.EFAULT;

    /// <summary>Device memory can be neither dropped nor paged, and fork copies it by rule.</summary>
    protected override Errno Advice(int advice)
    {
        const int Normal = 0, Random = 1, Sequential = 2, WillNeed = 3, DontFork = 10, DontDump = 16, KeepOnFork = 19;
        return advice is Normal or Random or Sequential or WillNeed or DontFork or DontDump or KeepOnFork ? Errno.None : Errno.EINVAL;
    }

    /// <inheritdoc/>
    protected override MappingFault LoadBehind(ulong offset, int width, out ulong value)
    {
        ulong address = Physical(offset);
        if (!NeedsFix(address, width))
        {
            return FaultOf(Space.Read(address, width, out value, _environment.Attributes));
        }

        ulong low = address & ~7UL, high = (address + (ulong)width - 1) & ~7UL, second = 0;
        int lane = 8 * (int)(address & 7);
        AccessResult result = Space.Read(low, 8, out ulong first, _environment.Attributes);
        if (result == AccessResult.Ok && high != low)
        {
            result = Space.Read(high, 8, out second, _environment.Attributes);
        }

        value = ((first >> lane) | (high != low ? second << (64 - lane) : 0)) & (ulong.MaxValue >> (64 - (8 * width)));
        return FaultOf(result);
    }

    /// <inheritdoc/>
    protected override MappingFault StoreBehind(ulong offset, int width, ulong value)
    {
        ulong address = Physical(offset);
        if (!NeedsFix(address, width))
        {
            return FaultOf(Space.Write(address, width, value, _environment.Attributes));
        }

        ulong low = address & ~7UL, high = (address + (ulong)width - 1) & ~7UL, lanes = ulong.MaxValue >> (64 - (8 * width));
        int lane = 8 * (int)(address & 7);
        AccessResult result = Merge(low, value << lane, lanes << lane);
        if (result == AccessResult.Ok && high != low)
        {
            result = Merge(high, value >> (64 - lane), lanes >> (64 - lane));
        }

        return FaultOf(result);
    }

    /// <inheritdoc/>
    protected override void FillPage(ulong offset, Span<byte> page) => _environment.Transfer.Read(Physical(offset), page);

    private ulong Physical(ulong offset) => (Offset + offset) & _entryMask;

    private bool NeedsFix(ulong address, int width) => Profile.FixesUnaligned && (address & (ulong)(width - 1)) != 0;

    private AccessResult Merge(ulong address, ulong value, ulong mask)
    {
        AccessResult result = Space.Read(address, 8, out ulong old, _environment.Attributes);
        return result == AccessResult.Ok ? Space.Write(address, 8, (old & ~mask) | (value & mask), _environment.Attributes) : result;
    }

    private MappingFault FaultOf(AccessResult result) => result switch
    {
        AccessResult.Ok or AccessResult.ReadOnly => MappingFault.None,
        _ => Profile.SurvivesMachineChecks ? MappingFault.MachineCheck : MappingFault.BusError,
    };
}
