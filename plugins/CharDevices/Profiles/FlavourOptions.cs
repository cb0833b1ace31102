using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>A flavour as a machine declares it; what is left out is as the profile of <paramref name="Base"/> has it.</summary>
/// <param name="Base">Profile that the flavour starts from.</param>
/// <param name="StrictDevmem">CONFIG_STRICT_DEVMEM: RAM can't be reached through mem.</param>
/// <param name="IoStrictDevmem">CONFIG_IO_STRICT_DEVMEM: what a driver has claimed can't be reached either.</param>
/// <param name="Lockdown">How far the kernel is locked down; above none, mem, kmem and port can't be opened.</param>
/// <param name="Devmem">Whether there is a mem device.</param>
/// <param name="Devport">Whether there is a port device.</param>
/// <param name="Devkmem">Whether there is a kmem device.</param>
/// <param name="Caps">Capabilities of a caller that brings no credentials, for example CAP_SYS_RAWIO.</param>
/// <param name="Uid">User of a caller that brings no credentials.</param>
/// <param name="HighMemory">First byte past the RAM that read and write reach: auto, or an address.</param>
/// <param name="MmapCache">What O_SYNC does to the memory type of a mapping.</param>
/// <param name="Kseg">First virtual address of the segment that maps physical memory, used when the machine declares no kernel map.</param>
/// <param name="PhysBits">Physical address bits of the CPU, which limit mmap.</param>
/// <param name="PageSize">Page size in bytes, a power of two.</param>
/// <param name="Pat">Whether the page attribute table is in use (<c>nopat</c> turns it off).</param>
/// <param name="RangeCheck">How read and write check their range against the end of RAM.</param>
/// <param name="SignalBreak">Whether a pending signal ends a long transfer.</param>
/// <param name="SpliceFallback">Whether splice and sendfile work through read and write.</param>
/// <param name="AdviseSyscalls">CONFIG_ADVISE_SYSCALLS: madvise and fadvise exist.</param>
/// <param name="FileLocking">CONFIG_FILE_LOCKING: flock and record locks exist.</param>
/// <param name="Iomem">Rows of /proc/iomem, parents before children; derived from the machine's map when left out.</param>
/// <param name="Mtrr">Memory types of physical ranges; the rest is write-back.</param>
/// <param name="Claims">Ranges that a driver has claimed, on top of <paramref name="Iomem"/>.</param>
/// <param name="Cmdline">Kernel command line; <c>iomem=</c>, <c>nopat</c> and <c>lockdown=</c> count.</param>
/// <param name="Kmem">Rules of Tru64's memory devices.</param>
/// <param name="Errors">Errors for cases in which the manual only says that there is one.</param>
public sealed record FlavourOptions(
    string? Base = null,
    bool? StrictDevmem = null,
    bool? IoStrictDevmem = null,
    Lockdown? Lockdown = null,
    bool? Devmem = null,
    bool? Devport = null,
    bool? Devkmem = null,
    IReadOnlyList<string>? Caps = null,
    int? Uid = null,
    string? HighMemory = null,
    MapCacheWord? MmapCache = null,
    [property: Option(OptionKind.Address)] ulong? Kseg = null,
    int? PhysBits = null,
    [property: Option(OptionKind.Size, PowerOfTwo = true)] int? PageSize = null,
    bool? Pat = null,
    RangeCheck? RangeCheck = null,
    bool? SignalBreak = null,
    bool? SpliceFallback = null,
    bool? AdviseSyscalls = null,
    bool? FileLocking = null,
    IReadOnlyList<ResourceRow>? Iomem = null,
    IReadOnlyList<MemoryTypeRow>? Mtrr = null,
    IReadOnlyList<ResourceRow>? Claims = null,
    string? Cmdline = null,
    QuadwordOptions? Kmem = null,
    ErrorOptions? Errors = null);

/// <summary>A row of /proc/iomem.</summary>
/// <param name="Range">Physical addresses.</param>
/// <param name="Name">What stands there, for example <c>System RAM</c>.</param>
/// <param name="Busy">Whether a driver or the kernel has claimed it; when left out, the name tells.</param>
/// <param name="Exclusive">Whether the claim is exclusive even without CONFIG_IO_STRICT_DEVMEM.</param>
/// <param name="Ram">Whether it is RAM; when left out, the name tells.</param>
public sealed record ResourceRow(AddressRange Range, string Name = "", bool? Busy = null, bool Exclusive = false, bool? Ram = null);

/// <summary>A memory type range register.</summary>
/// <param name="Range">Physical addresses.</param>
/// <param name="Type">Type in the words of /proc/mtrr: uncachable, write-back, write-combining, write-through, write-protect.</param>
public sealed record MemoryTypeRow(AddressRange Range, string Type = "uncachable");

/// <summary>Rules of Tru64's memory devices.</summary>
/// <param name="Mmap">What becomes of mmap.</param>
/// <param name="PartialWrite">What becomes of a write of less than a quadword.</param>
/// <param name="Device">How device registers are touched.</param>
public sealed record QuadwordOptions(MapWord Mmap = MapWord.Refuse, PartialWriteWord PartialWrite = PartialWriteWord.Rmw, DeviceWord Device = DeviceWord.Quadword);

/// <summary>Names of the errors for cases in which kmem(7) only says that there is one.</summary>
/// <param name="Unmapped">Nothing is mapped at the address.</param>
/// <param name="UserAddress">The address belongs to user space.</param>
/// <param name="ProtectedWrite">A write to console, PAL or write-protected memory.</param>
public sealed record ErrorOptions(string? Unmapped = null, string? UserAddress = null, string? ProtectedWrite = null);
