using System.Net;
using System.Net.Sockets;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Plugins.Network;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Guests and programs of the host talk through real sockets of the loopback address.</summary>
public sealed class HostNetworkTests : IDisposable
{
    private readonly HostNetwork _host = new(_ => { });

    public void Dispose() => _host.Dispose();

    [Fact]
    public async Task AMegabyteGoesEachWay()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        ushort port = (ushort)((IPEndPoint)listener.LocalEndpoint).Port;
        byte[] data = new byte[1_000_000];
        new Random(7).NextBytes(data);
        Task<byte[]> server = Task.Run(async () =>
        {
            using TcpClient client = await listener.AcceptTcpClientAsync();
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(data);
            client.Client.Shutdown(SocketShutdown.Send);
            using var all = new MemoryStream();
            await stream.CopyToAsync(all);
            return all.ToArray();
        });
        using var lan = new GuestLan(new UserNetworkOptions(Outbound: [$"tcp:127.0.0.1:{port}"]), _host);
        GuestTcp guest = lan.Connect(GuestLan.Gateway, port, 5000);
        lan.Until(_host, () => guest.IsEnded);
        Assert.Equal(data, guest.Received);
        for (int at = 0; at < data.Length; at += 1000)
        {
            // As much as the host's end takes.
            lan.Until(_host, () => guest.RemoteWindow - (int)(guest.Next - guest.Acknowledged) >= 1000);
            guest.Send(new ReadOnlySpan<byte>(data, at, 1000), ends: at + 1000 == data.Length);
        }

        lan.Until(_host, () => server.IsCompleted);
        byte[] sent = await server;
        Assert.Equal(data, sent);
    }

    [Fact]
    public void ARefusalOfTheHostIsOneForTheGuest()
    {
        ushort port = FreePort();
        using var lan = new GuestLan(new UserNetworkOptions(Outbound: ["host"]), _host);
        GuestTcp guest = lan.Connect(GuestLan.Gateway, port, 5000);
        lan.Until(_host, () => guest.IsReset);
    }

    [Fact]
    public void AProgramOfTheHostReachesTheGuest()
    {
        ushort port = FreePort();
        using var lan = new GuestLan(new UserNetworkOptions(Forward: [$"tcp:127.0.0.1:{port} -> 80"]), _host);
        GuestTcp? guest = null;
        lan.Listens = c => (guest = c).Port == 80;
        using var client = new Socket(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        client.Connect(IPAddress.Loopback, port);
        client.Send("hello guest"u8);
        lan.Until(_host, () => guest?.ReceivedCount == 11);
        guest!.Send("hello host"u8, ends: true);
        byte[] answer = new byte[64];
        lan.Until(_host, () => client.Available == 10);
        Assert.Equal(10, client.Receive(answer));
        Assert.Equal("hello host"u8.ToArray(), answer[..10]);
        Assert.Equal(0, client.Receive(answer));
        client.Close(0);
        lan.Until(_host, () => guest.IsReset);
    }

    [Fact]
    public void AGuestThatBreaksOffIsSeenByTheProgram()
    {
        ushort port = FreePort();
        using var lan = new GuestLan(new UserNetworkOptions(Forward: [$"tcp:127.0.0.1:{port} -> 80"]), _host);
        GuestTcp? guest = null;
        lan.Listens = c => (guest = c).Port == 80;
        using var client = new TcpClient();
        client.Connect(IPAddress.Loopback, port);
        lan.Until(_host, () => guest is { IsOpen: true });
        guest!.Reset();
        lan.Pass();
        IOException error = Assert.Throws<IOException>(() => client.GetStream().ReadByte());
        Assert.Equal(SocketError.ConnectionReset, Assert.IsType<SocketException>(error.InnerException).SocketErrorCode);
    }

    [Fact]
    public void PathsWorkInBothDirections()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-net").FullName;
        try
        {
            string service = Path.Combine(folder, "service"), way = Path.Combine(folder, "way");
            using var listener = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            listener.Bind(new UnixDomainSocketEndPoint(service));
            listener.Listen();
            using var lan = new GuestLan(new UserNetworkOptions(Services: [$"10.0.2.100:7 -> unix:{service}"], Forward: [$"unix:{way} -> 9"]), _host);
            GuestTcp guest = lan.Connect(0x0A00_0264, 7, 5000);
            using Socket accepted = listener.Accept();
            accepted.Send("from a path"u8);
            lan.Until(_host, () => guest.ReceivedCount == 11);
            GuestTcp? asked = null;
            lan.Listens = c => (asked = c).Port == 9;
            using var client = new Socket(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            client.Connect(new UnixDomainSocketEndPoint(way));
            client.Send("to a path"u8);
            lan.Until(_host, () => asked?.ReceivedCount == 9);
            _host.Dispose();
            Assert.False(File.Exists(way));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void DatagramsGoBothWays()
    {
        using var server = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        ushort port = (ushort)((IPEndPoint)server.Client.LocalEndPoint!).Port, way = FreePort();
        using var lan = new GuestLan(new UserNetworkOptions(Outbound: [$"udp:127.0.0.1:{port}"], Forward: [$"udp:127.0.0.1:{way} -> 69"]), _host);
        lan.SendUdp(GuestLan.Gateway, 4000, port, "question"u8);
        IPEndPoint? from = null;
        Assert.Equal("question"u8.ToArray(), server.Receive(ref from));
        server.Send([.. Enumerable.Range(0, 4000).Select(i => (byte)i)], from);
        lan.Until(_host, () => lan.Frames.Count == 3);
        Assert.Equal(4008, lan.Frames.Sum(f => f.Length - 34));
        lan.Frames.Clear();

        using var client = new UdpClient(new IPEndPoint(IPAddress.Loopback, 0));
        client.Send("to the guest"u8, new IPEndPoint(IPAddress.Loopback, way));
        lan.Until(_host, () => lan.Frames.Count == 1);
        Assert.Equal("to the guest"u8.ToArray(), lan.TakeDatagram(out uint source, out ushort sender));
        Assert.Equal(GuestLan.Gateway, source);
        lan.SendUdp(GuestLan.Gateway, 69, sender, "back"u8);
        Assert.Equal("back"u8.ToArray(), client.Receive(ref from));

        lan.SendUdp(GuestLan.Gateway, 4000, FreePort(), "to nobody"u8);
        lan.Pass();
        Assert.Equal([3, 3], Assert.Single(lan.Frames)[34..36]);
    }

    [Fact]
    public void APlaceThatIsTakenIsAnErrorOfItsOption()
    {
        using var listener = new TcpListener(IPAddress.Loopback, 0);
        listener.Start();
        int port = ((IPEndPoint)listener.LocalEndpoint).Port;
        MachineException error = Assert.Throws<MachineException>(() => new GuestLan(new UserNetworkOptions(Forward: [$"{port} -> 80"]), _host));
        Assert.Equal("forward.0", error.Option);
        Assert.Contains($"127.0.0.1:{port}", error.Message, StringComparison.Ordinal);
    }

    private static ushort FreePort()
    {
        using var probe = new TcpListener(IPAddress.Loopback, 0);
        probe.Start();
        return (ushort)((IPEndPoint)probe.LocalEndpoint).Port;
    }
}
