using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Mappings;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <content>mmap(2): the checks before the driver's own.</content>
public sealed partial class SimulatedKernel
{
    private const MapFlags SharingType = (MapFlags)3;

    /// <summary>Flags that mmap has always ignored when it does not know them better; MAP_SHARED_VALIDATE takes no others.</summary>
    /// <remarks>Source: Linux 6.1 include/linux/mman.h, LEGACY_MAP_MASK; bits 26..30 are sizes of huge pages.</remarks>
    private const MapFlags LegacyFlags = (MapFlags)0x7C07_F973;

    /// <inheritdoc/>
    public CallResult Map(IOpenFile? file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        ulong pageMask = (ulong)PageSize - 1, length = unchecked(request.Length + pageMask) & ~pageMask;
        bool wraps = Profile.ChecksMapWrapFirst && unchecked(request.Offset + length) < request.Offset;
        if (wraps || (request.Offset & pageMask) != 0)
        {
            return Errno.EINVAL;
        }

        bool isAnonymous = (request.Flags & MapFlags.Anonymous) != 0;
        OpenFile? open = isAnonymous ? null : file as OpenFile;
        if (!isAnonymous && open?.Device is null)
        {
            return Errno.EBADF;
        }

        Errno error = !isAnonymous && (request.Flags & MapFlags.HugeTlb) != 0 ? Errno.EINVAL : CheckPlacement(request, length);
        if (error == Errno.None)
        {
            error = open is null ? CheckAnonymous(request) : CheckFile(open, request, length);
        }

        if (error != Errno.None)
        {
            return error;
        }

        if (open is null)
        {
            mapping = new OwnMapping(Profile, length, MappingRights.Of(file: null, request));
            return 0;
        }

        return open.Device!.Map(open, request, out mapping);
    }

    private Errno CheckPlacement(MapRequest request, ulong length)
    {
        if (request.Length == 0)
        {
            return Errno.EINVAL;
        }

        if (length == 0 || length > UserLimit)
        {
            return Errno.ENOMEM;
        }

        if ((request.Flags & MapFlags.Fixed) == 0)
        {
            return Errno.None;
        }

        return (request.Address & ((ulong)PageSize - 1)) != 0 ? Errno.EINVAL : request.Address > UserLimit - length ? Errno.ENOMEM : Errno.None;
    }

    private static Errno CheckAnonymous(MapRequest request) => (request.Flags & SharingType) switch
    {
        MapFlags.Shared => (request.Flags & MapFlags.GrowsDown) != 0 ? Errno.EINVAL : Errno.None,
        MapFlags.Private => Errno.None,
        _ => Errno.EINVAL,
    };

    private Errno CheckFile(OpenFile file, MapRequest request, ulong length)
    {
        // Offsets of a signed file end one byte earlier, so its last page can't be mapped.
        ulong end = file.Device!.HasUnsignedOffsets ? 0 - length : ulong.MaxValue - length;
        if (request.Offset >> Profile.PageShift > end >> Profile.PageShift)
        {
            return Errno.EOVERFLOW;
        }

        MapFlags type = request.Flags & SharingType;
        if (type == MapFlags.None)
        {
            return Errno.EINVAL;
        }

        if (type == MapFlags.SharedValidate && (request.Flags & ~LegacyFlags) != 0)
        {
            return Errno.EOPNOTSUPP;
        }

        bool storesReach = type != MapFlags.Private && (request.Protection & MapProtection.Write) != 0;
        if ((storesReach && !file.CanWrite) || !file.CanRead)
        {
            return Errno.EACCES;
        }

        if (!file.Device.CanMap)
        {
            return Errno.ENODEV;
        }

        return (request.Flags & MapFlags.GrowsDown) != 0 ? Errno.EINVAL : Errno.None;
    }
}
