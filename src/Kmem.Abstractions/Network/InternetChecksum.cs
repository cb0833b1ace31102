using System.Buffers.Binary;

namespace Kmem.Abstractions;

/// <summary>The sum of Internet protocols, which networks check and adapters compute for their drivers.</summary>
/// <remarks>Source: RFC 1071, sections 1 and 2.</remarks>
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

    private static ushort Fold(ulong sum)
    {
        sum = (uint)sum + (sum >> 32);
        sum = (ushort)sum + (sum >> 16);
        sum = (ushort)sum + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }
}
