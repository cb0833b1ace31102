using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Services;

/// <summary>Gives out addresses, 10.0.2.15 first, and says where the gateway, the name server and the file to begin with are.</summary>
/// <param name="bootFile">Name of the file that a machine without a disk begins with; empty for none.</param>
/// <remarks>Source: RFC 2131, sections 2 and 4.3; RFC 2132 for the options.</remarks>
internal sealed class DhcpServer(string bootFile)
{
    private const int FixedLength = 236, Cookie = 0x6382_5363, OptionsStart = FixedLength + 4, Least = 300, MostLeases = 16, MacAt = 28, Lease = 86_400;
    private const byte Discover = 1, Offer = 2, Request = 3, Acknowledge = 5, Refuse = 6, Inform = 8, End = 255;
    private const byte RequestedAddress = 50, MessageType = 53, ServerAddress = 54;

    private readonly List<ulong> _leases = [];

    /// <summary>The answer to a message; null for none.</summary>
    public byte[]? Answer(ReadOnlySpan<byte> message)
    {
        if (message.Length < OptionsStart || message[0] != 1 || message[1] != 1 || message[2] != 6 || BinaryPrimitives.ReadInt32BigEndian(message[FixedLength..]) != Cookie)
        {
            return null;
        }

        ReadOnlySpan<byte> options = message[OptionsStart..];
        byte type = Option(options, MessageType) is { Length: 1 } value ? value[0] : (byte)0;
        if (Option(options, ServerAddress) is { Length: 4 } server && BinaryPrimitives.ReadUInt32BigEndian(server) != Addresses.Gateway)
        {
            return null;
        }

        uint? address = type is Discover or Request ? LeaseOf(message.Slice(MacAt, 6)) : null;
        uint wanted = Option(options, RequestedAddress) is { Length: 4 } asked ? BinaryPrimitives.ReadUInt32BigEndian(asked) : BinaryPrimitives.ReadUInt32BigEndian(message[12..]);
        return type switch
        {
            Discover when address is { } free => Reply(message, Offer, free),
            Request when address is { } own && (wanted == own || wanted == 0) => Reply(message, Acknowledge, own),
            Request => Reply(message, Refuse, 0),
            Inform => Reply(message, Acknowledge, 0),
            _ => null,
        };
    }

    public void Reset() => _leases.Clear();

    public void Save(StateWriter writer)
    {
        byte[] leases = new byte[MostLeases * 8];
        for (int i = 0; i < _leases.Count; i++)
        {
            BinaryPrimitives.WriteUInt64LittleEndian(leases.AsSpan(8 * i), _leases[i]);
        }

        writer.Bytes(leases);
    }

    public void Load(StateReader reader)
    {
        byte[] leases = new byte[MostLeases * 8];
        reader.Bytes(leases.AsSpan());
        _leases.Clear();
        for (int i = 0; i < MostLeases && BinaryPrimitives.ReadUInt64LittleEndian(leases.AsSpan(8 * i)) is var mac and not 0; i++)
        {
            _leases.Add(mac);
        }
    }

    private static ReadOnlySpan<byte> Option(ReadOnlySpan<byte> options, byte number)
    {
        while (!options.IsEmpty && options[0] != End)
        {
            if (options[0] == 0)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options.Length < 2 + options[1])
            {
                break;
            }

            if (options[0] == number)
            {
                return options.Slice(2, options[1]);
            }

            options = options[(2 + options[1])..];
        }

        return [];
    }

    private static byte[] Number(byte option, uint value) => [option, 4, (byte)(value >> 24), (byte)(value >> 16), (byte)(value >> 8), (byte)value];

    private uint? LeaseOf(ReadOnlySpan<byte> mac)
    {
        // One bit more than a MAC has, so that none is 0.
        ulong key = 1UL << 48;
        for (int i = 0; i < 6; i++)
        {
            key |= (ulong)mac[i] << (8 * i);
        }

        int index = _leases.IndexOf(key);
        if (index < 0 && _leases.Count < MostLeases)
        {
            index = _leases.Count;
            _leases.Add(key);
        }

        return index < 0 ? null : Addresses.Guest + (uint)index;
    }

    private byte[] Reply(ReadOnlySpan<byte> message, byte type, uint address)
    {
        byte[] reply = new byte[OptionsStart];
        message[..44].CopyTo(reply);
        reply[0] = 2;
        reply.AsSpan(8, 4).Clear();
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(16), address);
        BinaryPrimitives.WriteUInt32BigEndian(reply.AsSpan(20), type == Refuse ? 0 : Addresses.Gateway);
        BinaryPrimitives.WriteInt32BigEndian(reply.AsSpan(FixedLength), Cookie);
        byte[] options = [MessageType, 1, type, .. Number(ServerAddress, Addresses.Gateway)];
        if (type != Refuse)
        {
            options = [.. options, .. Number(1, Addresses.Mask), .. Number(3, Addresses.Gateway), .. Number(6, Addresses.NameServer)];
            options = address == 0 ? options : [.. options, .. Number(51, Lease)];
            if (bootFile.Length > 0)
            {
                byte[] name = Encoding.UTF8.GetBytes(bootFile);
                name.AsSpan(0, Math.Min(name.Length, 127)).CopyTo(reply.AsSpan(108));
                options = [.. options, 66, 8, .. "10.0.2.2"u8, 67, (byte)Math.Min(name.Length, 255), .. name.AsSpan(0, Math.Min(name.Length, 255))];
            }
        }

        byte[] whole = [.. reply, .. options, End];
        Array.Resize(ref whole, Math.Max(whole.Length, Least));
        return whole;
    }
}
