using System.Numerics;
using Kmem.Abstractions;

namespace Kmem.Memory;

/// <content>Transfers of many bytes.</content>
public sealed partial class AddressSpace
{
    /// <inheritdoc/>
    public unsafe AccessResult ReadBlock(ulong address, Span<byte> destination, in AccessAttributes attributes, out int done)
    {
        done = 0;
        while (done < destination.Length)
        {
            ulong at = address + (ulong)done;
            int left = destination.Length - done;
            if (_readsDirectly && Observer is null && at >= address && TryGetDirect(at, write: false, attributes, out DirectMemory memory))
            {
                int direct = (int)Math.Min((ulong)left, memory.Length);
                new ReadOnlySpan<byte>((void*)memory.Pointer, direct).CopyTo(destination[done..]);
                done += direct;
                continue;
            }

            if (_readsDirectly && BlockHandler(_reads, at, left, out ulong offset, out int length) is { } handler && at >= address)
            {
                AccessResult block = handler.ReadBlock(offset, destination.Slice(done, length), attributes, out int moved);
                done += moved;
                if (block != AccessResult.Ok)
                {
                    return block;
                }

                continue;
            }

            int width = Natural(at, left);
            ulong value = 0;
            AccessResult result = at < address ? AccessResult.DecodeError : Read(at, width, out value, attributes);
            if (result != AccessResult.Ok)
            {
                return result;
            }

            for (int i = 0; i < width; i++)
            {
                destination[done + i] = (byte)(value >> (8 * i));
            }

            done += width;
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public unsafe AccessResult WriteBlock(ulong address, ReadOnlySpan<byte> source, in AccessAttributes attributes, out int done)
    {
        done = 0;
        while (done < source.Length)
        {
            ulong at = address + (ulong)done;
            int left = source.Length - done;

            // Whole words need no read-modify-write on any bus, so they go straight to memory.
            bool whole = _writesDirectly || (at % (ulong)Bus.WordBytes == 0 && left >= Bus.WordBytes);
            if (whole && Observer is null && at >= address && TryGetDirect(at, write: true, attributes, out DirectMemory memory))
            {
                int direct = (int)Math.Min((ulong)left, memory.Length);
                direct = _writesDirectly ? direct : direct & -Bus.WordBytes;
                if (direct > 0)
                {
                    source.Slice(done, direct).CopyTo(new Span<byte>((void*)memory.Pointer, direct));
                    MemoryWritten?.Invoke(memory.Pointer, direct);
                    done += direct;
                    continue;
                }
            }

            if (_writesDirectly && !attributes.IsDebug && BlockHandler(_writes, at, left, out ulong offset, out int length) is { } handler && at >= address)
            {
                AccessResult block = handler.WriteBlock(offset, source.Slice(done, length), attributes, out int moved);
                done += moved;
                if (block != AccessResult.Ok)
                {
                    return block;
                }

                continue;
            }

            int width = Natural(at, left);
            ulong value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)source[done + i] << (8 * i);
            }

            AccessResult result = at < address ? AccessResult.DecodeError : Write(at, width, value, attributes);
            if (result != AccessResult.Ok)
            {
                return result;
            }

            done += width;
        }

        return AccessResult.Ok;
    }

    /// <summary>The handler that takes many bytes at an address, with its offset and how many of them are its; null where there is none or somebody watches the bus.</summary>
    private IBlockRegionHandler? BlockHandler(FlatView view, ulong address, int left, out ulong offset, out int length)
    {
        (offset, length) = (0, 0);
        if (Observer is not null || address > _lastAddress)
        {
            return null;
        }

        ref FlatEntry entry = ref view.Entries[view.Find(address)];
        if (entry.IsGuarded || entry.Handler is not IBlockRegionHandler handler)
        {
            return null;
        }

        (offset, length) = (entry.Offset + (address - entry.Start), (int)Math.Min((ulong)left, entry.Last - address + 1));
        return handler;
    }

    /// <summary>The widest naturally aligned access at an address that the bus moves in one go.</summary>
    private int Natural(ulong address, int left)
    {
        int aligned = address == 0 ? 8 : 1 << Math.Min(3, BitOperations.TrailingZeroCount(address));
        return Math.Min(Math.Min(aligned, Bus.WordBytes), 1 << BitOperations.Log2((uint)Math.Min(left, 8)));
    }
}
