using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>An IP packet, version 4, as it lies in a frame.</summary>
/// <remarks>Source: RFC 791, section 3.1 "Internet Header Format".</remarks>
internal readonly ref struct IpPacket
{
    public const int HeaderLength = 20, MostPayload = 1500 - HeaderLength;
    public const byte Icmp = 1, Tcp = 6, Udp = 17;
    private const int EthernetHeader = 14;

    private IpPacket(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Header = header;
        Payload = payload;
    }

    /// <summary>The header with its options.</summary>
    public ReadOnlySpan<byte> Header { get; }

    /// <summary>What is inside.</summary>
    public ReadOnlySpan<byte> Payload { get; }

    /// <summary>Number of the protocol inside.</summary>
    public byte Protocol => Header[9];

    /// <summary>Address that sent it.</summary>
    public uint Source => BinaryPrimitives.ReadUInt32BigEndian(Header[12..]);

    /// <summary>Address that it is for.</summary>
    public uint Destination => BinaryPrimitives.ReadUInt32BigEndian(Header[16..]);

    /// <summary>The number that a datagram's pieces share.</summary>
    public ushort Identification => BinaryPrimitives.ReadUInt16BigEndian(Header[4..]);

    /// <summary>Where in the datagram the payload lies, in bytes.</summary>
    public int FragmentOffset => (BinaryPrimitives.ReadUInt16BigEndian(Header[6..]) & 0x1FFF) * 8;

    /// <summary>Whether pieces follow that lie further back in the datagram.</summary>
    public bool HasMoreFragments => (Header[6] & 0x20) != 0;

    /// <summary>Whether it is a piece of a datagram.</summary>
    public bool IsFragment => HasMoreFragments || FragmentOffset != 0;

    /// <summary>The sum of the pseudo header over the payload; 0 is what a right checksum of TCP or UDP gives.</summary>
    public ushort Sum => InternetChecksum.Of(Payload, InternetChecksum.PseudoHeader(Source, Destination, Protocol, Payload.Length));

    /// <summary>Reads a packet; false when it is damaged or of another version.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out IpPacket packet)
    {
        packet = default;
        if (bytes.Length < HeaderLength || bytes[0] >> 4 != 4)
        {
            return false;
        }

        int header = (bytes[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]);
        if (header < HeaderLength || total < header || total > bytes.Length || InternetChecksum.Of(bytes[..header]) != 0)
        {
            return false;
        }

        packet = new IpPacket(bytes[..header], bytes[header..total]);
        return true;
    }

    /// <summary>A packet of which a header and what is inside are known.</summary>
    public static IpPacket Of(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload) => new(header, payload);

    /// <summary>A frame from the gateway with room for a payload, which begins at <see cref="PayloadOf"/>.</summary>
    public static byte[] Frame(ReadOnlySpan<byte> mac, byte protocol, uint source, uint destination, int length, ushort identification = 0, int fragment = 0)
    {
        byte[] frame = new byte[EthernetHeader + HeaderLength + length];
        mac.CopyTo(frame);
        Addresses.GatewayMac.CopyTo(frame.AsSpan(6));
        frame[12] = 8;
        Span<byte> header = frame.AsSpan(EthernetHeader, HeaderLength);
        (header[0], header[8], header[9]) = (0x45, 64, protocol);
        BinaryPrimitives.WriteUInt16BigEndian(header[2..], (ushort)(HeaderLength + length));
        BinaryPrimitives.WriteUInt16BigEndian(header[4..], identification);
        BinaryPrimitives.WriteUInt16BigEndian(header[6..], (ushort)fragment);
        BinaryPrimitives.WriteUInt32BigEndian(header[12..], source);
        BinaryPrimitives.WriteUInt32BigEndian(header[16..], destination);
        BinaryPrimitives.WriteUInt16BigEndian(header[10..], InternetChecksum.Of(header));
        return frame;
    }

    /// <summary>The payload of a frame that <see cref="Frame"/> made.</summary>
    public static Span<byte> PayloadOf(byte[] frame) => frame.AsSpan(EthernetHeader + HeaderLength);
}
