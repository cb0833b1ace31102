using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Plugins.Network;
using Kmem.Testing;

namespace Kmem.Devices.Tests;

/// <summary>A guest on the network 10.0.2.0/24 that a test speaks for: makes its frames, and hands what comes to its connections.</summary>
internal sealed class GuestLan : IDisposable
{
    public const uint Own = 0x0A00_020F, Gateway = 0x0A00_0202, NameServer = 0x0A00_0203;
    public static readonly byte[] Mac = [0x52, 0x54, 0, 0x12, 0x34, 0x56], GatewayMac = [0x52, 0x55, 10, 0, 2, 2];

    private readonly INetworkPort _port;
    private readonly List<GuestTcp> _connections = [];

    public GuestLan(UserNetworkOptions options, IHostNetwork host)
    {
        Context = new TestDeviceContext { HostNetwork = host };
        Network = new UserNetwork(options, Context);
        _port = Network.Attach(Take);
        Announce();
    }

    public TestDeviceContext Context { get; }

    public UserNetwork Network { get; }

    /// <summary>Frames that have come and belong to no connection.</summary>
    public List<byte[]> Frames { get; } = [];

    /// <summary>Whether the adapter takes frames.</summary>
    public bool HasRoom { get; set; } = true;

    /// <summary>Takes the requests of those who connect to this guest.</summary>
    public Func<GuestTcp, bool>? Listens { get; set; }

    public void Dispose()
    {
        Network.Dispose();
        Context.Dispose();
    }

    /// <summary>Lets guest time pass.</summary>
    public void Pass(long milliseconds = 10) => Context.Time.Advance(milliseconds * 1_000_000);

    /// <summary>Lets guest time and the host's pass until something is so.</summary>
    public void Until(Kmem.Machine.Backends.HostNetwork host, Func<bool> isSo)
    {
        var limit = System.Diagnostics.Stopwatch.StartNew();
        while (!isSo())
        {
            host.Deliver();
            Pass(1);
            if (!isSo() && !host.HasPending)
            {
                Thread.Sleep(1);
            }

            Xunit.Assert.True(limit.Elapsed < TimeSpan.FromSeconds(30), "the host's network did not do what it was to do");
        }
    }

    /// <summary>Tells the network who has the guest's address, as a guest does that asks for the gateway.</summary>
    public void Announce()
    {
        _port.Send([.. Enumerable.Repeat((byte)0xFF, 6), .. Mac, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, .. Mac, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, 2]);
        Pass();
        Frames.Clear();
    }

    public void Send(ReadOnlySpan<byte> frame) => _port.Send(frame);

    public void Resume() => _port.Resume();

    public void SendIp(byte protocol, uint destination, ReadOnlySpan<byte> payload, int fragment = 0)
    {
        byte[] header = new byte[20];
        (header[0], header[8], header[9]) = (0x45, 64, protocol);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(2), (ushort)(20 + payload.Length));
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(4), 77);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(6), (ushort)fragment);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(12), Own);
        BinaryPrimitives.WriteUInt32BigEndian(header.AsSpan(16), destination);
        BinaryPrimitives.WriteUInt16BigEndian(header.AsSpan(10), Sum(header));
        _port.Send([.. GatewayMac, .. Mac, 8, 0, .. header, .. payload]);
    }

    public void SendUdp(uint destination, ushort from, ushort to, ReadOnlySpan<byte> data) => SendIp(17, destination, Udp(from, to, data));

    public static byte[] Udp(ushort from, ushort to, ReadOnlySpan<byte> data)
    {
        byte[] datagram = [0, 0, 0, 0, 0, 0, 0, 0, .. data];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, from);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), to);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        return datagram;
    }

    /// <summary>The data of the only datagram that has come.</summary>
    public byte[] TakeDatagram(out uint source, out ushort from)
    {
        byte[] frame = Xunit.Assert.Single(Frames);
        Frames.Clear();
        Xunit.Assert.Equal(17, frame[23]);
        Xunit.Assert.Equal(0, Sum(frame.AsSpan(34), Pseudo(frame)));
        source = BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(26));
        from = BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(34));
        return frame[42..];
    }

    /// <summary>A connection that this guest begins.</summary>
    public GuestTcp Connect(uint destination, ushort port, ushort from)
    {
        var connection = new GuestTcp(this, from, destination, port);
        _connections.Add(connection);
        connection.Begin();
        return connection;
    }

    public static ushort Sum(ReadOnlySpan<byte> bytes, uint start = 0)
    {
        uint sum = start;
        for (int i = 0; i < bytes.Length; i++)
        {
            sum += (i & 1) == 0 ? (uint)bytes[i] << 8 : bytes[i];
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return (ushort)~((sum & 0xFFFF) + (sum >> 16));
    }

    private static uint Pseudo(byte[] frame)
    {
        uint sum = frame[23] + (uint)(frame.Length - 34);
        for (int i = 26; i < 34; i += 2)
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(i));
        }

        return sum;
    }

    private bool Take(ReadOnlyMemory<byte> memory)
    {
        if (!HasRoom)
        {
            return false;
        }

        byte[] frame = memory.ToArray();
        if (frame.Length < 54 || frame[23] != 6)
        {
            Frames.Add(frame);
            return true;
        }

        Xunit.Assert.Equal(0, Sum(frame.AsSpan(14, 20)));
        Xunit.Assert.Equal(0, Sum(frame.AsSpan(34), Pseudo(frame)));
        (ushort remote, ushort own) = (BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(34)), BinaryPrimitives.ReadUInt16BigEndian(frame.AsSpan(36)));
        GuestTcp? connection = _connections.Find(c => c.Port == own && c.RemotePort == remote);
        if (connection is null && (frame[47] & 0x12) == 2 && Listens is not null)
        {
            connection = new GuestTcp(this, own, BinaryPrimitives.ReadUInt32BigEndian(frame.AsSpan(26)), remote);
            _connections.Add(connection);
            if (!Listens(connection))
            {
                _connections.Remove(connection);
                connection = null;
            }
        }

        if (connection is null)
        {
            Frames.Add(frame);
        }
        else
        {
            connection.Take(frame);
        }

        return true;
    }
}
