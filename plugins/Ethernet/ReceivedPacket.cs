using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>What the controller finds out about a frame that has come.</summary>
/// <param name="Status">Status bits of its last descriptor.</param>
/// <param name="Errors">Error bits.</param>
internal readonly record struct ReceivedPacket(byte Status, byte Errors)
{
    private const byte IgnoreSums = 0x04, TcpSum = 0x20, IpSum = 0x40, BadTcp = 0x20, BadIp = 0x40;

    /// <summary>Checks the checksums of a frame.</summary>
    /// <param name="frame">The frame, without a VLAN tag that was taken off.</param>
    /// <param name="checksIp">Whether those of IP headers are wanted.</param>
    /// <param name="checksTcp">Whether those of TCP and UDP are wanted.</param>
    /// <param name="vlan">EtherType of VLAN tags.</param>
    /// <remarks>Source: Intel, the family's manual, sections 3.2.3 and 3.2.9 "Receive Packet Checksum Offloading".</remarks>
    public static ReceivedPacket Check(ReadOnlySpan<byte> frame, bool checksIp, bool checksTcp, ushort vlan)
    {
        const int EthernetHeader = 14, VlanTag = 4, IpHeader = 20;
        const ushort Ip = 0x0800;
        const byte Tcp = 6, Udp = 17;
        int at = EthernetHeader;
        if (frame.Length >= EthernetHeader + VlanTag && BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) == vlan)
        {
            at += VlanTag;
        }

        if (!(checksIp || checksTcp) || frame.Length < at + IpHeader || BinaryPrimitives.ReadUInt16BigEndian(frame[(at - 2)..]) != Ip || frame[at] >> 4 != 4)
        {
            return new ReceivedPacket(IgnoreSums, 0);
        }

        ReadOnlySpan<byte> packet = frame[at..];
        int header = (packet[0] & 15) * 4, total = BinaryPrimitives.ReadUInt16BigEndian(packet[2..]);
        if (header < IpHeader || header > packet.Length)
        {
            return new ReceivedPacket(IgnoreSums, 0);
        }

        byte status = 0, errors = 0;
        if (checksIp)
        {
            status |= IpSum;
            errors |= InternetChecksum.Of(packet[..header]) == 0 ? (byte)0 : BadIp;
        }

        byte protocol = packet[9];
        bool isFragment = (BinaryPrimitives.ReadUInt16BigEndian(packet[6..]) & 0x3FFF) != 0;
        if (checksTcp && protocol is Tcp or Udp && !isFragment && total >= header && total <= packet.Length)
        {
            ReadOnlySpan<byte> payload = packet[header..total];
            bool hasSum = protocol == Tcp || (payload.Length >= 8 && (payload[6] | payload[7]) != 0);
            if (hasSum)
            {
                status |= TcpSum;
                uint pseudo = InternetChecksum.PseudoHeader(packet, payload.Length);
                errors |= InternetChecksum.Of(payload, pseudo) == 0 ? (byte)0 : BadTcp;
            }
        }

        return new ReceivedPacket(status, errors);
    }
}
