using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Memory;

/// <content>Pieces of long mode's address space that are mapped with large pages.</content>
internal sealed unsafe partial class PageTables
{
    private const int DirectoryShift = 21, Entries = 512;

    /// <summary>Finds the large pages around an address that continue each other and have equal bits, accessed and dirty; an empty span where there are none.</summary>
    /// <remarks>Source: Intel SDM volume 3, 4.5 "4-Level Paging"; a translation may be cached as long as it is not invalidated, 4.10.2.2.</remarks>
    public MappedSpan FindSpan(ulong address)
    {
        if (!cpu.IsLongMode || cpu.AddressMask != ulong.MaxValue)
        {
            return default;
        }

        ulong table = Slots[X86Slots.Cr3] & LongFrame;
        for (int level = 4; level > 2; level--)
        {
            ulong found = Read(table + (((address >> (3 + (9 * level))) & 0x1FF) * 8), 8);
            if ((found & Present) == 0)
            {
                return default;
            }

            if ((found & Large) != 0)
            {
                const ulong Gigabyte = 1UL << 30, Mask = ~(Gigabyte - 1);
                return IsUsed(found) ? new MappedSpan(address & Mask, found & LongFrame & Mask, Gigabyte) : default;
            }

            table = found & LongFrame;
        }

        int index = (int)(address >> DirectoryShift) & (Entries - 1), first = index, last = index;
        ulong entry = Read(table + ((ulong)index * 8), 8);
        if ((entry & Large) == 0 || !IsUsed(entry))
        {
            return default;
        }

        while (first > 0 && Read(table + ((ulong)(first - 1) * 8), 8) == entry - ((ulong)(index - first + 1) << DirectoryShift))
        {
            first--;
        }

        while (last < Entries - 1 && Read(table + ((ulong)(last + 1) * 8), 8) == entry + ((ulong)(last + 1 - index) << DirectoryShift))
        {
            last++;
        }

        ulong address0 = (address & ~((1UL << DirectoryShift) - 1)) - ((ulong)(index - first) << DirectoryShift);
        ulong physical = (entry & LongFrame & ~((1UL << DirectoryShift) - 1)) - ((ulong)(index - first) << DirectoryShift);
        return new MappedSpan(address0, physical, (ulong)(last - first + 1) << DirectoryShift);

        static bool IsUsed(ulong entry) => (entry & (Present | Writable | Accessed | Dirty)) == (Present | Writable | Accessed | Dirty);
    }
}
