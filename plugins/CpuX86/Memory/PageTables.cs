using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Memory;

/// <summary>Paging: two levels with 4 KiB and 4 MiB pages, PAE, and four levels of long mode.</summary>
/// <remarks>Source: Intel SDM volume 3, chapter 4 "Paging".</remarks>
internal sealed unsafe partial class PageTables(X86Cpu cpu)
{
    /// <summary>Set in a fault's number where it is a page fault; its error code is in the low bits.</summary>
    public const int PageFault = 0x1_0000;

    /// <summary>The fault's number of an address that is not canonical.</summary>
    public const int NotCanonical = 0x2_0000;

    private const ulong Present = 1, Writable = 2, User = 4, Accessed = 0x20, Dirty = 0x40, Large = 0x80, Global = 0x100, NoExecute = 1UL << 63;
    private const ulong LongFrame = 0x000F_FFFF_FFFF_F000;

    private readonly ulong[] _directoryPointers = new ulong[4];
    private DirectMemory _memory;
    private ulong _memoryAt;

    /// <summary>Whether accesses are the CPU's own, to descriptor tables and the like, whatever the privilege level.</summary>
    public bool IsSystemAccess { get; set; }

    private ulong* Slots => cpu.State->Slots;

    /// <summary>Bits that must be zero in an entry of 64 bits.</summary>
    private ulong Reserved => (LongFrame & ~((1UL << cpu.CpuModel.PhysicalBits) - 1)) | ((Slots[X86Slots.Efer] & Efer.Nxe) == 0 ? NoExecute : 0);

    /// <summary>Begins to watch the space.</summary>
    public void Connect() => cpu.Space.Changed += _ => _memory = default;

    /// <summary>Loads the four entries that PAE paging keeps in the CPU.</summary>
    /// <returns>False where one has a reserved bit, which is a #GP of the instruction that loads.</returns>
    public bool LoadDirectoryPointers()
    {
        if ((Slots[X86Slots.Cr0] & Cr0.Pg) == 0 || (Slots[X86Slots.Cr4] & Cr4.Pae) == 0 || (Slots[X86Slots.Efer] & Efer.Lma) != 0)
        {
            return true;
        }

        var entries = new ulong[4];
        for (int i = 0; i < 4; i++)
        {
            entries[i] = Read((Slots[X86Slots.Cr3] & 0xFFFF_FFE0) + (ulong)(8 * i), 8);
            if ((entries[i] & Present) != 0 && (entries[i] & (0x1E6 | ~((1UL << cpu.CpuModel.PhysicalBits) - 1))) != 0)
            {
                return false;
            }
        }

        entries.CopyTo(_directoryPointers, 0);
        return true;
    }

    /// <summary>Finds where an address leads, and sets accessed and dirty bits.</summary>
    public TranslatedAddress Translate(ulong address, MemoryAccess access)
    {
        ulong cr0 = Slots[X86Slots.Cr0];
        bool isLong = (Slots[X86Slots.Efer] & Efer.Lma) != 0;
        if (!isLong)
        {
            address = (uint)address;
        }
        else if ((ulong)((long)(address << 16) >> 16) != address)
        {
            return new TranslatedAddress(NotCanonical, 0);
        }

        if ((cr0 & Cr0.Pg) == 0)
        {
            return new TranslatedAddress(0, address & cpu.AddressMask, Writable: true, Readable: true, IsFixed: cpu.AddressMask == ulong.MaxValue);
        }

        bool isUser = cpu.Cpl == 3 && !IsSystemAccess;
        TranslatedAddress found = isLong ? WalkLong(address, access, isUser, 4) : (Slots[X86Slots.Cr4] & Cr4.Pae) != 0 ? WalkLong(address, access, isUser, 3) : WalkLegacy(address, access, isUser);
        return cpu.AddressMask == ulong.MaxValue ? found : found with { Physical = found.Physical & cpu.AddressMask };
    }

    /// <summary>Finds where an address leads without a trace.</summary>
    public bool TryTranslateDebug(ulong address, out ulong physical, out ulong length)
    {
        _isDebug = true;
        bool before = IsSystemAccess;
        IsSystemAccess = true;
        ulong flags = Slots[X86Slots.Eflags];
        Slots[X86Slots.Eflags] = flags | Eflags.Ac;
        TranslatedAddress found = Translate(address, MemoryAccess.Load);
        Slots[X86Slots.Eflags] = flags;
        (_isDebug, IsSystemAccess) = (false, before);
        (physical, length) = (found.Physical, 0x1000 - (address & 0xFFF));
        return found.Fault == 0;
    }

    private bool _isDebug;

    private TranslatedAddress WalkLong(ulong address, MemoryAccess access, bool isUser, int levels)
    {
        ulong reserved = Reserved, table, rights = Writable | User, noExecute = 0, entry = 0, at = 0;
        int level = levels;
        if (levels == 4)
        {
            table = Slots[X86Slots.Cr3] & LongFrame;
        }
        else
        {
            entry = _directoryPointers[(int)(address >> 30) & 3];
            if ((entry & Present) == 0)
            {
                return Refuse(0, access, isUser);
            }

            table = entry & LongFrame;
            level = 2;
        }

        while (true)
        {
            at = table + (((address >> (3 + (9 * level))) & 0x1FF) * 8);
            entry = Read(at, 8);
            if ((entry & Present) == 0)
            {
                return Refuse(0, access, isUser);
            }

            bool isLarge = (entry & Large) != 0 && level is 2 or 3 && (entry & Large) != 0;
            ulong wrong = reserved | (isLarge ? level == 2 ? 0x1F_E000UL : 0x3FFF_E000UL : 0) | (level == 4 ? Large : 0);
            if (levels == 3)
            {
                wrong |= 0x7FF0_0000_0000_0000;
            }

            if ((entry & wrong) != 0)
            {
                return Refuse(9, access, isUser);
            }

            rights &= entry;
            noExecute |= entry & NoExecute;
            if (level == 1 || isLarge)
            {
                return Finish(address, access, isUser, at, entry, rights, noExecute, entry & LongFrame, 12 + (9 * (level - 1)), 8);
            }

            if ((entry & Accessed) == 0)
            {
                Write(at, entry | Accessed, 8);
            }

            table = entry & LongFrame;
            level--;
        }
    }

    /// <remarks>Source: Intel 386 DX Programmer's Reference Manual, 5.2.4.3 "Accessed and Dirty Bits".</remarks>
    private TranslatedAddress WalkLegacy(ulong address, MemoryAccess access, bool isUser)
    {
        ulong at = (Slots[X86Slots.Cr3] & 0xFFFF_F000) + ((address >> 22) * 4), entry = Read(at, 4), rights = entry;
        if ((entry & Present) == 0)
        {
            return Refuse(0, access, isUser);
        }

        if ((entry & Large) != 0 && (Slots[X86Slots.Cr4] & Cr4.Pse) != 0)
        {
            // PSE-36: bits 20 to 13 are bits 39 to 32 of the address.
            ulong frame = (entry & 0xFFC0_0000) | ((entry & 0x1F_E000) << 19);
            return (entry & 0x20_0000) != 0 || frame >> cpu.CpuModel.PhysicalBits != 0 ? Refuse(9, access, isUser) : Finish(address, access, isUser, at, entry, rights, 0, frame, 22, 4);
        }

        ulong directoryAt = at, directory = entry;
        at = (entry & 0xFFFF_F000) + (((address >> 12) & 0x3FF) * 4);
        entry = Read(at, 4);
        rights &= entry;
        if ((entry & Present) == 0)
        {
            return Refuse(0, access, isUser);
        }

        TranslatedAddress found = Finish(address, access, isUser, at, entry, rights, 0, entry & 0xFFFF_F000, 12, 4);

        // Both entries are marked by an access that is done, neither by one that is refused.
        if (found.Fault == 0 && (directory & Accessed) == 0)
        {
            Write(directoryAt, directory | Accessed, 4);
        }

        return found;
    }

    private TranslatedAddress Finish(ulong address, MemoryAccess access, bool isUser, ulong at, ulong entry, ulong rights, ulong noExecute, ulong frame, int shift, int width)
    {
        ulong cr0 = Slots[X86Slots.Cr0], cr4 = Slots[X86Slots.Cr4];
        bool isUserPage = (rights & User) != 0, mayWrite = (rights & Writable) != 0 || (!isUser && (cr0 & Cr0.Wp) == 0);
        bool isAllowed = access switch
        {
            MemoryAccess.Store => mayWrite,
            MemoryAccess.Fetch => noExecute == 0 && !(isUserPage && !isUser && (cr4 & Cr4.Smep) != 0),
            _ => true,
        };
        if (isUser && !isUserPage)
        {
            isAllowed = false;
        }
        else if (!isUser && isUserPage && access != MemoryAccess.Fetch && (cr4 & Cr4.Smap) != 0 && ((Slots[X86Slots.Eflags] & Eflags.Ac) == 0 || IsSystemAccess))
        {
            isAllowed = false;
        }

        if (!isAllowed)
        {
            return Refuse(1, access, isUser);
        }

        ulong bits = Accessed | (access == MemoryAccess.Store ? Dirty : 0);
        if ((entry & bits) != bits)
        {
            entry |= bits;
            Write(at, entry, width);
        }

        ulong inside = (1UL << shift) - 1;
        return new TranslatedAddress(0, (frame & ~inside) | (address & inside), Writable: mayWrite && (entry & Dirty) != 0, Readable: true, IsGlobal: (entry & Global) != 0 && (cr4 & Cr4.Pge) != 0, Shift: shift);
    }

    private TranslatedAddress Refuse(int code, MemoryAccess access, bool isUser)
    {
        bool tellsFetch = (Slots[X86Slots.Efer] & Efer.Nxe) != 0 && ((Slots[X86Slots.Cr4] & Cr4.Pae) != 0) || (Slots[X86Slots.Cr4] & Cr4.Smep) != 0;
        code |= (access == MemoryAccess.Store ? 2 : 0) | (isUser ? 4 : 0) | (access == MemoryAccess.Fetch && tellsFetch ? 16 : 0);
        return new TranslatedAddress(PageFault | code, 0);
    }

    private ulong Read(ulong physical, int width)
    {
        if (physical - _memoryAt >= _memory.Length || physical - _memoryAt + 8 > _memory.Length)
        {
            if (!cpu.Space.TryGetDirect(physical, write: false, new AccessAttributes(cpu.Master), out DirectMemory memory) || memory.Length < 8)
            {
                return cpu.Execution.ReadPhysical(physical, width, out ulong value) ? value : ulong.MaxValue >> (64 - (8 * width));
            }

            (_memory, _memoryAt) = (memory, physical);
        }

        nint host = _memory.Pointer + (nint)(physical - _memoryAt);
        return width == 8 ? *(ulong*)host : *(uint*)host;
    }

    private void Write(ulong physical, ulong value, int width)
    {
        if (!_isDebug)
        {
            _ = cpu.Execution.WritePhysical(physical, width, value);
        }
    }
}
