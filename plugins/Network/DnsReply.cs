using System.Buffers.Binary;
using System.Text;

namespace Kmem.Plugins.Network;

/// <summary>Answers of the name server, which knows the machines of the network and nobody else.</summary>
/// <remarks>Source: RFC 1035, section 4.1 "Format".</remarks>
internal static class DnsReply
{
    private const int HeaderLength = 12;
    private const ushort AddressType = 1, Internet = 1;

    /// <summary>The answer to a query; null for none.</summary>
    public static byte[]? To(ReadOnlySpan<byte> query)
    {
        if (query.Length < HeaderLength || (query[2] & 0x80) != 0 || BinaryPrimitives.ReadUInt16BigEndian(query[4..]) != 1)
        {
            return null;
        }

        var name = new StringBuilder();
        int at = HeaderLength;
        while (at < query.Length && query[at] != 0)
        {
            int length = query[at];
            if (length > 63 || at + 1 + length >= query.Length)
            {
                return null;
            }

            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(query.Slice(at + 1, length)));
            at += 1 + length;
        }

        if (at + 5 > query.Length)
        {
            return null;
        }

        bool isAddress = BinaryPrimitives.ReadUInt16BigEndian(query[(at + 1)..]) == AddressType && BinaryPrimitives.ReadUInt16BigEndian(query[(at + 3)..]) == Internet;
        uint? known = name.ToString().ToUpperInvariant() switch { "GATEWAY" or "HOST" => Addresses.Gateway, "DNS" => Addresses.NameServer, _ => null };
        byte[] reply = query[..(at + 5)].ToArray();
        (reply[2], reply[3]) = ((byte)(0x84 | (query[2] & 1)), (byte)(0x80 | (known is null ? 3 : 0)));
        reply.AsSpan(6, 6).Clear();
        if (known is not { } address || !isAddress)
        {
            return reply;
        }

        reply[7] = 1;
        byte[] record = [0xC0, HeaderLength, 0, (byte)AddressType, 0, (byte)Internet, 0, 0, 0, 60, 0, 4, 0, 0, 0, 0];
        BinaryPrimitives.WriteUInt32BigEndian(record.AsSpan(12), address);
        return [.. reply, .. record];
    }
}
