using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>Answers of the gateway to ARP requests for the addresses of the network itself.</summary>
/// <remarks>Source: RFC 826, "Packet format".</remarks>
internal static class ArpReply
{
    private const int Length = 42, Operation = 20, SenderMac = 22, SenderAddress = 28, TargetAddress = 38;

    /// <summary>The answer to a frame; null for none.</summary>
    public static byte[]? To(ReadOnlySpan<byte> frame)
    {
        if (frame.Length < Length || BinaryPrimitives.ReadUInt16BigEndian(frame[Operation..]) != 1)
        {
            return null;
        }

        uint wanted = BinaryPrimitives.ReadUInt32BigEndian(frame[TargetAddress..]);
        if (!Addresses.IsOurs(wanted))
        {
            return null;
        }

        return
        [
            .. frame.Slice(6, 6), .. Addresses.GatewayMac, 0x08, 0x06,
            .. frame.Slice(14, 6), 0, 2,
            .. Addresses.GatewayMac, .. frame.Slice(TargetAddress, 4),
            .. frame.Slice(SenderMac, 6), .. frame.Slice(SenderAddress, 4),
        ];
    }
}
