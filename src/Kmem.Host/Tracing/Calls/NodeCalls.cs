using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Tracing.Calls;

/// <summary>What a path to a simulated device answers: status, permission, change of mode and owner.</summary>
internal static class NodeCalls
{
    private const int BlockSize = 4096;

    /// <summary>stat(2).</summary>
    public static long Status(Tracee tracee, ulong buffer, in Linux.HostStatus host, FileStatus status) =>
        DescriptorCalls.WriteStatus(tracee, buffer, status, host) ? 0 : -Errors.EFAULT;

    /// <summary>statx(2).</summary>
    public static long ExtendedStatus(Tracee tracee, ulong buffer, in Linux.HostStatus host, FileStatus status)
    {
        const int BasicStatus = 0x7FF;
        Span<byte> bytes = stackalloc byte[256];
        bytes.Clear();
        BinaryPrimitives.WriteInt32LittleEndian(bytes, BasicStatus);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[4..], status.BlockSize);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[16..], status.Links);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[20..], status.UserId);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[24..], status.GroupId);
        BinaryPrimitives.WriteInt16LittleEndian(bytes[28..], (short)status.Mode);
        BinaryPrimitives.WriteUInt64LittleEndian(bytes[32..], host.Inode);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[40..], status.Size);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[48..], status.Blocks);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[64..], host.AccessedSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[96..], host.ChangedSeconds);
        BinaryPrimitives.WriteInt64LittleEndian(bytes[112..], host.ModifiedSeconds);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[128..], status.Major);
        BinaryPrimitives.WriteInt32LittleEndian(bytes[132..], status.Minor);
        return tracee.Memory.Write(buffer, bytes) == bytes.Length ? 0 : -Errors.EFAULT;
    }

    /// <summary>access(2): what an open for the same would say; nobody may execute a device.</summary>
    public static long Access(Tracee tracee, SessionNode node, int mode)
    {
        const int Execute = 1, Write = 2, Read = 4;
        if ((mode & ~7) != 0)
        {
            return -Errors.EINVAL;
        }

        if ((mode & Execute) != 0 && (node.Node.Mode & 0x49) == 0)
        {
            return -Errors.EACCES;
        }

        Credentials who = ThreadCredentials.Of(tracee);
        if ((who.Capabilities & Capabilities.DacOverride) != 0)
        {
            return 0;
        }

        int shift = who.UserId == node.Node.UserId ? 6 : who.GroupId == node.Node.GroupId || who.Groups.Contains(node.Node.GroupId) ? 3 : 0;
        int wanted = mode & (Read | Write | Execute);
        return ((node.Node.Mode >> shift) & wanted) == wanted ? 0 : -Errors.EACCES;
    }

    /// <summary>chmod(2).</summary>
    public static long ChangeMode(Tracee tracee, SessionNode node, int mode)
    {
        if (!IsOwner(tracee, node))
        {
            return -Errors.EPERM;
        }

        node.Node = node.Node with { Mode = mode & 0xFFF };
        return 0;
    }

    /// <summary>chown(2); -1 leaves one of the two alone.</summary>
    public static long ChangeOwner(Tracee tracee, SessionNode node, int user, int group)
    {
        if (!IsOwner(tracee, node))
        {
            return -Errors.EPERM;
        }

        node.Node = node.Node with { UserId = user == -1 ? node.Node.UserId : user, GroupId = group == -1 ? node.Node.GroupId : group };
        return 0;
    }

    private static bool IsOwner(Tracee tracee, SessionNode node)
    {
        Credentials who = ThreadCredentials.Of(tracee);
        return who.UserId == node.Node.UserId || (who.Capabilities & Capabilities.Fowner) != 0;
    }

    /// <summary>What a path to a node shows.</summary>
    public static FileStatus Describe(SessionNode node) =>
        new(node.Kind | node.Node.Mode, node.Node.Major, node.Node.Minor, 0, BlockSize, 0, 1, node.Node.UserId, node.Node.GroupId);
}
