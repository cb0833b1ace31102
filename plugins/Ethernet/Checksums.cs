using System.Buffers.Binary;

namespace Kmem.Plugins.Ethernet;

/// <summary>Sums that the controller computes while frames go by.</summary>
/// <remarks>Source: RFC 1071, sections 1 and 2; IEEE 802.3, clause 3.2.9 "Frame Check Sequence".</remarks>
internal static class Checksums
{
    private static readonly uint[] Crc = [.. Enumerable.Range(0, 256).Select(i =>
    {
        uint value = (uint)i;
        for (int bit = 0; bit < 8; bit++)
        {
            value = (value >> 1) ^ ((value & 1) * 0xEDB8_8320);
        }

        return value;
    })];

    /// <summary>The sum of all 16-bit words in ones' complement arithmetic, an odd byte filled up with 0.</summary>
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
        wide = (uint)wide + (wide >> 32);
        uint sum = BinaryPrimitives.ReverseEndianness(Fold((uint)wide + (uint)(wide >> 32))) + start;
        return Fold(sum);
    }

    /// <summary>The sum of a frame that its sender appends.</summary>
    public static uint FrameCheck(ReadOnlySpan<byte> frame)
    {
        uint value = uint.MaxValue;
        foreach (byte b in frame)
        {
            value = (value >> 8) ^ Crc[(byte)value ^ b];
        }

        return ~value;
    }

    private static ushort Fold(uint sum)
    {
        sum = (ushort)sum + (sum >> 16);
        return (ushort)(sum + (sum >> 16));
    }
}
