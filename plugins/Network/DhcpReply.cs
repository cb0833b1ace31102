using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>Answers of the gateway to those who want an address: always 10.0.2.15.</summary>
/// <remarks>Source: RFC 2131, sections 2 and 4.3; RFC 2132 for the options.</remarks>
internal static class DhcpReply
{
    private const int FixedLength = 236, Cookie = 0x6382_5363, OptionsStart = FixedLength + 4;
    private const byte Discover = 1, Offer = 2, Request = 3, Acknowledge = 5, MessageType = 53, End = 255;

    /// <summary>The answer to a message; null for none.</summary>
    public static byte[]? To(ReadOnlySpan<byte> message)
    {
        if (message.Length < OptionsStart || message[0] != 1 || BinaryPrimitives.ReadInt32BigEndian(message[FixedLength..]) != Cookie)
        {
            return null;
        }

        byte? answer = TypeOf(message[OptionsStart..]) switch { Discover => Offer, Request => Acknowledge, _ => null };
        if (answer is not { } kind)
        {
            return null;
        }

        byte[] reply = new byte[OptionsStart];
        message[..44].CopyTo(reply);
        reply[0] = 2;
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(16), Addresses.Guest);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(20), Addresses.Gateway);
        BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(FixedLength), Cookie);
        return
        [
            .. reply, MessageType, 1, kind,
            .. Option(54, Addresses.Gateway), .. Option(51, 86_400), .. Option(1, Addresses.Mask), .. Option(3, Addresses.Gateway), .. Option(6, Addresses.NameServer), End,
        ];
    }

    private static byte TypeOf(ReadOnlySpan<byte> options)
    {
        for (int at = 0; at < options.Length && options[at] != End;)
        {
            if (options[at] == 0)
            {
                at++;
                continue;
            }

            if (at + 2 >= options.Length)
            {
                return 0;
            }

            if (options[at] == MessageType)
            {
                return options[at + 2];
            }

            at += 2 + options[at + 1];
        }

        return 0;
    }

    private static byte[] Option(byte number, uint value) => [number, 4, (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];
}
