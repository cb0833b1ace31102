using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>Virtual to physical: KSEG and three levels of page tables.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part II-B (OSF/1), chapter 3 "Memory Management".</remarks>
internal sealed class PageTables(AlphaCpu cpu)
{
    /// <summary>First address of KSEG.</summary>
    public const ulong KsegBase = 0xFFFF_FC00_0000_0000;

    /// <summary>log2 of the page size.</summary>
    public const int PageShift = 13;

    /// <summary>Codes of memory faults, as entMM gets them.</summary>
    public const int TranslationNotValid = 0, AccessViolation = 1, FaultOnRead = 2, FaultOnExecute = 3, FaultOnWrite = 4;

    private const ulong PageMask = (1UL << PageShift) - 1;
    private const ulong Valid = 1, KernelRead = 1 << 8, UserRead = 1 << 9, KernelWrite = 1 << 12, UserWrite = 1 << 13;
    private const ulong FaultsOnRead = 1 << 1, FaultsOnWrite = 1 << 2, FaultsOnExecute = 1 << 3;

    /// <summary>Translates for the CPU.</summary>
    /// <param name="address">Virtual address.</param>
    /// <param name="access">What for.</param>
    /// <param name="isUser">Whether user rights count.</param>
    public TranslatedAddress Translate(ulong address, MemoryAccess access, bool isUser)
    {
        ulong top = address >> 41;
        if (top == KsegBase >> 41)
        {
            return isUser ? Fault(AccessViolation) : new TranslatedAddress(0, KsegToPhysical(address), Writable: true, Readable: true, IsFixed: true);
        }

        // Bits 63 to 43 repeat bit 42.
        if ((long)(address << 21) >> 21 != (long)address)
        {
            return Fault(AccessViolation);
        }

        ulong table = cpu.PageTableBase, entry = 0;
        for (int level = 0; level < 3; level++)
        {
            ulong index = (address >> (33 - (10 * level))) & 0x3FF;
            if (!cpu.Execution.ReadPhysical(table + (index * 8), 8, out entry))
            {
                return Fault(TranslationNotValid);
            }

            if (level < 2)
            {
                if ((entry & Valid) == 0)
                {
                    return Fault(TranslationNotValid);
                }

                if ((entry & KernelRead) == 0)
                {
                    return Fault(AccessViolation);
                }

                table = entry >> 32 << PageShift;
            }
        }

        return Check(entry, address, access, isUser);
    }

    /// <summary>Physical address of an address in KSEG: bit 40 selects I/O space.</summary>
    public static ulong KsegToPhysical(ulong address) => (address & 0xFF_FFFF_FFFF) | ((address & (1UL << 40)) << 3);

    private static TranslatedAddress Check(ulong entry, ulong address, MemoryAccess access, bool isUser)
    {
        if ((entry & Valid) == 0)
        {
            return Fault(TranslationNotValid);
        }

        bool mayRead = (entry & (isUser ? UserRead : KernelRead)) != 0, mayWrite = (entry & (isUser ? UserWrite : KernelWrite)) != 0;
        if (access == MemoryAccess.Store ? !mayWrite : !mayRead)
        {
            return Fault(AccessViolation);
        }

        (ulong bit, int code) = access switch
        {
            MemoryAccess.Load => (FaultsOnRead, FaultOnRead),
            MemoryAccess.Store => (FaultsOnWrite, FaultOnWrite),
            _ => (FaultsOnExecute, FaultOnExecute),
        };
        if ((entry & bit) != 0)
        {
            return Fault(code);
        }

        ulong physical = (entry >> 32 << PageShift) | (address & PageMask);
        return new TranslatedAddress(0, physical, Writable: mayWrite && (entry & FaultsOnWrite) == 0, Readable: mayRead && (entry & FaultsOnRead) == 0);
    }

    /// <summary>A fault; numbers are codes plus 1, since 0 means none.</summary>
    private static TranslatedAddress Fault(int code) => new(code + 1, 0);
}
