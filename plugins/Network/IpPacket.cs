using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>An IP packet, version 4, not fragmented.</summary>
/// <param name="Protocol">Number of the protocol inside.</param>
/// <param name="Source">Address that sent it.</param>
/// <param name="Destination">Address that it is for.</param>
/// <param name="Header">The header with its options.</param>
/// <param name="Payload">What is inside.</param>
internal sealed record IpPacket(byte Protocol, uint Source, uint Destination, ReadOnlyMemory<byte> Header, ReadOnlyMemory<byte> Payload)
{
    private const int HeaderLength = 20;

    /// <summary>Reads a packet; null when it is damaged, a fragment, or of another version.</summary>
    public static IpPacket? Parse(ReadOnlySpan<byte> bytes)
    {
        if (bytes.Length < HeaderLength || bytes[0] >> 4 != 4)
        {
            return null;
        }

        int header = (bytes[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(bytes[6..]) & 0x3FFF) != 0;
        if (header < HeaderLength || total < header || total > bytes.Length || isFragment || Checksum.Of(bytes[..header]) != 0)
        {
            return null;
        }

        return new IpPacket(
            bytes[9], BinaryPrimitives.ReadUInt32BigEndian(bytes[12..]), BinaryPrimitives.ReadUInt32BigEndian(bytes[16..]), bytes[..header].ToArray(), bytes[header..total].ToArray());
    }

    /// <summary>A frame from the gateway to whoever sent another one.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> received, byte protocol, uint source, uint destination, ReadOnlySpan<byte> payload)
    {
        byte[] header = new byte[HeaderLength];
        (header[0], header[8], header[9]) = (0x45, 64, protocol);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(HeaderLength + payload.Length));
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), source);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(16), destination);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), Checksum.Of(header));
        return [.. received.Slice(6, 6), .. Addresses.GatewayMac, 0x08, 0x00, .. header, .. payload];
    }

    /// <summary>A UDP datagram.</summary>
    public static byte[] Datagram(uint source, uint destination, ushort from, ushort to, ReadOnlySpan<byte> data)
    {
        const byte Udp = 17;
        byte[] datagram = [0, 0, 0, 0, 0, 0, 0, 0, .. data];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, from);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), to);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        ushort sum = Checksum.Of(datagram, Checksum.PseudoHeader(source, destination, Udp, datagram.Length));
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), sum == 0 ? ushort.MaxValue : sum);
        return datagram;
    }
}
