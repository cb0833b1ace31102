using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>Messages about the network itself.</summary>
/// <remarks>Source: RFC 792, "Echo or Echo Reply Message" and "Destination Unreachable Message".</remarks>
internal static class IcmpMessage
{
    private const byte Unreachable = 3, Echo = 8, Port = 3;

    /// <summary>The answer to an echo request; null to anything else.</summary>
    public static byte[]? Answer(ReadOnlySpan<byte> message)
    {
        if (message.Length < 8 || message[0] != Echo || InternetChecksum.Of(message) != 0)
        {
            return null;
        }

        byte[] reply = message.ToArray();
        reply[0] = 0;
        return Finish(reply);
    }

    /// <summary>Says that nobody is at a port.</summary>
    /// <param name="original">The beginning of the packet that was for it.</param>
    public static byte[] PortUnreachable(ReadOnlySpan<byte> original) => Finish([Unreachable, Port, 0, 0, 0, 0, 0, 0, .. original]);

    private static byte[] Finish(byte[] message)
    {
        message.AsSpan(2, 2).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), InternetChecksum.Of(message));
        return message;
    }
}
