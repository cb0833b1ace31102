using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>Everything in which one kernel differs from another in front of the same machine.</summary>
/// <param name="Name">Name of the profile, for example <c>linux-6.1-x86_64</c>.</param>
/// <param name="Family">Whose drivers these are.</param>
/// <param name="PageSize">Page size in bytes.</param>
/// <param name="UserLimit">First address that is not user space.</param>
public sealed record KernelProfile(string Name, KernelFamily Family, int PageSize, ulong UserLimit)
{
    /// <summary>Numbers of errors that are not those of Linux on x86.</summary>
    public IReadOnlyDictionary<Errno, int> ErrorNumbers { get; init; } = new Dictionary<Errno, int>();

    /// <summary>What the kernel itself does with ioctl requests.</summary>
    public IReadOnlyDictionary<uint, IoctlRule> Ioctls { get; init; } = IoctlTables.None;

    /// <summary>Whether opening mem, kmem and port takes CAP_SYS_RAWIO.</summary>
    public bool RequiresRawIo { get; init; }

    /// <summary>How far the kernel is locked down.</summary>
    public Lockdown Lockdown { get; init; }

    /// <summary>Whether there is a mem device.</summary>
    public bool HasMem { get; init; } = true;

    /// <summary>Whether there is a kmem device.</summary>
    public bool HasKmem { get; init; } = true;

    /// <summary>Whether there is a port device.</summary>
    public bool HasPort { get; init; } = true;

    /// <summary>CONFIG_STRICT_DEVMEM.</summary>
    public bool StrictDevmem { get; init; }

    /// <summary>CONFIG_IO_STRICT_DEVMEM.</summary>
    public bool IoStrictDevmem { get; init; }

    /// <summary>Whether claims of drivers count at all; <c>iomem=relaxed</c> turns that off.</summary>
    public bool ChecksClaims { get; init; } = true;

    /// <summary>Whether the page attribute table is in use, so that memory types of mappings are reserved.</summary>
    public bool HasPageAttributes { get; init; }

    /// <summary>Whether O_SYNC and O_DSYNC ask for uncached mappings.</summary>
    public bool UncachedBySync { get; init; } = true;

    /// <summary>How read and write check their range.</summary>
    public RangeCheck RangeCheck { get; init; }

    /// <summary>Whether a pending signal ends a long transfer after the page in hand.</summary>
    public bool SignalBreak { get; init; }

    /// <summary>Whether splice and sendfile work through read and write.</summary>
    public bool SpliceFallback { get; init; }

    /// <summary>Whether madvise and fadvise exist.</summary>
    public bool AdviseCalls { get; init; } = true;

    /// <summary>Whether flock and record locks exist.</summary>
    public bool FileLocking { get; init; } = true;

    /// <summary>Physical address bits that mmap checks; 64 for no limit.</summary>
    public int PhysicalBits { get; init; } = 64;

    /// <summary>Physical address bits that a page table entry holds; higher ones are lost without an error.</summary>
    public int TableEntryBits { get; init; } = 64;

    /// <summary>Whether mmap checks that offset plus length fits 64 bits before all else, as osf_mmap does.</summary>
    public bool ChecksMapWrapFirst { get; init; }

    /// <summary>Whether a page that is RAM only in part can't be mapped by read and write.</summary>
    public bool RefusesPartialRam { get; init; }

    /// <summary>Whether the first MiB is special: its RAM reads as zeros when strict, its hole from 640 KiB is never RAM, page 0 belongs to firmware.</summary>
    public bool HasLowMegabyte { get; init; }

    /// <summary>Whether pread and pwrite refuse negative offsets.</summary>
    public bool RefusesNegativeOffsets { get; init; } = true;

    /// <summary>Whether drivers act as a CPU in kernel mode, whom the policy of firmware areas for character devices does not bind.</summary>
    public bool ActsAsCpu { get; init; }

    /// <summary>Whether an access that nobody answers is a machine check that the kernel logs and survives.</summary>
    public bool SurvivesMachineChecks { get; init; }

    /// <summary>Whether unaligned accesses through mappings are done by the kernel with aligned quadwords.</summary>
    public bool FixesUnaligned { get; init; }

    /// <summary>First virtual address of the direct map; for Alpha the segment KSEG.</summary>
    public ulong DirectMap { get; init; }

    /// <summary>The vmalloc area.</summary>
    public AddressRange Vmalloc { get; init; }

    /// <summary>The area of modules.</summary>
    public AddressRange Modules { get; init; }

    /// <summary>Where the kernel's text is mapped a second time; 0 when it is not.</summary>
    public ulong TextMap { get; init; }

    /// <summary>Rules of Tru64's memory devices.</summary>
    public QuadwordOptions Quadwords { get; init; } = new();

    /// <summary>Error for an address at which nothing is mapped, under Tru64.</summary>
    public Errno UnmappedError { get; init; } = Errno.EFAULT;

    /// <summary>Error for an address of user space, under Tru64.</summary>
    public Errno UserAddressError { get; init; } = Errno.EFAULT;

    /// <summary>Error for a write to console, PAL or write-protected memory, under Tru64.</summary>
    public Errno ProtectedWriteError { get; init; } = Errno.EACCES;

    /// <summary>Number of low address bits inside a page.</summary>
    public int PageShift => System.Numerics.BitOperations.Log2((uint)PageSize);
}
