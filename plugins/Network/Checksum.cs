using System.Buffers.Binary;

namespace Kmem.Plugins.Network;

/// <summary>The checksum of Internet protocols.</summary>
/// <remarks>Source: RFC 1071, sections 1 and 2.</remarks>
internal static class Checksum
{
    /// <summary>The complement of the sum of all 16-bit words in ones' complement arithmetic, an odd byte filled up with 0.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes, uint start = 0)
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
        wide = (uint)wide + (wide >> 32);
        uint sum = BinaryPrimitives.ReverseEndianness(Fold((uint)wide + (uint)(wide >> 32))) + start;
        return (ushort)~Fold(sum);
    }

    /// <summary>The part of a sum that the pseudo header of TCP and UDP gives.</summary>
    public static uint PseudoHeader(uint source, uint destination, byte protocol, int length) =>
        (source >> 16) + (ushort)source + (destination >> 16) + (ushort)destination + protocol + (uint)length;

    private static ushort Fold(uint sum)
    {
        sum = (ushort)sum + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }
}
