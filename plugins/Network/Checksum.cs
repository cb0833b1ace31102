namespace Kmem.Plugins.Network;

/// <summary>The checksum of Internet protocols.</summary>
/// <remarks>Source: RFC 1071, section 1.</remarks>
internal static class Checksum
{
    /// <summary>The complement of the sum of all 16-bit words in ones' complement arithmetic, an odd byte filled up with 0.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes, uint start = 0)
    {
        uint sum = start;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
        }

        while (sum > ushort.MaxValue)
        {
            sum = (sum & ushort.MaxValue) + (sum >> 16);
        }

        return (ushort)~sum;
    }

    /// <summary>The part of a sum that the pseudo header of TCP and UDP gives.</summary>
    public static uint PseudoHeader(uint source, uint destination, byte protocol, int length) =>
        (source >> 16) + (ushort)source + (destination >> 16) + (ushort)destination + protocol + (uint)length;
}
