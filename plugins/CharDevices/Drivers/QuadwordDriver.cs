using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Mappings;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>The memory devices of Tru64 UNIX: aligned quadwords, and an error for whatever is not there or not to be written.</summary>
/// <remarks>
/// Source: Tru64 UNIX kmem(7). The manual does not say what a transfer returns that meets an error after some quadwords; like the read
/// and write calls of BSD, from which these come, it then returns the error and leaves the position, and what was moved stays moved.
/// </remarks>
/// <param name="environment">The driver's surroundings.</param>
/// <param name="addresses">What offsets mean.</param>
internal sealed class QuadwordDriver(DriverEnvironment environment, IDeviceAddresses addresses) : MemoryDriver
{
    private const int Quadword = sizeof(ulong);
    private const ulong LongestRun = 1 << 20;

    private readonly KernelProfile _profile = environment.Profile;
    private readonly IAddressSpace _space = environment.Space;
    private readonly byte[] _chunk = new byte[environment.Profile.PageSize];

    /// <inheritdoc/>
    public override bool CanMap => _profile.Quadwords.Mmap == MapWord.Allow;

    /// <inheritdoc/>
    public override CallResult Read(ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        ulong done = 0;
        while (done < count)
        {
            if (TryRun(position + done, count - done, out DirectMemory run))
            {
                if (memory.Write(buffer + done, run.AsSpan()) < (int)run.Length)
                {
                    return Errno.EFAULT;
                }

                done += run.Length;
                continue;
            }

            int wanted = ChunkAt(position + done, count - done);
            Errno error = ReadChunk(position + done, _chunk.AsSpan(0, wanted), out int read);
            if (memory.Write(buffer + done, _chunk.AsSpan(0, read)) < read)
            {
                return Errno.EFAULT;
            }

            if (error != Errno.None)
            {
                return error;
            }

            done += (ulong)read;
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
        if (_profile.Quadwords.PartialWrite == PartialWriteWord.Error && ((position | count) & (Quadword - 1)) != 0)
        {
            return Errno.EINVAL;
        }

        ulong done = 0;
        while (done < count)
        {
            int wanted = ChunkAt(position + done, count - done);
            int given = memory.Read(buffer + done, _chunk.AsSpan(0, wanted));
            Errno error = WriteChunk(position + done, _chunk.AsSpan(0, given));
            if (error != Errno.None || given < wanted)
            {
                return error == Errno.None ? Errno.EFAULT : error;
            }

            done += (ulong)given;
            if (done < count && environment.Stops())
            {
                break;
            }
        }

        position += done;
        return (long)done;
    }

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        ulong pageMask = (ulong)_profile.PageSize - 1, length = (request.Length + pageMask) & ~pageMask;
        AddressFault fault = addresses.Translate(request.Offset, write: false, out ulong physical, out ulong holds);
        if (fault != AddressFault.None || holds < length)
        {
            return ErrorOf(fault == AddressFault.None ? AddressFault.Unmapped : fault);
        }

        mapping = new DeviceMapping(environment, physical, length, MappingRights.Of(file, request));
        return 0;
    }

    private int ChunkAt(ulong address, ulong left) => (int)Math.Min(left, (ulong)_chunk.Length - (address & (ulong)(_chunk.Length - 1)));

    /// <summary>Many quadwords of memory at once, where nobody could tell that from one by one.</summary>
    private bool TryRun(ulong offset, ulong count, out DirectMemory run)
    {
        run = default;
        if ((offset & (Quadword - 1)) != 0 || count < Quadword || _space.Observer is not null || !_space.Bus.ReadsMemoryDirectly || environment.MayStop
            || addresses.Translate(offset, write: false, out ulong physical, out ulong holds) != AddressFault.None
            || !_space.TryGetDirect(physical, write: false, environment.Attributes, out DirectMemory direct))
        {
            return false;
        }

        ulong length = Math.Min(Math.Min(count, holds), Math.Min(direct.Length, LongestRun)) & ~(Quadword - 1UL);
        run = new DirectMemory(direct.Pointer, length);
        return length > 0;
    }

    private Errno ReadChunk(ulong offset, Span<byte> destination, out int done)
    {
        for (done = 0; done < destination.Length;)
        {
            ulong at = offset + (ulong)done;
            AddressFault fault = at < offset ? AddressFault.Unmapped : addresses.Translate(at, write: false, out _, out _);
            if (fault != AddressFault.None)
            {
                return ErrorOf(fault);
            }

            addresses.Translate(at & ~7UL, write: false, out ulong physical, out _);
            int lane = (int)(at & 7), read = Math.Min(Quadword - lane, destination.Length - done);
            bool isNative = _profile.Quadwords.Device == DeviceWord.Native && !_space.TryGetDirect(physical, write: false, environment.Attributes, out _);
            AccessResult result = isNative
                ? _space.ReadBlock(physical + (ulong)lane, destination.Slice(done, read), environment.Attributes, out _)
                : ReadQuadword(physical, lane, destination.Slice(done, read));
            if (result != AccessResult.Ok)
            {
                return ErrorOf(result);
            }

            done += read;
        }

        return Errno.None;
    }

    private AccessResult ReadQuadword(ulong physical, int lane, Span<byte> destination)
    {
        AccessResult result = _space.Read(physical, Quadword, out ulong value, environment.Attributes);
        Span<byte> bytes = stackalloc byte[Quadword];
        BinaryPrimitives.WriteUInt64LittleEndian(bytes, value);
        bytes.Slice(lane, destination.Length).CopyTo(destination);
        return result;
    }

    private Errno WriteChunk(ulong offset, ReadOnlySpan<byte> source)
    {
        for (int done = 0; done < source.Length;)
        {
            ulong at = offset + (ulong)done;
            AddressFault fault = at < offset ? AddressFault.Unmapped : addresses.Translate(at, write: true, out _, out _);
            if (fault != AddressFault.None)
            {
                return ErrorOf(fault);
            }

            addresses.Translate(at & ~7UL, write: true, out ulong physical, out ulong holds);
            bool isMemory = _space.TryGetDirect(physical, write: true, environment.Attributes, out DirectMemory direct);
            if (!isMemory && _space.Decode(physical, write: true).Region is RomRegion)
            {
                return _profile.ProtectedWriteError;
            }

            int lane = (int)(at & 7);
            ReadOnlySpan<byte> left = source[done..];
            int written;
            AccessResult result;
            if (lane == 0 && left.Length >= Quadword)
            {
                written = isMemory ? (int)Math.Min((ulong)left.Length, Math.Min(holds, direct.Length)) & -Quadword : Quadword;
                written = Math.Max(written, Quadword);
                result = _space.WriteBlock(physical, left[..written], environment.Attributes, out _);
            }
            else
            {
                written = Math.Min(Quadword - lane, left.Length);
                bool isSplit = isMemory ? _profile.Quadwords.PartialWrite == PartialWriteWord.Split : _profile.Quadwords.Device == DeviceWord.Native;
                result = isSplit
                    ? _space.WriteBlock(physical + (ulong)lane, left[..written], environment.Attributes, out _)
                    : WriteLanes(physical, lane, left[..written]);
            }

            if (result != AccessResult.Ok)
            {
                return ErrorOf(result);
            }

            done += written;
        }

        return Errno.None;
    }

    /// <summary>Writes some bytes of a quadword: load, merge, store, between which another master may come in.</summary>
    private AccessResult WriteLanes(ulong physical, int lane, ReadOnlySpan<byte> bytes)
    {
        ulong value = 0, mask = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            value |= (ulong)bytes[i] << (8 * (lane + i));
            mask |= 0xFFUL << (8 * (lane + i));
        }

        return _space.Modify(physical, value, mask, environment.Attributes);
    }

    private Errno ErrorOf(AddressFault fault) => fault switch
    {
        AddressFault.User => _profile.UserAddressError,
        AddressFault.Protected => _profile.ProtectedWriteError,
        _ => _profile.UnmappedError,
    };

    private Errno ErrorOf(AccessResult result) => result switch
    {
        AccessResult.DecodeError => _profile.UnmappedError,
        AccessResult.ReadOnly => _profile.ProtectedWriteError,
        _ => Errno.EIO,
    };
}
