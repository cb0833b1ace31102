namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>What a kernel does with an ioctl request before a driver sees it.</summary>
public enum IoctlRule
{
    /// <summary>Succeeds and changes nothing that a device sees.</summary>
    Accept,

    /// <summary>Reads an int and sets or clears O_NONBLOCK by it.</summary>
    NonBlocking,

    /// <summary>Reads an int; a driver without a fasync operation can only leave it off.</summary>
    Asynchronous,

    /// <summary>Stores the block size of the file system that holds the node.</summary>
    BlockSize,

    /// <summary>The file system that holds the node can't do it: EOPNOTSUPP.</summary>
    NotSupported,

    /// <summary>The argument is a descriptor of a file that can't be the source of a clone: EBADF.</summary>
    CloneSource,
}

/// <summary>The ioctl requests that kernels answer by themselves.</summary>
/// <remarks>Source: Linux 6.1 fs/ioctl.c; numbers from include/uapi/asm-generic/ioctls.h and arch/alpha/include/uapi/asm/ioctls.h.</remarks>
public static class IoctlTables
{
    /// <summary>None.</summary>
    public static IReadOnlyDictionary<uint, IoctlRule> None { get; } = new Dictionary<uint, IoctlRule>();

    /// <summary>Linux with the generic numbers.</summary>
    public static IReadOnlyDictionary<uint, IoctlRule> LinuxGeneric { get; } = new Dictionary<uint, IoctlRule>
    {
        [0x5450] = IoctlRule.Accept,            // FIONCLEX
        [0x5451] = IoctlRule.Accept,            // FIOCLEX
        [0x5421] = IoctlRule.NonBlocking,       // FIONBIO
        [0x5452] = IoctlRule.Asynchronous,      // FIOASYNC
        [0x0002] = IoctlRule.BlockSize,         // FIGETBSZ
        [0xC020_660B] = IoctlRule.NotSupported, // FS_IOC_FIEMAP
        [0xC004_5877] = IoctlRule.NotSupported, // FIFREEZE
        [0x4004_9409] = IoctlRule.CloneSource,  // FICLONE
    };

    /// <summary>Linux on Alpha, whose requests hold three bits of direction and thirteen of size.</summary>
    public static IReadOnlyDictionary<uint, IoctlRule> LinuxAlpha { get; } = new Dictionary<uint, IoctlRule>
    {
        [0x2000_6602] = IoctlRule.Accept,
        [0x2000_6601] = IoctlRule.Accept,
        [0x8004_667E] = IoctlRule.NonBlocking,
        [0x8004_667D] = IoctlRule.Asynchronous,
        [0x2000_0002] = IoctlRule.BlockSize,
        [0xC020_660B] = IoctlRule.NotSupported,
        [0xC004_5877] = IoctlRule.NotSupported,
        [0x8004_9409] = IoctlRule.CloneSource,
    };
}
