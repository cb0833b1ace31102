using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>The checksum of Internet protocols.</summary>
/// <remarks>Source: RFC 1071, section 1; RFC 9293, section 3.1 for the pseudo header.</remarks>
internal static class Checksum
{
    /// <summary>The complement of the sum of all words.</summary>
    public static ushort Of(ReadOnlySpan<byte> bytes, uint start = 0) => (ushort)~InternetChecksum.Sum(bytes, start);

    /// <summary>The part of a sum that the pseudo header of TCP and UDP gives.</summary>
    public static uint PseudoHeader(uint source, uint destination, byte protocol, int length) =>
        (source >> 16) + (ushort)source + (destination >> 16) + (ushort)destination + protocol + (uint)length;
}
