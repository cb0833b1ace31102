using System.Buffers.Binary;

namespace Kmem.Devices.Tests;

/// <summary>The guest's end of a TCP connection in a test: simple, without timers, and as well behaved as the test wants.</summary>
internal sealed class GuestTcp(GuestLan lan, ushort port, uint remote, ushort remotePort)
{
    public const int Fin = 1, Syn = 2, Rst = 4, Ack = 16;

    private readonly List<byte> _received = [];

    public ushort Port => port;

    public ushort RemotePort => remotePort;

    /// <summary>Number of the next byte that it sends.</summary>
    public uint Next { get; set; } = 1000;

    /// <summary>Number of the next byte that it expects.</summary>
    public uint Expected { get; private set; }

    /// <summary>What the other end has acknowledged.</summary>
    public uint Acknowledged { get; private set; }

    /// <summary>The window of the other end in bytes.</summary>
    public int RemoteWindow { get; private set; }

    /// <summary>The window that it tells.</summary>
    public ushort Window { get; set; } = 60000;

    /// <summary>Whether it acknowledges what comes.</summary>
    public bool Acknowledges { get; set; } = true;

    public bool IsOpen { get; private set; }

    public bool IsEnded { get; private set; }

    public bool IsReset { get; private set; }

    /// <summary>Segments that have come.</summary>
    public int Segments { get; private set; }

    public byte[] Received => [.. _received];

    public int ReceivedCount => _received.Count;

    public void Begin() => Send(Syn, [], options: [2, 4, 5, 0xB4]);

    public void Send(ReadOnlySpan<byte> data, bool ends = false)
    {
        Send(Ack | (ends ? Fin : 0), data);
        Next += (uint)data.Length + (ends ? 1u : 0);
    }

    public void SendAck() => Send(Ack, []);

    public void Reset() => Send(Rst | Ack, []);

    /// <summary>Sends a segment of any kind.</summary>
    public void Send(int flags, ReadOnlySpan<byte> data, byte[]? options = null)
    {
        byte[] segment = [.. new byte[20], .. options ?? [], .. data];
        BinaryPrimitives.WriteUInt16BigEndian(segment, port);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(2), remotePort);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(4), Next);
        BinaryPrimitives.WriteUInt32BigEndian(segment.AsSpan(8), (flags & Ack) != 0 ? Expected : 0);
        (segment[12], segment[13]) = ((byte)((20 + (options?.Length ?? 0)) << 2), (byte)flags);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(14), Window);
        uint pseudo = (GuestLan.Own >> 16) + (GuestLan.Own & 0xFFFF) + (remote >> 16) + (remote & 0xFFFF) + 6 + (uint)segment.Length;
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(16), GuestLan.Sum(segment, pseudo));
        lan.SendIp(6, remote, segment);
        Next += (flags & Syn) != 0 ? 1u : 0;
    }

    public void Take(byte[] frame)
    {
        Segments++;
        ReadOnlySpan<byte> segment = frame.AsSpan(34);
        int flags = segment[13], header = (segment[12] >> 4) * 4;
        uint sequence = BinaryPrimitives.ReadUInt32BigEndian(segment[4..]);
        ReadOnlySpan<byte> data = segment[header..];
        RemoteWindow = BinaryPrimitives.ReadUInt16BigEndian(segment[14..]);
        Acknowledged = (flags & Ack) != 0 ? BinaryPrimitives.ReadUInt32BigEndian(segment[8..]) : Acknowledged;
        if ((flags & Rst) != 0)
        {
            IsReset = true;
            return;
        }

        if ((flags & Syn) != 0)
        {
            Expected = sequence + 1;
            IsOpen = true;
            if ((flags & Ack) != 0)
            {
                SendAck();
            }
            else
            {
                Send(Syn | Ack, [], options: [2, 4, 5, 0xB4]);
            }

            return;
        }

        if (!Acknowledges)
        {
            return;
        }

        if (sequence == Expected)
        {
            _received.AddRange(data);
            IsEnded |= (flags & Fin) != 0;
            Expected += (uint)data.Length + ((flags & Fin) != 0 ? 1u : 0);
        }

        if (data.Length > 0 || (flags & Fin) != 0)
        {
            SendAck();
        }
    }
}
