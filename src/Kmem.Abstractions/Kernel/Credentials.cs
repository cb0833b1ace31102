namespace Kmem.Abstractions;

/// <summary>Capabilities that matter to a character device; bit numbers of Linux.</summary>
/// <remarks>Source: capabilities(7), include/uapi/linux/capability.h.</remarks>
[Flags]
public enum Capabilities : ulong
{
    /// <summary>None.</summary>
    None = 0,

    /// <summary>CAP_DAC_OVERRIDE: mode bits don't count.</summary>
    DacOverride = 1UL << 1,

    /// <summary>CAP_DAC_READ_SEARCH: mode bits don't count for reading.</summary>
    DacReadSearch = 1UL << 2,

    /// <summary>CAP_FOWNER: what only an owner may do.</summary>
    Fowner = 1UL << 3,

    /// <summary>CAP_SYS_RAWIO: access to memory and ports.</summary>
    SysRawio = 1UL << 17,

    /// <summary>CAP_SYS_ADMIN.</summary>
    SysAdmin = 1UL << 21,

    /// <summary>All of them.</summary>
    All = ulong.MaxValue,
}

/// <summary>Who makes a call.</summary>
/// <param name="UserId">Effective user.</param>
/// <param name="GroupId">Effective group.</param>
/// <param name="Capabilities">Effective capabilities.</param>
public sealed record Credentials(int UserId, int GroupId, Capabilities Capabilities)
{
    /// <summary>User 0 with all capabilities.</summary>
    public static Credentials Root { get; } = new(0, 0, Capabilities.All);

    /// <summary>Supplementary groups.</summary>
    public IReadOnlyList<int> Groups { get; init; } = [];

    /// <summary>An ordinary user without capabilities.</summary>
    public static Credentials User(int userId, int groupId) => new(userId, groupId, Capabilities.None);
}
