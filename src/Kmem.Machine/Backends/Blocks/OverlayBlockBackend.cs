using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A disk over another one that is only read: what is written stays apart.</summary>
/// <param name="below">The disk below; disposed of with this one.</param>
/// <param name="store">Where the written blocks go.</param>
internal sealed class OverlayBlockBackend(IBlockBackend below, IOverlayStore store) : IBlockBackend, IDisposable
{
    public const int Block = 4096;

    public long Length => below.Length;

    public bool IsReadOnly => false;

    public bool Read(long offset, Span<byte> destination)
    {
        if (!BlockBounds.Hold(Length, offset, destination.Length))
        {
            return false;
        }

        while (!destination.IsEmpty)
        {
            (long block, int within) = (offset / Block, (int)(offset % Block));
            Span<byte> part = destination[..Math.Min(destination.Length, Block - within)];
            if (!(store.Holds(block) ? store.Read(block, within, part) : below.Read(offset, part)))
            {
                return false;
            }

            destination = destination[part.Length..];
            offset += part.Length;
        }

        return true;
    }

    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        if (!BlockBounds.Hold(Length, offset, source.Length))
        {
            return false;
        }

        Span<byte> whole = stackalloc byte[Block];
        while (!source.IsEmpty)
        {
            (long block, int within) = (offset / Block, (int)(offset % Block));
            ReadOnlySpan<byte> part = source[..Math.Min(source.Length, Block - within)];
            if (!store.Holds(block) && part.Length < Block)
            {
                // The first write to a block brings the rest of it up from below; the last block of a disk may be a short one.
                int length = (int)Math.Min(Block, Length - (block * Block));
                whole.Clear();
                if (!below.Read(block * Block, whole[..length]))
                {
                    return false;
                }

                part.CopyTo(whole[within..]);
                if (!store.Write(block, 0, whole))
                {
                    return false;
                }
            }
            else if (!store.Write(block, within, part))
            {
                return false;
            }

            source = source[part.Length..];
            offset += part.Length;
        }

        return true;
    }

    public bool Flush() => store.Flush();

    public void Dispose()
    {
        (store as IDisposable)?.Dispose();
        (below as IDisposable)?.Dispose();
    }
}

/// <summary>Keeps the written blocks of an overlay, each of <see cref="OverlayBlockBackend.Block"/> bytes.</summary>
internal interface IOverlayStore
{
    /// <summary>Whether a block has been written.</summary>
    bool Holds(long block);

    /// <summary>Reads a part of a block that has been written.</summary>
    bool Read(long block, int within, Span<byte> destination);

    /// <summary>Writes a part of a block; the first write of a block is one of the whole block.</summary>
    bool Write(long block, int within, ReadOnlySpan<byte> source);

    /// <summary>Brings what was written onto the medium.</summary>
    bool Flush();
}
