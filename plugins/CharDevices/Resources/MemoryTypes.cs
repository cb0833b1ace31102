using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Resources;

/// <summary>Memory type of a mapping.</summary>
internal enum MemoryType : byte
{
    /// <summary>Write-back.</summary>
    WriteBack,

    /// <summary>Uncached, unless a range register says write-combining.</summary>
    UncachedMinus,
}

/// <summary>The memory types that living mappings have reserved: two mappings of one page may not disagree.</summary>
/// <remarks>
/// Source: Linux 6.1 arch/x86/mm/pat/memtype.c and the recorded conflicts. A request takes the type of what is reserved already;
/// a request for uncached memory may not become write-back, the other way round is fine. The first MiB is not tracked.
/// </remarks>
internal sealed class MemoryTypes
{
    private const ulong Untracked = 1 << 20;

    private readonly List<Reservation> _reservations = [];
    private readonly PageRuns<MemoryType> _registers = new(MemoryType.WriteBack);
    private readonly bool _isTracking;

    /// <summary>Creates the table of a kernel.</summary>
    public MemoryTypes(KernelProfile profile, FlavourOptions options, KernelResources resources)
    {
        _isTracking = profile.HasPageAttributes;
        if (options.Mtrr is { } rows)
        {
            foreach (MemoryTypeRow row in rows)
            {
                _registers.Set(row.Range.Start, row.Range.Last, row.Type is "write-back" ? MemoryType.WriteBack : MemoryType.UncachedMinus);
            }
        }
        else
        {
            // PC firmware makes what it leaves to PCI below 4 GiB uncached: from 2, 3 or 3.5 GiB, whichever RAM leaves free.
            ulong hole = resources.EndOfLowRam <= 0x8000_0000 ? 0x8000_0000 : resources.EndOfLowRam <= 0xC000_0000 ? 0xC000_0000 : 0xE000_0000UL;
            _registers.Set(hole, uint.MaxValue, MemoryType.UncachedMinus);
        }
    }

    /// <summary>Reserves a range for one mapping.</summary>
    /// <param name="range">Physical addresses.</param>
    /// <param name="wantsUncached">Whether the descriptor asks for uncached memory.</param>
    /// <param name="reservation">What to give back when the mapping ends; null where nothing is tracked.</param>
    /// <returns>False when a living mapping has another type.</returns>
    public bool TryReserve(AddressRange range, bool wantsUncached, out Reservation? reservation)
    {
        reservation = null;
        if (!_isTracking || range.Last < Untracked)
        {
            return true;
        }

        MemoryType wanted = wantsUncached || !IsWriteBack(range) ? MemoryType.UncachedMinus : MemoryType.WriteBack;
        MemoryType given = wanted;
        bool isFirst = true;
        foreach (Reservation other in _reservations.Where(r => r.Range.Overlaps(range)))
        {
            if (!isFirst && other.Type != given)
            {
                return false;
            }

            (given, isFirst) = (other.Type, false);
        }

        if (wanted == MemoryType.UncachedMinus && given == MemoryType.WriteBack)
        {
            return false;
        }

        reservation = new Reservation(range, given);
        _reservations.Add(reservation);
        return true;
    }

    /// <summary>Gives a reservation back.</summary>
    public void Release(Reservation reservation) => _reservations.RemoveAll(r => ReferenceEquals(r, reservation));

    private bool IsWriteBack(AddressRange range)
    {
        for (ulong at = range.Start; ; at++)
        {
            if (_registers.Find(at, out at) != MemoryType.WriteBack)
            {
                return false;
            }

            if (at >= range.Last)
            {
                return true;
            }
        }
    }

    /// <summary>The memory type of one living mapping.</summary>
    /// <param name="range">Physical addresses.</param>
    /// <param name="type">Its type.</param>
    public sealed class Reservation(AddressRange range, MemoryType type)
    {
        /// <summary>Physical addresses.</summary>
        public AddressRange Range { get; } = range;

        /// <summary>Its type.</summary>
        public MemoryType Type { get; } = type;
    }
}
