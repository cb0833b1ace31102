using System.Buffers.Binary;
using System.Text;

namespace Kmem.Plugins.Network.Services;

/// <summary>Answers who has a name: the network's own names itself, others through the host's resolver as far as the description lets it.</summary>
/// <param name="resolve">Asks the host for the addresses of a name; false when it may not be asked.</param>
/// <remarks>Source: RFC 1035, section 4.1 "Format".</remarks>
internal sealed class NameServer(Func<string, Action<IReadOnlyList<uint>>, bool> resolve)
{
    private const int HeaderLength = 12, MostPending = 64, MostAnswers = 24;
    private const ushort AddressType = 1, Address6Type = 28, Internet = 1;
    private const byte NoName = 3, NotImplemented = 4;

    private int _pending;

    /// <summary>Answers a query, now or later.</summary>
    /// <param name="query">The query.</param>
    /// <param name="answer">Takes the answer.</param>
    public void Answer(ReadOnlySpan<byte> query, Action<byte[]> answer)
    {
        if (query.Length < HeaderLength || (query[2] & 0x80) != 0 || BinaryPrimitives.ReadUInt16BigEndian(query[4..]) != 1
            || NameOf(query, out int end) is not { } name || end + 4 > query.Length)
        {
            return;
        }

        byte[] question = query[..(end + 4)].ToArray();
        ushort type = BinaryPrimitives.ReadUInt16BigEndian(query[end..]), kind = BinaryPrimitives.ReadUInt16BigEndian(query[(end + 2)..]);
        if ((query[2] & 0x78) != 0 || kind != Internet)
        {
            answer(Reply(question, [], NotImplemented));
        }
        else if (name.ToUpperInvariant() switch { "GATEWAY" or "HOST" => Addresses.Gateway, "DNS" => Addresses.NameServer, _ => 0u } is var own and not 0)
        {
            answer(Reply(question, type == AddressType ? [own] : [], 0));
        }
        else if (_pending >= MostPending || !resolve(name, found => Finish(question, type, found, answer)))
        {
            answer(Reply(question, [], NoName));
        }
        else
        {
            _pending++;
        }
    }

    private static string? NameOf(ReadOnlySpan<byte> query, out int end)
    {
        const int MostName = 253;
        var name = new StringBuilder();
        for (end = HeaderLength; end < query.Length && query[end] != 0; end += 1 + query[end])
        {
            int length = query[end];
            if (length > 63 || end + 1 + length >= query.Length || name.Length + length > MostName)
            {
                return null;
            }

            ReadOnlySpan<byte> label = query.Slice(end + 1, length);
            if (label.ContainsAnyExcept(Letters))
            {
                return null;
            }

            name.Append(name.Length > 0 ? "." : "").Append(Encoding.ASCII.GetString(label));
        }

        end++;
        return name.ToString();
    }

    private static readonly System.Buffers.SearchValues<byte> Letters =
        System.Buffers.SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"u8);

    private static byte[] Reply(byte[] question, IReadOnlyList<uint> addresses, byte code)
    {
        const byte IsReply = 0x80, IsRecursive = 0x01, CanRecurse = 0x80;
        byte[] reply = [.. question];
        (reply[2], reply[3]) = ((byte)(IsReply | (question[2] & IsRecursive)), (byte)(CanRecurse | code));
        reply.AsSpan(6, 6).Clear();
        int count = Math.Min(addresses.Count, MostAnswers);
        reply[7] = (byte)count;
        foreach (uint address in addresses.Take(count))
        {
            byte[] record = [0xC0, HeaderLength, 0, (byte)AddressType, 0, (byte)Internet, 0, 0, 0, 60, 0, 4, 0, 0, 0, 0];
            BinaryPrimitives.WriteUInt32BigEndian(record.AsSpan(12), address);
            reply = [.. reply, .. record];
        }

        return reply;
    }

    private void Finish(byte[] question, ushort type, IReadOnlyList<uint> found, Action<byte[]> answer)
    {
        _pending--;
        answer(Reply(question, type == AddressType ? found : [], type is AddressType or Address6Type && found.Count == 0 ? NoName : (byte)0));
    }
}
