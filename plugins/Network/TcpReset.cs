using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>Refusals of TCP connections.</summary>
/// <remarks>Source: RFC 793, section 3.4 "Reset Generation".</remarks>
internal static class TcpReset
{
    private const byte Fin = 1, Syn = 2, Reset = 4, Acknowledge = 16, Tcp = 6;

    /// <summary>The segment that answers another one; null for none.</summary>
    public static byte[]? To(IpPacket packet, ReadOnlySpan<byte> segment)
    {
        byte flags = segment[13];
        int header = (segment[12] >> 4) * 4;
        if ((flags & Reset) != 0 || header < 20 || header > segment.Length)
        {
            return null;
        }

        bool isAcknowledged = (flags & Acknowledge) != 0;
        uint sequence = isAcknowledged ? BinaryPrimitives.ReadUInt32BigEndian(segment[8..]) : 0;
        uint next = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]) + (uint)(segment.Length - header) + ((flags & Syn) != 0 ? 1u : 0) + ((flags & Fin) != 0 ? 1u : 0);
        byte[] reset = [.. segment.Slice(2, 2), .. segment[..2], .. new byte[8], 0x50, isAcknowledged ? Reset : (byte)(Reset | Acknowledge), 0, 0, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(reset.AsSpan(4), sequence);
        BinaryPrimitives.WriteUInt32BigEndian(reset.AsSpan(8), isAcknowledged ? 0 : next);
        BinaryPrimitives.WriteUInt16BigEndian(reset.AsSpan(16), Checksum.Of(reset, Checksum.PseudoHeader(packet.Destination, packet.Source, Tcp, reset.Length)));
        return reset;
    }
}
