using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>What a context descriptor says: where checksums lie, and how a packet is cut into segments.</summary>
/// <remarks>Source: Intel, the family's manual, sections 3.3.6 "TCP/IP Context Descriptor Layout" and 3.5 "TCP Segmentation".</remarks>
internal struct TransmitContext
{
    public byte IpStart, IpOffset, TcpStart, TcpOffset, HeaderLength;
    public ushort IpEnd, TcpEnd, Mss;
    public uint PayloadLength;
    public bool IsTcp, IsIp4;

    /// <summary>Reads a descriptor.</summary>
    public static TransmitContext Read(ReadOnlySpan<byte> descriptor)
    {
        uint command = BinaryPrimitives.ReadUInt32LittleEndian(descriptor[8..]);
        return new TransmitContext
        {
            IpStart = descriptor[0],
            IpOffset = descriptor[1],
            IpEnd = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[2..]),
            TcpStart = descriptor[4],
            TcpOffset = descriptor[5],
            TcpEnd = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[6..]),
            PayloadLength = command & 0xF_FFFF,
            IsTcp = (command & (1 << 24)) != 0,
            IsIp4 = (command & (1 << 25)) != 0,
            HeaderLength = descriptor[13],
            Mss = BinaryPrimitives.ReadUInt16LittleEndian(descriptor[14..]),
        };
    }

    /// <summary>Puts the checksum of the IP header in.</summary>
    public readonly void InsertIp(Span<byte> frame) => Insert(frame, IpStart, IpEnd, IpOffset);

    /// <summary>Puts the checksum of TCP or UDP in, in the place of that of the pseudo header.</summary>
    public readonly void InsertTcp(Span<byte> frame) => Insert(frame, TcpStart, TcpEnd, TcpOffset);

    /// <summary>Sums a part of a frame up into one of its fields.</summary>
    public static void Insert(Span<byte> frame, int start, int end, int at)
    {
        int last = end == 0 || end >= frame.Length ? frame.Length : end + 1;
        if (start < last && at + 2 <= frame.Length)
        {
            BinaryPrimitives.WriteUInt16BigEndian(frame[at..], InternetChecksum.Of(frame[start..last]));
        }
    }
}
