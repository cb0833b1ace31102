using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <summary>The checks of open(2) that don't depend on the driver.</summary>
/// <remarks>Source: Linux 6.1 fs/namei.c and fs/open.c; order as recorded.</remarks>
internal static class OpenRules
{
    private const OpenFlags TemporaryBit = OpenFlags.TemporaryFile & ~OpenFlags.Directory;

    /// <summary>What the path walk and the permission check say.</summary>
    public static Errno Check(OpenRequest request)
    {
        OpenFlags flags = request.Flags;
        if ((flags & TemporaryBit) != 0 && ((flags & OpenFlags.Directory) == 0 || !WantsToWrite(flags)))
        {
            return Errno.EINVAL;
        }

        if ((flags & OpenFlags.Path) == 0 && (flags & (OpenFlags.Create | OpenFlags.Exclusive)) == (OpenFlags.Create | OpenFlags.Exclusive))
        {
            return Errno.EEXIST;
        }

        if ((flags & OpenFlags.Directory) != 0)
        {
            return Errno.ENOTDIR;
        }

        if ((flags & OpenFlags.Path) != 0)
        {
            return Errno.None;
        }

        if (!IsPermitted(request))
        {
            return Errno.EACCES;
        }

        bool isOwner = request.Credentials.UserId == request.Node.UserId || (request.Credentials.Capabilities & Capabilities.Fowner) != 0;
        return (flags & OpenFlags.NoAccessTime) != 0 && !isOwner ? Errno.EPERM : Errno.None;
    }

    private static bool WantsToWrite(OpenFlags flags) => (flags & OpenFlags.AccessMode) != OpenFlags.ReadOnly;

    private static bool IsPermitted(OpenRequest request)
    {
        const int Read = 4, Write = 2;
        int wanted = (request.Flags & OpenFlags.AccessMode) switch
        {
            OpenFlags.ReadOnly => Read,
            OpenFlags.WriteOnly => Write,
            _ => Read | Write,
        };
        if ((request.Flags & OpenFlags.Truncate) != 0)
        {
            wanted |= Write;
        }

        Credentials who = request.Credentials;
        if ((who.Capabilities & Capabilities.DacOverride) != 0 || (wanted == Read && (who.Capabilities & Capabilities.DacReadSearch) != 0))
        {
            return true;
        }

        DeviceNode node = request.Node;
        int allowed = who.UserId == node.UserId ? node.Mode >> 6
            : who.GroupId == node.GroupId || who.Groups.Contains(node.GroupId) ? node.Mode >> 3
            : node.Mode;
        return (allowed & wanted) == wanted;
    }
}
