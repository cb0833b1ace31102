using System.Buffers.Binary;
using System.Text;

namespace Kmem.Host.Fuse;

/// <summary>One request of the kernel: its header and its arguments in the buffer of a worker.</summary>
internal readonly struct FuseRequest
{
    private readonly byte[] _buffer;
    private readonly int _length;

    private FuseRequest(byte[] buffer, int length) => (_buffer, _length) = (buffer, length);

    public FuseOpcode Opcode => (FuseOpcode)U32Raw(4);

    public ulong Unique => U64Raw(8);

    public ulong NodeId => U64Raw(16);

    public FuseCaller Caller => new(U32Raw(24), U32Raw(28), U32Raw(32));

    /// <summary>Length of the arguments in bytes.</summary>
    public int ArgumentLength => _length - FuseProtocol.InHeader;

    /// <summary>Takes the message in a buffer; false when it is no whole request.</summary>
    public static bool TryParse(byte[] buffer, int received, out FuseRequest request)
    {
        request = new FuseRequest(buffer, received);
        return received >= FuseProtocol.InHeader && BinaryPrimitives.ReadUInt32LittleEndian(buffer) == (uint)received;
    }

    /// <summary>A 32-bit argument; the caller has checked <see cref="ArgumentLength"/>.</summary>
    public uint U32(int offset) => U32Raw(FuseProtocol.InHeader + offset);

    /// <summary>A 64-bit argument; the caller has checked <see cref="ArgumentLength"/>.</summary>
    public ulong U64(int offset) => U64Raw(FuseProtocol.InHeader + offset);

    /// <summary>Arguments from an offset on.</summary>
    public Memory<byte> Data(int offset, int length) => _buffer.AsMemory(FuseProtocol.InHeader + offset, length);

    /// <summary>The name that the arguments are, up to its final zero; null when there is none.</summary>
    public string? Name()
    {
        ReadOnlySpan<byte> arguments = _buffer.AsSpan(FuseProtocol.InHeader, ArgumentLength);
        int end = arguments.IndexOf((byte)0);
        return end <= 0 ? null : Encoding.UTF8.GetString(arguments[..end]);
    }

    private uint U32Raw(int offset) => BinaryPrimitives.ReadUInt32LittleEndian(_buffer.AsSpan(offset));

    private ulong U64Raw(int offset) => BinaryPrimitives.ReadUInt64LittleEndian(_buffer.AsSpan(offset));
}

/// <summary>The reply to one request, built in the buffer of a worker.</summary>
internal readonly struct FuseReply(byte[] buffer)
{
    /// <summary>Everything behind the header.</summary>
    public Memory<byte> Data(int length) => buffer.AsMemory(FuseProtocol.OutHeader, length);

    /// <summary>Clears <paramref name="length"/> bytes behind the header and gives them.</summary>
    public Span<byte> Clear(int length)
    {
        Span<byte> data = buffer.AsSpan(FuseProtocol.OutHeader, length);
        data.Clear();
        return data;
    }

    /// <summary>Fills in the header; the length of the whole reply.</summary>
    /// <param name="unique">Number of the request.</param>
    /// <param name="outcome">Bytes behind the header, or a negative error number.</param>
    public int Finish(ulong unique, int outcome)
    {
        int length = FuseProtocol.OutHeader + Math.Max(outcome, 0);
        BinaryPrimitives.WriteInt32LittleEndian(buffer, length);
        BinaryPrimitives.WriteInt32LittleEndian(buffer.AsSpan(4), Math.Min(outcome, 0));
        BinaryPrimitives.WriteUInt64LittleEndian(buffer.AsSpan(8), unique);
        return length;
    }
}
