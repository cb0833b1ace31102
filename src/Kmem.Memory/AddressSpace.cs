using System.Runtime.CompilerServices;
using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>An address space: mappings become flat views, the bus makes the rules, the fabric moves the data.</summary>
public sealed partial class AddressSpace : IAddressSpace, IBusFabric
{
    private readonly ulong _lastAddress;
    private readonly bool _readsDirectly;
    private readonly bool _writesDirectly;
    private readonly ulong _alignmentMask;
    private readonly List<FirmwareArea> _areas = [];
    private readonly Queue<(BusMaster Master, Action Work)> _waiting = new();
    private FlatView _reads;
    private FlatView _writes;

    /// <summary>Creates an empty space.</summary>
    /// <param name="name">Its name in the machine.</param>
    /// <param name="width">Number of address bits, 1..63.</param>
    /// <param name="bus">The bus that rules it.</param>
    public AddressSpace(string name, int width, Bus bus)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(width, 1);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(width, 63);
        (Name, Width, Bus) = (name, width, bus);
        _lastAddress = (1UL << width) - 1;
        _readsDirectly = bus.ReadsMemoryDirectly;
        _writesDirectly = bus.WritesMemoryDirectly;
        _alignmentMask = bus.TakesUnaligned ? 0 : ulong.MaxValue;
        _reads = _writes = ViewBuilder.Build([], _lastAddress, write: false, _areas);
    }

    /// <inheritdoc/>
    public event Action<AddressSpaceChange>? Changed;

    /// <summary>Raised when a partial write stored back bytes that another master had changed in between.</summary>
    public event Action<BusHazard>? HazardDetected;

    /// <summary>Told of every write to memory that goes through this space, with host address and length in bytes; not of stores that a CPU makes by a host pointer.</summary>
    public Action<nint, long>? MemoryWritten { get; set; }

    /// <inheritdoc/>
    public string Name { get; }

    /// <inheritdoc/>
    public int Width { get; }

    /// <summary>Last address.</summary>
    public ulong LastAddress => _lastAddress;

    /// <inheritdoc/>
    public uint Generation { get; private set; }

    /// <inheritdoc/>
    public Bus Bus { get; }

    /// <inheritdoc/>
    public IBusObserver? Observer { get; set; }

    /// <inheritdoc/>
    public IReadOnlyList<FirmwareArea> Areas => _areas;

    IAddressSpace IBusFabric.Space => this;

    /// <inheritdoc/>
    public AccessResult Read(ulong address, int width, out ulong value, in AccessAttributes attributes)
    {
        if (_readsDirectly && address <= _lastAddress && Observer is null && (address & (ulong)(width - 1) & _alignmentMask) == 0)
        {
            ref FlatEntry entry = ref _reads.Entries[_reads.Find(address)];
            if (entry.Pointer != 0 && !entry.IsGuarded && entry.Last - address >= (ulong)(width - 1))
            {
                value = Load(entry.Pointer + (nint)(address - entry.Start), width);
                return AccessResult.Ok;
            }
        }

        return Bus.Read(this, address, width, out value, attributes);
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong address, int width, ulong value, in AccessAttributes attributes)
    {
        if (_writesDirectly && address <= _lastAddress && Observer is null && !attributes.IsDebug)
        {
            ref FlatEntry entry = ref _writes.Entries[_writes.Find(address)];
            if (entry.Pointer != 0 && !entry.IsGuarded && entry.Last - address >= (ulong)(width - 1))
            {
                Store(entry.Pointer + (nint)(address - entry.Start), width, value);
                MemoryWritten?.Invoke(entry.Pointer + (nint)(address - entry.Start), width);
                return AccessResult.Ok;
            }
        }

        return Bus.Write(this, address, width, value, attributes);
    }

    /// <inheritdoc/>
    public AccessResult Modify(ulong address, ulong value, ulong mask, in AccessAttributes attributes) => Bus.Modify(this, address & ~7UL, value, mask, attributes);

    /// <inheritdoc/>
    public BusTarget Locate(ulong address, bool write)
    {
        if (address > _lastAddress)
        {
            return new BusTarget(BusTargetKind.None, -1, address, ulong.MaxValue - address + 1 is 0 ? ulong.MaxValue : ulong.MaxValue - address);
        }

        FlatView view = write ? _writes : _reads;
        int index = view.Find(address);
        ref FlatEntry entry = ref view.Entries[index];
        return new BusTarget(entry.Kind, index, address, entry.Last - address + 1);
    }

    AccessResult IBusFabric.Read(in BusTarget target, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (target.Index < 0 || target.Index >= _reads.Entries.Length)
        {
            return AccessResult.DecodeError;
        }

        ref FlatEntry entry = ref _reads.Entries[target.Index];
        ulong delta = target.Address - entry.Start;
        if (entry.IsGuarded && !Allows(target.Address, width, AreaRights.Read, attributes.Master))
        {
            return AccessResult.DeviceError;
        }

        switch (entry.Kind)
        {
            case BusTargetKind.Memory:
                value = Load(entry.Pointer + (nint)delta, width);
                return AccessResult.Ok;
            case BusTargetKind.Mmio:
                return entry.Handler!.Read(entry.Offset + delta, width, out value, attributes);
            case BusTargetKind.Window:
                return WindowAccess.Read((WindowRegion)entry.Region!, entry.Offset + delta, width, out value, attributes);
            default:
                return AccessResult.DecodeError;
        }
    }

    AccessResult IBusFabric.Write(in BusTarget target, int width, ulong value, in AccessAttributes attributes)
    {
        if (target.Index < 0 || target.Index >= _writes.Entries.Length)
        {
            return AccessResult.DecodeError;
        }

        ref FlatEntry entry = ref _writes.Entries[target.Index];
        ulong delta = target.Address - entry.Start;
        if (entry.IsGuarded && !Allows(target.Address, width, AreaRights.Write, attributes.Master))
        {
            return AccessResult.ReadOnly;
        }

        switch (entry.Kind)
        {
            case BusTargetKind.Memory:
                Store(entry.Pointer + (nint)delta, width, value);
                MemoryWritten?.Invoke(entry.Pointer + (nint)delta, width);
                return AccessResult.Ok;
            case BusTargetKind.Mmio:
                return attributes.IsDebug ? AccessResult.Ok : entry.Handler!.Write(entry.Offset + delta, width, value, attributes);
            case BusTargetKind.Window:
                return WindowAccess.Write((WindowRegion)entry.Region!, entry.Offset + delta, width, value, attributes);
            case BusTargetKind.ReadOnly:
                return WriteRom((RomRegion)entry.Region!, entry.Offset + delta, width, value);
            default:
                return AccessResult.DecodeError;
        }
    }

    /// <inheritdoc/>
    public BusMaster? LastGranted { get; private set; }

    /// <inheritdoc/>
    public void Report(in BusTransaction transaction) => Observer?.OnTransaction(transaction);

    /// <inheritdoc/>
    public void ReportHazard(in BusHazard hazard) => HazardDetected?.Invoke(hazard);

    /// <inheritdoc/>
    public void RequestBus(BusMaster master, Action work) => _waiting.Enqueue((master, work));

    /// <inheritdoc/>
    public void Grant() => GrantBus();

    /// <inheritdoc/>
    public void GrantBus()
    {
        // Requests made while another one runs wait for the next grant, so that two eager masters can't hold the bus for ever.
        LastGranted = null;
        for (int left = _waiting.Count; left > 0; left--)
        {
            (BusMaster master, Action work) = _waiting.Dequeue();
            work();
            LastGranted = master;
        }
    }

    /// <inheritdoc/>
    public void AddArea(FirmwareArea area)
    {
        using IDisposable change = BeginChange();
        _areas.Add(area);
        MarkChanged();
    }

    /// <inheritdoc/>
    public FirmwareArea? AreaAt(ulong address)
    {
        FirmwareArea? best = null;
        foreach (FirmwareArea area in _areas)
        {
            if (address >= area.Start && address <= area.Last && (best is null || area.Last - area.Start < best.Last - best.Start))
            {
                best = area;
            }
        }

        return best;
    }

    private static AccessResult WriteRom(RomRegion rom, ulong offset, int width, ulong value)
    {
        if (rom.OnWrite == RomWrite.Report)
        {
            rom.Report?.Invoke(offset, width, value);
        }

        return rom.OnWrite == RomWrite.Refuse ? AccessResult.ReadOnly : AccessResult.Ok;
    }

    private bool Allows(ulong address, int width, AreaRights right, BusMaster master)
    {
        // The policies of both ends count; an access is no longer than the smallest area that makes sense.
        return ((AreaAt(address)?.RightsOf(master.Kind) ?? AreaRights.All) & right) != 0
            && ((AreaAt(address + (ulong)(width - 1))?.RightsOf(master.Kind) ?? AreaRights.All) & right) != 0;
    }

    /// <summary>Reads guest memory; the pointer holds for <paramref name="width"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe ulong Load(nint pointer, int width) => width switch
    {
        1 => *(byte*)pointer,
        2 => Unsafe.ReadUnaligned<ushort>((void*)pointer),
        4 => Unsafe.ReadUnaligned<uint>((void*)pointer),
        8 => Unsafe.ReadUnaligned<ulong>((void*)pointer),
        _ => throw new ArgumentOutOfRangeException(nameof(width), width, "An access is 1, 2, 4 or 8 bytes wide."),
    };

    /// <summary>Writes guest memory; the pointer holds for <paramref name="width"/> bytes.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static unsafe void Store(nint pointer, int width, ulong value)
    {
        switch (width)
        {
            case 1:
                *(byte*)pointer = (byte)value;
                break;
            case 2:
                Unsafe.WriteUnaligned((void*)pointer, (ushort)value);
                break;
            case 4:
                Unsafe.WriteUnaligned((void*)pointer, (uint)value);
                break;
            case 8:
                Unsafe.WriteUnaligned((void*)pointer, value);
                break;
            default:
                throw new ArgumentOutOfRangeException(nameof(width), width, "An access is 1, 2, 4 or 8 bytes wide.");
        }
    }
}
