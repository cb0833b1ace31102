using System.Runtime.CompilerServices;
using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>The flat view of one direction of a space: an ordered partition of all addresses, with constant-time look-up.</summary>
/// <remarks>
/// A look-up takes the page's slot of a small direct-mapped table. A page that one piece covers is answered by it; a page that holds
/// several has a table of its own with one number per byte, made on its first use. Only a page's first look-up searches.
/// </remarks>
internal sealed class FlatView
{
    private const int PageBits = 12, SlotBits = 10;

    private readonly Slot[] _slots = new Slot[1 << SlotBits];

    public FlatView(FlatEntry[] entries)
    {
        Entries = entries;
        Array.Fill(_slots, new Slot { Page = ulong.MaxValue });
    }

    /// <summary>The pieces, ascending, without gaps.</summary>
    public FlatEntry[] Entries { get; }

    /// <summary>Number of the piece that holds an address; the caller has checked that the space has it.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public int Find(ulong address)
    {
        ref Slot slot = ref _slots[(int)(address >> PageBits) & ((1 << SlotBits) - 1)];
        if (slot.Page == address >> PageBits)
        {
            return slot.Table is null ? slot.Index : slot.Table[(int)(address & ((1 << PageBits) - 1))];
        }

        return FindSlow(address);
    }

    private int FindSlow(ulong address)
    {
        ulong page = address >> PageBits, first = page << PageBits, last = first | ((1 << PageBits) - 1);
        int index = Search(first);
        var slot = new Slot { Page = page, Index = index };
        if (Entries[index].Last < last && index + 1 < Entries.Length)
        {
            int[] table = new int[1 << PageBits];
            int current = index;
            for (int i = 0; i < table.Length; i++)
            {
                while (Entries[current].Last < first + (ulong)i && current + 1 < Entries.Length)
                {
                    current++;
                }

                table[i] = current;
            }

            slot.Table = table;
        }

        _slots[(int)page & ((1 << SlotBits) - 1)] = slot;
        return slot.Table is null ? index : slot.Table[(int)(address - first)];
    }

    private int Search(ulong address)
    {
        int low = 0, high = Entries.Length - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (Entries[middle].Start <= address)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }

    private struct Slot
    {
        public ulong Page;
        public int Index;
        public int[]? Table;
    }
}
