using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Udp;

/// <summary>A UDP datagram as it arrives.</summary>
/// <remarks>Source: RFC 768, "Format".</remarks>
internal readonly ref struct UdpDatagram
{
    private const int HeaderLength = 8;

    private UdpDatagram(ushort source, ushort destination, ReadOnlySpan<byte> data)
    {
        (Source, Destination) = (source, destination);
        Data = data;
    }

    public ushort Source { get; }

    public ushort Destination { get; }

    public ReadOnlySpan<byte> Data { get; }

    /// <summary>Reads a datagram; false when it is damaged.</summary>
    public static bool TryParse(in IpPacket packet, out UdpDatagram datagram)
    {
        datagram = default;
        ReadOnlySpan<byte> bytes = packet.Payload;
        int length = bytes.Length < HeaderLength ? 0 : BinaryPrimitives.ReadUInt16BigEndian(bytes[4..]);
        if (length < HeaderLength || length > bytes.Length)
        {
            return false;
        }

        bool hasSum = (bytes[6] | bytes[7]) != 0;
        if (hasSum && InternetChecksum.Of(bytes[..length], InternetChecksum.PseudoHeader(packet.Source, packet.Destination, IpPacket.Udp, length)) != 0)
        {
            return false;
        }

        datagram = new UdpDatagram(BinaryPrimitives.ReadUInt16BigEndian(bytes), BinaryPrimitives.ReadUInt16BigEndian(bytes[2..]), bytes[HeaderLength..length]);
        return true;
    }

    /// <summary>The bytes of a datagram.</summary>
    public static byte[] Write(uint source, uint destination, ushort from, ushort to, ReadOnlySpan<byte> data)
    {
        byte[] datagram = [0, 0, 0, 0, 0, 0, 0, 0, .. data];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, from);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), to);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        ushort sum = InternetChecksum.Of(datagram, InternetChecksum.PseudoHeader(source, destination, IpPacket.Udp, datagram.Length));
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), sum == 0 ? ushort.MaxValue : sum);
        return datagram;
    }
}
