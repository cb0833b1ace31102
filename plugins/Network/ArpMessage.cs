using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>Questions and answers about who has an address.</summary>
/// <remarks>Source: RFC 826, "Packet format".</remarks>
internal static class ArpMessage
{
    private const int Length = 42, Operation = 20, SenderMac = 22, SenderAddress = 28, TargetAddress = 38;

    /// <summary>Takes a message; the answer of the network itself, null for none.</summary>
    public static byte[]? Answer(ReadOnlySpan<byte> frame, Lan lan, LanPort port)
    {
        ReadOnlySpan<byte> head = [0, 1, 8, 0, 6, 4, 0];
        if (frame.Length < Length || !frame.Slice(14, head.Length).SequenceEqual(head))
        {
            return null;
        }

        lan.Learn(BinaryPrimitives.ReadUInt32BigEndian(frame[SenderAddress..]), frame.Slice(SenderMac, 6), port);
        uint wanted = BinaryPrimitives.ReadUInt32BigEndian(frame[TargetAddress..]);
        if (frame[Operation + 1] != 1 || !lan.IsOurs(wanted))
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

    /// <summary>The gateway's question who has an address.</summary>
    public static byte[] Question(uint address)
    {
        byte[] frame =
        [
            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, .. Addresses.GatewayMac, 0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1,
            .. Addresses.GatewayMac, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        ];
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(SenderAddress), Addresses.Gateway);
        BinaryPrimitives.WriteUInt32BigEndian(frame.AsSpan(TargetAddress), address);
        return frame;
    }
}
