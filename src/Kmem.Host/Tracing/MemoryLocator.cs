using Kmem.Abstractions;

namespace Kmem.Host.Tracing;

/// <summary>Finds the pages of a mapping that are memory of the machine, with the files that hold them.</summary>
/// <param name="blocks">The machine's memory.</param>
public sealed class MemoryLocator(IReadOnlyList<IRamBlock> blocks)
{
    private const ulong Page = 4096;

    private readonly AccessAttributes _attributes = new(new BusMaster("exec", MasterKind.CharDevice));

    /// <summary>The files that hold the machine's memory, each once.</summary>
    public IReadOnlyList<int> Files => [.. blocks.SelectMany(b => b.Extents).Select(e => e.FileDescriptor).Where(f => f >= 0).Distinct()];

    /// <summary>The pieces of a mapping that are memory, ascending, in whole pages.</summary>
    /// <param name="mapping">The mapping.</param>
    public IReadOnlyList<MemoryPiece> Locate(IMapping mapping)
    {
        var pieces = new List<MemoryPiece>();
        if (mapping.Space is not { } space)
        {
            return pieces;
        }

        IReadOnlyList<FlatRange> view = space.GetFlatView();
        int range = 0;
        for (ulong offset = 0; offset < mapping.Length;)
        {
            // Nothing answers in a hole, and holes may have terabytes.
            while (range < view.Count && view[range].Last < mapping.Offset + offset)
            {
                range++;
            }

            if (range == view.Count)
            {
                break;
            }

            if (view[range].Start > mapping.Offset + offset)
            {
                offset = Math.Max(offset, (view[range].Start - mapping.Offset) & ~(Page - 1));
                if (offset >= mapping.Length)
                {
                    break;
                }
            }

            ulong step = Page;
            if (space.TryGetDirect(mapping.Offset + offset, write: false, _attributes, out DirectMemory memory) && memory.Length >= Page && Find(memory.Pointer, out RamExtent extent, out ulong inExtent))
            {
                ulong length = Math.Min(Math.Min(memory.Length, extent.Length - inExtent), mapping.Length - offset) & ~(Page - 1);
                bool isWritable = space.TryGetDirect(mapping.Offset + offset, write: true, _attributes, out DirectMemory forWriting) && forWriting.Pointer == memory.Pointer;
                length = isWritable ? Math.Min(length, forWriting.Length & ~(Page - 1)) : length;
                if (length > 0 && (extent.FileOffset + inExtent) % Page == 0)
                {
                    Add(pieces, new MemoryPiece(offset, length, extent.FileDescriptor, extent.FileOffset + inExtent, isWritable));
                    step = length;
                }
            }

            offset += step;
        }

        return pieces;
    }

    private static void Add(List<MemoryPiece> pieces, MemoryPiece piece)
    {
        if (pieces is [.., var last] && last.Offset + last.Length == piece.Offset && last.File == piece.File && last.FileOffset + last.Length == piece.FileOffset && last.IsWritable == piece.IsWritable)
        {
            pieces[^1] = last with { Length = last.Length + piece.Length };
            return;
        }

        pieces.Add(piece);
    }

    private bool Find(nint pointer, out RamExtent extent, out ulong offset)
    {
        foreach (IRamBlock block in blocks)
        {
            ulong inBlock = (ulong)(pointer - block.Pointer);
            if (pointer < block.Pointer || inBlock >= block.Length)
            {
                continue;
            }

            foreach (RamExtent candidate in block.Extents)
            {
                if (candidate.FileDescriptor >= 0 && inBlock - candidate.BlockOffset < candidate.Length)
                {
                    (extent, offset) = (candidate, inBlock - candidate.BlockOffset);
                    return true;
                }
            }
        }

        (extent, offset) = (default, 0);
        return false;
    }
}
