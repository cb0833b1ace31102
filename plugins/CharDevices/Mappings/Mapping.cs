using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.Plugins.CharDevices.Mappings;

/// <summary>What all mappings have in common: bounds, protection page by page, and pages of their own.</summary>
/// <remarks>Source: Linux 6.1 mm/mprotect.c, mm/mremap.c, mm/msync.c, mm/madvise.c; recordings.</remarks>
internal abstract class Mapping : IMapping
{
    private readonly Dictionary<ulong, byte[]> _ownPages = [];
    private readonly PageRuns<MapProtection> _protections;
    private readonly MappingRights _rights;

    protected Mapping(KernelProfile profile, ulong offset, ulong length, MappingRights rights)
    {
        (Profile, Offset, Length, _rights) = (profile, offset, length, rights);
        _protections = new PageRuns<MapProtection>(rights.Protection);
    }

    /// <inheritdoc/>
    public ulong Length { get; private set; }

    /// <inheritdoc/>
    public ulong Offset { get; }

    /// <inheritdoc/>
    public abstract IAddressSpace? Space { get; }

    /// <inheritdoc/>
    public MapProtection Protection => _protections.Find(0, out _);

    /// <inheritdoc/>
    public bool IsShared => _rights.IsShared;

    /// <summary>Called once when the mapping ends.</summary>
    public Action? Released { get; set; }

    protected KernelProfile Profile { get; }

    /// <inheritdoc/>
    public MappingFault Load(ulong offset, int width, out ulong value)
    {
        value = 0;

        // A CPU that can write or execute a page can also read it.
        if (!Allows(offset, width, MapProtection.Read | MapProtection.Write | MapProtection.Execute))
        {
            return MappingFault.SegmentationFault;
        }

        return HasOwnPage(offset, width) ? LoadBytes(offset, width, out value) : LoadBehind(offset, width, out value);
    }

    /// <inheritdoc/>
    public MappingFault Store(ulong offset, int width, ulong value)
    {
        if (!Allows(offset, width, MapProtection.Write))
        {
            return MappingFault.SegmentationFault;
        }

        if (KeepsStores)
        {
            for (int i = 0; i < width; i++)
            {
                OwnPage(offset + (ulong)i)[InPage(offset + (ulong)i)] = (byte)(value >> (8 * i));
            }

            return MappingFault.None;
        }

        return StoreBehind(offset, width, value);
    }

    /// <inheritdoc/>
    public Errno Protect(ulong offset, ulong length, MapProtection protection)
    {
        if (InPage(offset) != 0)
        {
            return Errno.EINVAL;
        }

        ulong rounded = Round(length);
        if (rounded < length || offset > Length || rounded > Length - offset)
        {
            return Errno.ENOMEM;
        }

        if ((protection & MapProtection.Write) != 0 && !_rights.MayWrite)
        {
            return Errno.EACCES;
        }

        if (rounded > 0)
        {
            _protections.Set(offset >> Profile.PageShift, (offset + rounded - 1) >> Profile.PageShift, protection);
        }

        return Errno.None;
    }

    /// <inheritdoc/>
    public Errno Resize(ulong newLength, bool mayMove)
    {
        ulong rounded = Round(newLength);
        if (rounded == 0)
        {
            return Errno.EINVAL;
        }

        if (rounded > Length && GrowError(mayMove) is var error and not Errno.None)
        {
            return error;
        }

        Length = rounded;
        return Errno.None;
    }

    /// <inheritdoc/>
    public abstract Errno Sync();

    /// <inheritdoc/>
    public Errno Lock() => Errno.None;

    /// <inheritdoc/>
    public Errno Advise(int advice) => Profile.AdviseCalls ? Advice(advice) : Errno.ENOSYS;

    /// <inheritdoc/>
    public abstract Errno Resident(Span<byte> pages);

    /// <inheritdoc/>
    public void Dispose()
    {
        (Action? released, Released) = (Released, null);
        released?.Invoke();
    }

    /// <summary>Whether stores stay in pages of the mapping's own.</summary>
    protected abstract bool KeepsStores { get; }

    /// <summary>Whether the mapping descriptor was open for writing and stores reach the file.</summary>
    protected bool WritesThrough => _rights.IsShared && _rights.FileIsWritable;

    protected abstract MappingFault LoadBehind(ulong offset, int width, out ulong value);

    protected abstract MappingFault StoreBehind(ulong offset, int width, ulong value);

    /// <summary>Fills a new page with what stood there.</summary>
    protected abstract void FillPage(ulong offset, Span<byte> page);

    protected abstract Errno GrowError(bool mayMove);

    protected abstract Errno Advice(int advice);

    /// <summary>Forgets the pages of the mapping's own.</summary>
    protected void DropOwnPages() => _ownPages.Clear();

    private ulong Round(ulong length) => (length + (ulong)Profile.PageSize - 1) & ~((ulong)Profile.PageSize - 1);

    private int InPage(ulong offset) => (int)(offset & (ulong)(Profile.PageSize - 1));

    private bool HasOwnPage(ulong offset, int width) => _ownPages.Count > 0
        && (_ownPages.ContainsKey(offset >> Profile.PageShift) || _ownPages.ContainsKey((offset + (ulong)width - 1) >> Profile.PageShift));

    private byte[] OwnPage(ulong offset)
    {
        ulong number = offset >> Profile.PageShift;
        if (!_ownPages.TryGetValue(number, out byte[]? page))
        {
            page = new byte[Profile.PageSize];
            FillPage(number << Profile.PageShift, page);
            _ownPages.Add(number, page);
        }

        return page;
    }

    private MappingFault LoadBytes(ulong offset, int width, out ulong value)
    {
        value = 0;
        for (int i = 0; i < width; i++)
        {
            ulong at = offset + (ulong)i, part;
            if (_ownPages.TryGetValue(at >> Profile.PageShift, out byte[]? page))
            {
                part = page[InPage(at)];
            }
            else if (LoadBehind(at, 1, out part) is var fault and not MappingFault.None)
            {
                return fault;
            }

            value |= part << (8 * i);
        }

        return MappingFault.None;
    }

    private bool Allows(ulong offset, int width, MapProtection any)
    {
        if (offset > Length || Length - offset < (ulong)width)
        {
            return false;
        }

        ulong lastPage = (offset + (ulong)width - 1) >> Profile.PageShift;
        return (_protections.Find(offset >> Profile.PageShift, out ulong end) & any) != 0 && (end >= lastPage || (_protections.Find(lastPage, out _) & any) != 0);
    }
}
