using System.Buffers.Binary;

namespace Kmem.Abstractions;

/// <summary>The sum of Internet protocols, which networks check and adapters compute for their drivers.</summary>
/// <remarks>Source: RFC 1071, sections 1 and 2; RFC 9293, section 3.1 for the pseudo header.</remarks>
public static class InternetChecksum
{
    /// <summary>The sum of all 16-bit words, big endian, in ones' complement arithmetic, an odd byte filled up with 0; a checksum is its complement.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="start">A sum to go on from, below 2^31.</param>
    public static ushort Sum(ReadOnlySpan<byte> bytes, uint start = 0)
    {
        // The sum does not depend on the order of bytes in a word, nor on how many words are added at once.
        ulong wide = 0;
        for (; bytes.Length >= 8; bytes = bytes[8..])
        {
            ulong word = BinaryPrimitives.ReadUInt64LittleEndian(bytes);
            wide += word;
            wide += wide < word ? 1UL : 0;
        }

        ulong last = 0;
        for (int i = 0; i < bytes.Length; i++)
        {
            last |= (ulong)bytes[i] << (8 * i);
        }

        wide += last;
        wide += wide < last ? 1UL : 0;
        return Fold(BinaryPrimitives.ReverseEndianness(Fold(wide)) + (ulong)start);
    }

    /// <summary>The checksum: the complement of <see cref="Sum"/>; 0 over bytes that hold their right checksum.</summary>
    /// <param name="bytes">The bytes.</param>
    /// <param name="start">A sum to go on from, below 2^31.</param>
    public static ushort Of(ReadOnlySpan<byte> bytes, uint start = 0) => (ushort)~Sum(bytes, start);

    /// <summary>The part of a sum that the pseudo header of TCP and UDP over IPv4 gives.</summary>
    /// <param name="source">Address that sends.</param>
    /// <param name="destination">Address that receives.</param>
    /// <param name="protocol">Number of the protocol.</param>
    /// <param name="length">Length of header and payload in bytes.</param>
    public static uint PseudoHeader(uint source, uint destination, byte protocol, int length) =>
        (source >> 16) + (ushort)source + (destination >> 16) + (ushort)destination + protocol + (uint)length;

    /// <summary>The same, by the header of the IPv4 packet around it.</summary>
    /// <param name="packet">The packet, of at least 20 bytes.</param>
    /// <param name="length">Length of header and payload in bytes.</param>
    public static uint PseudoHeader(ReadOnlySpan<byte> packet, int length) =>
        PseudoHeader(BinaryPrimitives.ReadUInt32BigEndian(packet[12..]), BinaryPrimitives.ReadUInt32BigEndian(packet[16..]), packet[9], length);

    private static ushort Fold(ulong sum)
    {
        sum = (uint)sum + (sum >> 32);
        sum = (ushort)sum + (sum >> 16);
        sum = (ushort)sum + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }
}
