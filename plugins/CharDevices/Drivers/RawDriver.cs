using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Mappings;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>Memory without a kernel's rules: every address of the space, errors only where the bus has one.</summary>
/// <remarks>An address that nobody answers is EFAULT where the bus calls that an error, any other refusal EIO; a transfer that met one after some bytes is short.</remarks>
/// <param name="environment">The driver's surroundings.</param>
/// <param name="addresses">What offsets mean.</param>
internal sealed class RawDriver(DriverEnvironment environment, IDeviceAddresses addresses) : MemoryDriver
{
    private const int LongestRun = 1 << 20;

    private readonly IAddressSpace _space = environment.Space;
    private readonly byte[] _chunk = new byte[environment.Profile.PageSize];

    /// <inheritdoc/>
    public override CallResult Read(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        ulong done = 0;
        Errno error = Errno.None;
        while (done < count && error == Errno.None)
        {
            if (!TryLocate(position, done, write: false, out ulong physical, out ulong holds))
            {
                error = Errno.EFAULT;
                break;
            }

            int wanted = (int)Math.Min(Math.Min(count - done, holds), LongestRun), moved;
            if (_space.Observer is null && _space.TryGetDirect(physical, write: false, environment.Attributes, out DirectMemory direct))
            {
                wanted = (int)Math.Min((ulong)wanted, direct.Length);
                moved = memory.Write(buffer + done, direct.AsSpan()[..wanted]);
            }
            else
            {
                wanted = Math.Min(wanted, _chunk.Length);
                error = ErrorOf(_space.ReadBlock(physical, _chunk.AsSpan(0, wanted), environment.Attributes, out wanted));
                moved = memory.Write(buffer + done, _chunk.AsSpan(0, wanted));
            }

            done += (ulong)moved;
            error = moved < wanted ? Errno.EFAULT : error;
            if (done < count && environment.Stops())
            {
                break;
            }
        }

        return Finish(ref position, done, error);
    }

    /// <inheritdoc/>
    public override CallResult Write(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        ulong done = 0;
        Errno error = Errno.None;
        while (done < count && error == Errno.None)
        {
            if (!TryLocate(position, done, write: true, out ulong physical, out ulong holds))
            {
                error = Errno.EFAULT;
                break;
            }

            int wanted = (int)Math.Min(Math.Min(count - done, holds), (ulong)_chunk.Length);
            int given = memory.Read(buffer + done, _chunk.AsSpan(0, wanted));
            error = ErrorOf(_space.WriteBlock(physical, _chunk.AsSpan(0, given), environment.Attributes, out int moved));
            done += (ulong)moved;
            error = error == Errno.None && given < wanted ? Errno.EFAULT : error;
            if (done < count && environment.Stops())
            {
                break;
            }
        }

        return Finish(ref position, done, error);
    }

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        ulong pageMask = (ulong)environment.Profile.PageSize - 1, length = (request.Length + pageMask) & ~pageMask;
        if (addresses.Translate(request.Offset, write: false, out ulong physical, out ulong holds) != AddressFault.None || holds < length)
        {
            return Errno.EFAULT;
        }

        mapping = new DeviceMapping(environment, physical, length, MappingRights.Of(file, request));
        return 0;
    }

    private static CallResult Finish(ref ulong position, ulong done, Errno error)
    {
        position += done;
        return done > 0 || error == Errno.None ? (long)done : error;
    }

    private static Errno ErrorOf(AccessResult result) => result switch
    {
        AccessResult.Ok => Errno.None,
        AccessResult.DecodeError => Errno.EFAULT,
        _ => Errno.EIO,
    };

    private bool TryLocate(ulong position, ulong done, bool write, out ulong physical, out ulong holds)
    {
        (physical, holds) = (0, 0);
        return position + done >= position && addresses.Translate(position + done, write, out physical, out holds) == AddressFault.None;
    }
}
