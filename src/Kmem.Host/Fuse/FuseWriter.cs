using System.Buffers.Binary;
using System.Text;

namespace Kmem.Host.Fuse;

/// <summary>Writes the structures of replies.</summary>
/// <remarks>Source: Linux include/uapi/linux/fuse.h, structures fuse_attr, fuse_entry_out, fuse_init_out, fuse_dirent, fuse_kstatfs.</remarks>
internal sealed class FuseWriter(ulong mountedAt)
{
    private const uint BlockSize = 4096, LongestName = 255;

    /// <summary>Seconds for which the kernel may keep a name, and the attributes of a file whose size stays.</summary>
    private const ulong Valid = 1;

    public int Entry(FuseReply reply, FuseNode node, ulong id)
    {
        Span<byte> data = reply.Clear(FuseProtocol.EntryReply);
        U64(data, 0, id);
        U64(data, 16, Valid);
        U64(data, 24, node.HasVariableSize ? 0 : Valid);
        Attributes(data[40..], node, id);
        return data.Length;
    }

    public int AttributesReply(FuseReply reply, FuseNode node, ulong id)
    {
        Span<byte> data = reply.Clear(FuseProtocol.AttributesReply);
        U64(data, 0, node.HasVariableSize ? 0 : Valid);
        Attributes(data[16..], node, id);
        return data.Length;
    }

    public static int Opened(FuseReply reply, ulong handle, FuseOpenFlags flags, int backing = 0)
    {
        Span<byte> data = reply.Clear(FuseProtocol.OpenReply);
        U64(data, 0, handle);
        U32(data, 8, (uint)flags);
        U32(data, 12, (uint)backing);
        return data.Length;
    }

    public static int Written(FuseReply reply, uint count)
    {
        Span<byte> data = reply.Clear(8);
        U32(data, 0, count);
        return data.Length;
    }

    public static int StatFs(FuseReply reply)
    {
        Span<byte> data = reply.Clear(FuseProtocol.StatFsReply);
        U32(data, 40, BlockSize);
        U32(data, 44, LongestName);
        U32(data, 48, BlockSize);
        return data.Length;
    }

    public static int Init(FuseReply reply, uint readAhead, FuseFeatures features)
    {
        Span<byte> data = reply.Clear(FuseProtocol.InitReply);
        U32(data, 0, FuseProtocol.Major);
        U32(data, 4, FuseProtocol.Minor);
        U32(data, 8, readAhead);
        U32(data, 12, (uint)features);
        BinaryPrimitives.WriteUInt16LittleEndian(data[16..], 64);   // requests in the background
        BinaryPrimitives.WriteUInt16LittleEndian(data[18..], 48);   // of which so many are congestion
        U32(data, 20, FuseProtocol.MaxTransfer);
        U32(data, 24, 1);                                           // granularity of times in ns
        BinaryPrimitives.WriteUInt16LittleEndian(data[28..], FuseProtocol.MaxPages);
        U32(data, 32, (uint)((ulong)features >> 32));
        U32(data, 36, (features & FuseFeatures.Passthrough) != 0 ? 1u : 0);   // file systems below us
        return data.Length;
    }

    /// <summary>Puts a directory entry behind the others; the new length, or -1 when it does not fit.</summary>
    public static int Directory(Span<byte> data, int used, string name, ulong id, bool isDirectory, ulong next)
    {
        int bytes = Encoding.UTF8.GetByteCount(name), length = (FuseProtocol.DirectoryEntry + bytes + 7) & ~7;
        if (used + length > data.Length)
        {
            return -1;
        }

        Span<byte> entry = data.Slice(used, length);
        entry.Clear();
        U64(entry, 0, id);
        U64(entry, 8, next);
        U32(entry, 16, (uint)bytes);
        U32(entry, 20, (isDirectory ? FuseProtocol.DirectoryMode : FuseProtocol.RegularMode) >> 12);
        Encoding.UTF8.GetBytes(name, entry[FuseProtocol.DirectoryEntry..]);
        return used + length;
    }

    private void Attributes(Span<byte> data, FuseNode node, ulong id)
    {
        bool isDirectory = node is FuseDirectory;
        U64(data, 0, id);
        U64(data, 8, node.Size);
        for (int time = 24; time <= 40; time += 8)
        {
            U64(data, time, mountedAt);
        }

        U32(data, 60, (uint)node.Mode | (isDirectory ? FuseProtocol.DirectoryMode : FuseProtocol.RegularMode));
        U32(data, 64, isDirectory ? 2u : 1);
        U32(data, 68, node.UserId);
        U32(data, 72, node.GroupId);
        U32(data, 80, BlockSize);
    }

    private static void U32(Span<byte> data, int offset, uint value) => BinaryPrimitives.WriteUInt32LittleEndian(data[offset..], value);

    private static void U64(Span<byte> data, int offset, ulong value) => BinaryPrimitives.WriteUInt64LittleEndian(data[offset..], value);
}
