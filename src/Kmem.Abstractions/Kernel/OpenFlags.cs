namespace Kmem.Abstractions;

/// <summary>Flags of open(2), in the numbers of Linux on x86-64; a frontend of another architecture translates.</summary>
/// <remarks>Source: open(2), include/uapi/asm-generic/fcntl.h.</remarks>
[Flags]
public enum OpenFlags
{
    /// <summary>Read only (access mode 0).</summary>
    ReadOnly = 0,

    /// <summary>Write only (access mode 1).</summary>
    WriteOnly = 1,

    /// <summary>Read and write (access mode 2).</summary>
    ReadWrite = 2,

    /// <summary>The bits of the access mode; mode 3 checks for reading and writing but allows neither.</summary>
    AccessMode = 3,

    /// <summary>O_CREAT.</summary>
    Create = 0x40,

    /// <summary>O_EXCL.</summary>
    Exclusive = 0x80,

    /// <summary>O_TRUNC.</summary>
    Truncate = 0x200,

    /// <summary>O_APPEND.</summary>
    Append = 0x400,

    /// <summary>O_NONBLOCK.</summary>
    NonBlocking = 0x800,

    /// <summary>O_DSYNC.</summary>
    DataSync = 0x1000,

    /// <summary>O_DIRECT.</summary>
    Direct = 0x4000,

    /// <summary>O_DIRECTORY.</summary>
    Directory = 0x1_0000,

    /// <summary>O_NOFOLLOW.</summary>
    NoFollow = 0x2_0000,

    /// <summary>O_NOATIME.</summary>
    NoAccessTime = 0x4_0000,

    /// <summary>O_CLOEXEC.</summary>
    CloseOnExec = 0x8_0000,

    /// <summary>O_SYNC, which includes O_DSYNC.</summary>
    Sync = 0x10_1000,

    /// <summary>O_PATH.</summary>
    Path = 0x20_0000,

    /// <summary>O_TMPFILE, which includes O_DIRECTORY.</summary>
    TemporaryFile = 0x41_0000,
}

/// <summary>A character device node.</summary>
/// <param name="Path">Path below the root of the machine's file tree, for example <c>dev/mem</c>.</param>
/// <param name="Major">Major number.</param>
/// <param name="Minor">Minor number.</param>
/// <param name="Mode">Permission bits, for example octal 0660.</param>
/// <param name="UserId">Owner.</param>
/// <param name="GroupId">Group.</param>
public sealed record DeviceNode(string Path, int Major, int Minor, int Mode, int UserId, int GroupId);

/// <summary>One open(2) of a node.</summary>
/// <param name="Node">The node, found by the caller's own path walk.</param>
/// <param name="Flags">The flags.</param>
/// <param name="Credentials">Who opens.</param>
public sealed record OpenRequest(DeviceNode Node, OpenFlags Flags, Credentials Credentials);
