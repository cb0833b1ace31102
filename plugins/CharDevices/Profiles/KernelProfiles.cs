using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>The built-in profiles.</summary>
/// <remarks>
/// Source: recordings of Linux 6.1 on x86-64 and Alpha under QEMU 7.2; Linux sources drivers/char/mem.c and arch/x86/mm/pat for 4.15 and
/// for what no recording shows; kmem(7) of Tru64 UNIX.
/// </remarks>
public static class KernelProfiles
{
    private const ulong X86UserLimit = 0x7FFF_FFFF_F000, AlphaUserLimit = 1UL << 42, Kseg = 0xFFFF_FC00_0000_0000;

    /// <summary>No kernel rules at all.</summary>
    public static KernelProfile Raw { get; } = new("raw", KernelFamily.Raw, 4096, X86UserLimit)
    {
        RefusesNegativeOffsets = false,
        SignalBreak = true,
        DirectMap = Kseg,
    };

    /// <summary>Linux 6.1 on x86-64 as Debian configures it.</summary>
    public static KernelProfile Linux61 { get; } = new("linux-6.1-x86_64", KernelFamily.Linux, 4096, X86UserLimit)
    {
        Ioctls = IoctlTables.LinuxGeneric,
        RequiresRawIo = true,
        HasKmem = false,
        StrictDevmem = true,
        IoStrictDevmem = true,
        HasPageAttributes = true,
        RangeCheck = RangeCheck.LastByte,
        SignalBreak = true,
        PhysicalBits = 40,
        RefusesPartialRam = true,
        HasLowMegabyte = true,
        ActsAsCpu = true,
        DirectMap = 0xFFFF_8880_0000_0000,
        Vmalloc = new(0xFFFF_C900_0000_0000, 0xFFFF_E8FF_FFFF_FFFF),
        Modules = new(0xFFFF_FFFF_A000_0000, 0xFFFF_FFFF_FEFF_FFFF),
        TextMap = 0xFFFF_FFFF_8000_0000,
    };

    /// <summary>Linux 4.15 on x86-64 without a distribution's changes, with CONFIG_DEVKMEM.</summary>
    public static KernelProfile Linux415 { get; } = Linux61 with
    {
        Name = "linux-4.15-x86_64",
        HasKmem = true,
        IoStrictDevmem = false,
        RangeCheck = RangeCheck.FirstByteAfter,
        SignalBreak = false,
        SpliceFallback = true,
        DirectMap = 0xFFFF_8800_0000_0000,
    };

    /// <summary>Linux 6.1 on Alpha.</summary>
    public static KernelProfile Linux61Alpha { get; } = new("linux-6.1-alpha", KernelFamily.Linux, 8192, AlphaUserLimit)
    {
        ErrorNumbers = AlphaErrorNumbers,
        Ioctls = IoctlTables.LinuxAlpha,
        RequiresRawIo = true,
        HasKmem = false,
        RangeCheck = RangeCheck.FirstByteAfter,
        SignalBreak = true,
        TableEntryBits = 45,
        ChecksMapWrapFirst = true,
        ActsAsCpu = true,
        SurvivesMachineChecks = true,
        FixesUnaligned = true,
        DirectMap = Kseg,
        Vmalloc = new(0xFFFF_FE00_0000_0000, 0xFFFF_FFFB_FFFF_FFFF),
    };

    /// <summary>Tru64 UNIX 5.1.</summary>
    public static KernelProfile Tru64 { get; } = new("tru64-5.1", KernelFamily.Tru64, 8192, AlphaUserLimit)
    {
        ErrorNumbers = AlphaErrorNumbers,
        HasPort = false,
        RefusesNegativeOffsets = false,
        SurvivesMachineChecks = true,
        DirectMap = Kseg,
    };

    /// <summary>All of them.</summary>
    public static IReadOnlyList<KernelProfile> All { get; } = [Raw, Linux61, Linux415, Linux61Alpha, Tru64];

    /// <summary>Alpha's own numbers; OSF/1 had them first.</summary>
    /// <remarks>Source: Linux 6.1 arch/alpha/include/uapi/asm/errno.h; EOVERFLOW as recorded.</remarks>
    private static Dictionary<Errno, int> AlphaErrorNumbers => new()
    {
        [Errno.EAGAIN] = 35,
        [Errno.EOPNOTSUPP] = 45,
        [Errno.ENOSYS] = 78,
        [Errno.EOVERFLOW] = 112,
    };

    /// <summary>The profile of a name.</summary>
    /// <exception cref="MachineException">There is none.</exception>
    public static KernelProfile Find(string name) => All.FirstOrDefault(p => p.Name == name)
        ?? throw new MachineException($"There is no kernel profile '{name}'; there are {string.Join(", ", All.Select(p => p.Name))}.") { Option = "base" };
}
