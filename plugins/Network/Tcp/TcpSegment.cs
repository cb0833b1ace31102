using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Tcp;

/// <summary>Control bits of a segment.</summary>
[Flags]
internal enum TcpFlags
{
    None = 0,
    Fin = 1,
    Syn = 2,
    Reset = 4,
    Push = 8,
    Acknowledge = 16,
}

/// <summary>A TCP segment as it arrives.</summary>
/// <remarks>Source: RFC 9293, section 3.1 "Header Format" and 3.2 "Specific Option Definitions"; RFC 7323, section 2 "Window Scale".</remarks>
internal readonly ref struct TcpSegment
{
    public const int HeaderLength = 20;

    private TcpSegment(ReadOnlySpan<byte> header, ReadOnlySpan<byte> payload)
    {
        Header = header;
        Payload = payload;
    }

    private ReadOnlySpan<byte> Header { get; }

    public ReadOnlySpan<byte> Payload { get; }

    public ushort SourcePort => BinaryPrimitives.ReadUInt16BigEndian(Header);

    public ushort DestinationPort => BinaryPrimitives.ReadUInt16BigEndian(Header[2..]);

    public uint Sequence => BinaryPrimitives.ReadUInt32BigEndian(Header[4..]);

    public uint Acknowledged => BinaryPrimitives.ReadUInt32BigEndian(Header[8..]);

    public TcpFlags Flags => (TcpFlags)(Header[13] & 0x1F);

    public ushort Window => BinaryPrimitives.ReadUInt16BigEndian(Header[14..]);

    /// <summary>How far it moves the sequence: its bytes, and one each for its beginning and its end.</summary>
    public uint Length => (uint)Payload.Length + (Has(TcpFlags.Syn) ? 1u : 0) + (Has(TcpFlags.Fin) ? 1u : 0);

    /// <summary>The largest payload that the sender takes; 0 when it does not say.</summary>
    public int LargestPayload => Option(2, 4) is { IsEmpty: false } option ? BinaryPrimitives.ReadUInt16BigEndian(option[2..]) : 0;

    /// <summary>The number of bits by which the sender's windows are shifted; null when it does not say.</summary>
    public int? WindowShift => Option(3, 3) is { IsEmpty: false } option ? Math.Min((int)option[2], 14) : null;

    public bool Has(TcpFlags flag) => (Flags & flag) != 0;

    /// <summary>Reads a segment; false when it is shorter than its header says.</summary>
    public static bool TryParse(ReadOnlySpan<byte> bytes, out TcpSegment segment)
    {
        segment = default;
        int header = bytes.Length < HeaderLength ? 0 : (bytes[12] >> 4) * 4;
        if (header < HeaderLength || header > bytes.Length)
        {
            return false;
        }

        segment = new TcpSegment(bytes[..header], bytes[header..]);
        return true;
    }

    /// <summary>Writes the header of a segment, and its checksum over the whole.</summary>
    /// <param name="key">Between whom.</param>
    /// <param name="segment">The segment, with its options and its payload in place.</param>
    /// <param name="header">Length of the header with its options.</param>
    /// <param name="sequence">Number of the first byte.</param>
    /// <param name="acknowledged">Number of the next byte that is expected.</param>
    /// <param name="flags">Control bits.</param>
    /// <param name="window">The window as it stands in the header.</param>
    public static void Finish(in TcpKey key, Span<byte> segment, int header, uint sequence, uint acknowledged, TcpFlags flags, ushort window)
    {
        BinaryPrimitives.WriteUInt16BigEndian(segment, key.RemotePort);
        BinaryPrimitives.WriteUInt16BigEndian(segment[2..], key.GuestPort);
        BinaryPrimitives.WriteUInt32BigEndian(segment[4..], sequence);
        BinaryPrimitives.WriteUInt32BigEndian(segment[8..], acknowledged);
        (segment[12], segment[13]) = ((byte)(header << 2), (byte)flags);
        BinaryPrimitives.WriteUInt16BigEndian(segment[14..], window);
        segment.Slice(16, 4).Clear();
        BinaryPrimitives.WriteUInt16BigEndian(segment[16..], InternetChecksum.Of(segment, InternetChecksum.PseudoHeader(key.Remote, key.Guest, IpPacket.Tcp, segment.Length)));
    }

    /// <summary>A segment that refuses another one.</summary>
    /// <remarks>Source: RFC 9293, section 3.5.2 "Reset Generation".</remarks>
    public static byte[] Refusal(in TcpKey key, in TcpSegment refused)
    {
        byte[] reset = new byte[HeaderLength];
        bool isAcknowledged = refused.Has(TcpFlags.Acknowledge);
        Finish(
            key, reset, HeaderLength, isAcknowledged ? refused.Acknowledged : 0, isAcknowledged ? 0 : refused.Sequence + refused.Length,
            isAcknowledged ? TcpFlags.Reset : TcpFlags.Reset | TcpFlags.Acknowledge, 0);
        return reset;
    }

    private ReadOnlySpan<byte> Option(byte kind, int length)
    {
        const byte EndOfList = 0, Nothing = 1;
        ReadOnlySpan<byte> options = Header[HeaderLength..];
        while (!options.IsEmpty && options[0] != EndOfList)
        {
            if (options[0] == Nothing)
            {
                options = options[1..];
                continue;
            }

            if (options.Length < 2 || options[1] < 2 || options[1] > options.Length)
            {
                break;
            }

            if (options[0] == kind && options[1] == length)
            {
                return options[..length];
            }

            options = options[options[1]..];
        }

        return [];
    }
}

/// <summary>The two ends of a connection.</summary>
/// <param name="Guest">The guest's address.</param>
/// <param name="GuestPort">The guest's port.</param>
/// <param name="Remote">The other address.</param>
/// <param name="RemotePort">The other port.</param>
internal readonly record struct TcpKey(uint Guest, ushort GuestPort, uint Remote, ushort RemotePort);
