namespace Kmem.Abstractions;

/// <summary>Bits of PROT_*.</summary>
[Flags]
public enum MapProtection
{
    /// <summary>PROT_NONE.</summary>
    None = 0,

    /// <summary>PROT_READ.</summary>
    Read = 1,

    /// <summary>PROT_WRITE.</summary>
    Write = 2,

    /// <summary>PROT_EXEC.</summary>
    Execute = 4,
}

/// <summary>Flags of mmap(2), in the numbers of Linux on x86-64; a frontend of another architecture translates.</summary>
/// <remarks>Source: mmap(2), include/uapi/asm-generic/mman-common.h.</remarks>
[Flags]
public enum MapFlags
{
    /// <summary>No sharing type at all, which is an error.</summary>
    None = 0,

    /// <summary>MAP_SHARED.</summary>
    Shared = 1,

    /// <summary>MAP_PRIVATE.</summary>
    Private = 2,

    /// <summary>MAP_SHARED_VALIDATE.</summary>
    SharedValidate = 3,

    /// <summary>MAP_FIXED.</summary>
    Fixed = 0x10,

    /// <summary>MAP_ANONYMOUS: the file is ignored.</summary>
    Anonymous = 0x20,

    /// <summary>MAP_32BIT.</summary>
    Low32 = 0x40,

    /// <summary>MAP_GROWSDOWN.</summary>
    GrowsDown = 0x100,

    /// <summary>MAP_LOCKED.</summary>
    Locked = 0x2000,

    /// <summary>MAP_NORESERVE.</summary>
    NoReserve = 0x4000,

    /// <summary>MAP_POPULATE.</summary>
    Populate = 0x8000,

    /// <summary>MAP_HUGETLB.</summary>
    HugeTlb = 0x4_0000,

    /// <summary>MAP_SYNC.</summary>
    Sync = 0x8_0000,
}

/// <summary>One mmap(2).</summary>
/// <param name="Address">Address asked for, 0 for any.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Protection">Protection bits; unknown ones are kept in <paramref name="RawProtection"/>.</param>
/// <param name="Flags">Flags.</param>
/// <param name="Offset">Offset in the file, in bytes.</param>
/// <param name="RawProtection">The protection argument as the caller gave it.</param>
public sealed record MapRequest(ulong Address, ulong Length, MapProtection Protection, MapFlags Flags, ulong Offset, int RawProtection = 0);

/// <summary>What a load or store through a mapping met.</summary>
public enum MappingFault
{
    /// <summary>Nothing: the access completed.</summary>
    None,

    /// <summary>SIGSEGV: protection or no mapping.</summary>
    SegmentationFault,

    /// <summary>SIGBUS: nobody answers behind the mapping, where the kernel delivers that.</summary>
    BusError,

    /// <summary>The load or store met a machine check that the kernel logs and survives.</summary>
    MachineCheck,
}

/// <summary>A mapping of a character device in a process.</summary>
public interface IMapping : IDisposable
{
    /// <summary>Length in bytes, whole pages.</summary>
    ulong Length { get; }

    /// <summary>Offset in the device's address space (physical for mem) of the first byte.</summary>
    ulong Offset { get; }

    /// <summary>The space that the mapping looks into; null when it has memory of its own, as one of /dev/zero has.</summary>
    IAddressSpace? Space { get; }

    /// <summary>Present protection.</summary>
    MapProtection Protection { get; }

    /// <summary>True for a shared mapping, false for copy-on-write.</summary>
    bool IsShared { get; }

    /// <summary>Loads 1, 2, 4 or 8 bytes, as one instruction of the process would.</summary>
    MappingFault Load(ulong offset, int width, out ulong value);

    /// <summary>Stores 1, 2, 4 or 8 bytes, as one instruction of the process would.</summary>
    MappingFault Store(ulong offset, int width, ulong value);

    /// <summary>mprotect(2) over the whole mapping or a part of it.</summary>
    Errno Protect(ulong offset, ulong length, MapProtection protection);

    /// <summary>mremap(2) to <paramref name="newLength"/> bytes.</summary>
    Errno Resize(ulong newLength, bool mayMove);

    /// <summary>msync(2).</summary>
    Errno Sync();

    /// <summary>mlock(2).</summary>
    Errno Lock();

    /// <summary>madvise(2).</summary>
    Errno Advise(int advice);

    /// <summary>mincore(2): whether each page is reported as resident.</summary>
    Errno Resident(Span<byte> pages);
}
