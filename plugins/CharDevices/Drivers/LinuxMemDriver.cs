using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Mappings;
using Kmem.Plugins.CharDevices.Profiles;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>Linux's /dev/mem.</summary>
/// <remarks>Source: Linux 6.1 drivers/char/mem.c; recordings on x86-64 and Alpha.</remarks>
/// <param name="environment">The driver's surroundings.</param>
internal sealed class LinuxMemDriver(DriverEnvironment environment) : MemoryDriver
{
    private const ulong LongestRun = 1 << 20;

    private readonly KernelProfile _profile = environment.Profile;

    /// <inheritdoc/>
    public override CallResult Read(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        if (!IsInRange(position, count))
        {
            return Errno.EFAULT;
        }

        ulong done = 0;
        while (done < count)
        {
            PageAnswer answer = NextRun(position + done, count - done, out int length);
            if (answer.Rule == PageRule.Denied)
            {
                return Errno.EPERM;
            }

            bool copied = answer.Rule == PageRule.Zeros
                ? PhysicalTransfer.ClearUser(memory, buffer + done, (ulong)length) == length
                : CanMapPage(answer) && environment.Transfer.CopyToUser(position + done, memory, buffer + done, length);
            if (!copied)
            {
                return Errno.EFAULT;
            }

            done += (ulong)length;
            if (done < count && environment.Stops())
            {
                break;
            }
        }

        position += done;
        return (long)done;
    }

    /// <inheritdoc/>
    public override CallResult Write(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        if (!IsInRange(position, count))
        {
            return Errno.EFAULT;
        }

        ulong done = 0;
        while (done < count)
        {
            PageAnswer answer = NextRun(position + done, count - done, out int length);
            if (answer.Rule == PageRule.Denied)
            {
                return Errno.EPERM;
            }

            // A dropped write does not even look at its source.
            int copied = answer.Rule == PageRule.Zeros ? length
                : CanMapPage(answer) ? environment.Transfer.CopyFromUser(position + done, memory, buffer + done, length)
                : 0;
            done += (ulong)copied;
            if (copied < length)
            {
                if (done == 0)
                {
                    return Errno.EFAULT;
                }

                break;
            }

            if (done < count && environment.Stops())
            {
                break;
            }
        }

        position += done;
        return (long)done;
    }

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping) => Map(file, request, request.Offset, out mapping);

    /// <summary>Maps physical memory from <paramref name="physical"/> on.</summary>
    public CallResult Map(IOpenFile file, MapRequest request, ulong physical, out IMapping? mapping)
    {
        mapping = null;
        ulong pageMask = (ulong)_profile.PageSize - 1, length = (request.Length + pageMask) & ~pageMask, last = physical + length - 1;
        if (last < physical || (_profile.PhysicalBits < 64 && last >> _profile.PhysicalBits != 0))
        {
            return Errno.EINVAL;
        }

        bool holdsRam = false;
        ulong lastPage = last >> _profile.PageShift;
        for (ulong page = physical >> _profile.PageShift, end; page <= lastPage; page = end + 1)
        {
            PageAnswer answer = environment.Memory.Policy.Find(page, out end);
            if (answer.Rule == PageRule.Denied)
            {
                return Errno.EPERM;
            }

            holdsRam |= answer.Content != PageContent.Other && !answer.IsLow;
            if (end >= lastPage)
            {
                break;
            }
        }

        // Without STRICT_DEVMEM it is the page attribute table that keeps user space from aliasing RAM with another memory type.
        if (holdsRam && !_profile.StrictDevmem && _profile.HasPageAttributes)
        {
            return Errno.EINVAL;
        }

        MemoryTypes types = environment.Memory.Types;
        if (!types.TryReserve(new(physical, last), _profile.UncachedBySync && (file.Flags & OpenFlags.DataSync) != 0, out MemoryTypes.Reservation? reservation))
        {
            return Errno.EAGAIN;
        }

        mapping = new DeviceMapping(environment, physical, length, MappingRights.Of(file, request))
        {
            Released = reservation is null ? null : () => types.Release(reservation),
        };
        return 0;
    }

    private bool IsInRange(ulong position, ulong count)
    {
        ulong end = environment.Memory.Resources.EndOfRam;
        return _profile.RangeCheck switch
        {
            RangeCheck.LastByte => unchecked(position + count - 1) <= end - 1,
            RangeCheck.FirstByteAfter => position <= end && count <= end - position,
            _ => true,
        };
    }

    private bool CanMapPage(PageAnswer answer) => !_profile.RefusesPartialRam || answer.Content != PageContent.PartlyRam;

    /// <summary>How far one answer holds: to the end of the page when a signal might come, else over many pages.</summary>
    private PageAnswer NextRun(ulong address, ulong count, out int length)
    {
        PageAnswer answer = environment.Memory.Policy.Find(address >> _profile.PageShift, out ulong lastPage);
        if (environment.MayStop || (answer.Content == PageContent.PartlyRam && _profile.RefusesPartialRam))
        {
            lastPage = address >> _profile.PageShift;
        }

        ulong last = (lastPage << _profile.PageShift) | ((ulong)_profile.PageSize - 1);
        length = (int)Math.Min(Math.Min(count, LongestRun), last - address is ulong.MaxValue ? LongestRun : last - address + 1);
        return answer;
    }
}
