using Kmem.Abstractions;
using Kmem.Plugins.Network;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Connections between a guest and the host: what one end does the other end sees, and no more.</summary>
public sealed class UserNetworkTcpTests : IDisposable
{
    private readonly FakeHost _host = new();
    private readonly GuestLan _lan;

    public UserNetworkTcpTests() => _lan = new GuestLan(new UserNetworkOptions(Outbound: ["tcp:127.0.0.1:80-90"], Forward: ["tcp:127.0.0.1:2222 -> 22"], Services: ["10.0.2.100:7 -> unix:/run/echo"]), _host);

    public void Dispose() => _lan.Dispose();

    [Fact]
    public void AConnectionStandsWhenTheHostsDoes()
    {
        GuestTcp guest = _lan.Connect(GuestLan.Gateway, 80, 5000);
        _lan.Pass();
        (HostPlace place, FakeStream stream) = Assert.Single(_host.Connections);
        Assert.Equal(new HostPlace(HostPlace.Loopback, 80), place);
        Assert.False(guest.IsOpen);
        stream.Open();
        _lan.Pass();
        Assert.True(guest.IsOpen);
        guest.Send("GET /"u8);
        _lan.Pass();
        Assert.Equal("GET /"u8.ToArray(), stream.FromGuest);
        Assert.Equal(guest.Next, guest.Acknowledged);
        stream.Give("answer"u8);
        _lan.Pass();
        Assert.Equal("answer"u8.ToArray(), guest.Received);
        Assert.Equal(0, stream.Available);
    }

    [Fact]
    public void BothSidesEndInEitherOrder()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        stream.Give("last"u8);
        stream.Finish();
        _lan.Pass();
        Assert.True(guest.IsEnded);
        guest.Send("more"u8);
        _lan.Pass();
        Assert.Equal("more"u8.ToArray(), stream.FromGuest);
        Assert.False(stream.IsGuestEnded);
        guest.Send("end"u8, ends: true);
        _lan.Pass();
        Assert.True(stream is { IsGuestEnded: true, IsDisposed: true, IsAborted: false });

        (guest, stream) = Open(5001);
        guest.Send("question"u8, ends: true);
        _lan.Pass();
        Assert.True(stream is { IsGuestEnded: true, IsDisposed: false });
        stream.Give("long answer"u8);
        _lan.Pass();
        Assert.Equal("long answer"u8.ToArray(), guest.Received);
        stream.Finish();
        _lan.Pass();
        Assert.True(guest.IsEnded);
        Assert.True(stream.IsDisposed);
        Assert.False(guest.IsReset);
    }

    [Fact]
    public void RefusalsAndResetsAreHandedOn()
    {
        GuestTcp refused = _lan.Connect(GuestLan.Gateway, 80, 5000);
        _host.Connections[^1].Stream.Break();
        _lan.Pass();
        Assert.True(refused.IsReset);

        (GuestTcp guest, FakeStream stream) = Open(5001);
        stream.Break();
        _lan.Pass();
        Assert.True(guest.IsReset);

        (guest, stream) = Open(5002);
        guest.Next += 5000;
        guest.Reset();
        _lan.Pass();
        Assert.False(stream.IsAborted, "a reset that is not in order is none");
        guest.Next -= 5000;
        guest.Reset();
        _lan.Pass();
        Assert.True(stream.IsAborted);
    }

    [Theory]
    [InlineData(GuestLan.Gateway, 79)]
    [InlineData(GuestLan.Gateway, 91)]
    [InlineData(GuestLan.NameServer, 80)]
    [InlineData(0x7F00_0001u, 80)]
    [InlineData(0xC000_0201u, 80)]
    [InlineData(0x0A00_0263u, 7)]
    public void WhatNoRuleOpensIsRefused(uint address, ushort port)
    {
        GuestTcp guest = _lan.Connect(address, port, 5000);
        _lan.Pass();
        Assert.True(guest.IsReset);
        Assert.Empty(_host.Connections);
    }

    [Fact]
    public void AServiceHasAnAddressOnTheNetwork()
    {
        _ = _lan.Connect(0x0A00_0264, 7, 5000);
        _lan.Pass();
        Assert.Equal(HostPlace.Unix("/run/echo"), Assert.Single(_host.Connections).Place);
    }

    [Fact]
    public void AHostThatReadsSlowlyClosesTheWindow()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000, capacity: 3000);
        guest.Send(new byte[1400]);
        guest.Send(new byte[1400]);
        _lan.Pass();
        Assert.Equal(200, guest.RemoteWindow);
        guest.Send(new byte[1400]);
        _lan.Pass();
        Assert.Equal((0, 3000), (guest.RemoteWindow, stream.FromGuest.Count));
        Assert.Equal(guest.Next - 1200, guest.Acknowledged);
        stream.Read();
        _lan.Pass();
        Assert.Equal(3000, guest.RemoteWindow);
        guest.Next -= 1200;
        guest.Send(new byte[1200]);
        _lan.Pass();
        Assert.Equal(1200, stream.FromGuest.Count);
        Assert.Equal(guest.Next, guest.Acknowledged);
    }

    [Fact]
    public void TheGuestsWindowIsKept()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        (guest.Acknowledges, guest.Window) = (false, 3000);
        guest.SendAck();
        int before = guest.Segments;
        byte[] data = [.. Enumerable.Range(0, 50_000).Select(i => (byte)(i * 7))];
        stream.Give(data);
        _lan.Pass(100);
        Assert.Equal(2, guest.Segments - before);
        guest.Acknowledges = true;
        _lan.Pass(2000);
        Assert.Equal(data, guest.Received);
    }

    [Fact]
    public void AClosedWindowIsAskedAndNotGivenUp()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        (guest.Acknowledges, guest.Window) = (false, 0);
        guest.SendAck();
        stream.Give(new byte[10]);
        _lan.Pass(1500);
        int asked = guest.Segments;
        for (int minute = 0; minute < 40; minute++)
        {
            _lan.Pass(60_000);
            guest.SendAck();
        }

        Assert.True(guest.Segments > asked + 10);
        Assert.False(guest.IsReset);
        (guest.Acknowledges, guest.Window) = (true, 1000);
        guest.SendAck();
        _lan.Pass(100);
        Assert.Equal(10, guest.ReceivedCount);
        Assert.False(stream.IsAborted);
    }

    [Fact]
    public void WhatIsLostIsSentAgain()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        guest.Acknowledges = false;
        stream.Give("lost"u8);
        stream.Finish();
        _lan.Pass(100);
        guest.Acknowledges = true;
        Assert.Equal(0, guest.ReceivedCount);
        _lan.Pass(1500);
        Assert.Equal("lost"u8.ToArray(), guest.Received);
        Assert.True(guest.IsEnded);
        guest.Send("twice"u8);
        guest.Next -= 5;
        guest.Send("twice"u8);
        _lan.Pass();
        Assert.Equal("twice"u8.ToArray(), stream.FromGuest);
    }

    [Fact]
    public void AGuestThatIsGoneIsGivenUp()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        guest.Acknowledges = false;
        stream.Give("anybody?"u8);
        _lan.Pass(20 * 60_000);
        Assert.True(stream.IsAborted);
    }

    [Fact]
    public void AnAdapterWithoutRoomGetsEverythingLater()
    {
        (GuestTcp guest, FakeStream stream) = Open(5000);
        _lan.HasRoom = false;
        byte[] data = [.. Enumerable.Range(0, 200_000).Select(i => (byte)(i * 13))];
        stream.Give(data);
        _lan.Pass(500);
        Assert.Equal(0, guest.ReceivedCount);
        _lan.HasRoom = true;
        _lan.Resume();
        _lan.Pass(400);
        Assert.Equal(data, guest.Received);
    }

    [Fact]
    public void AWayInBeginsAConnectionToTheGuest()
    {
        GuestTcp? guest = null;
        _lan.Listens = connection =>
        {
            guest = connection;
            return connection.Port == 22;
        };
        var stream = new FakeStream();
        _host.Listeners[new HostPlace(HostPlace.Loopback, 2222)](stream);
        stream.Give("SSH-2.0"u8);
        _lan.Pass();
        Assert.True(guest is { IsOpen: true });
        Assert.Equal("SSH-2.0"u8.ToArray(), guest.Received);
        guest.Send("hello"u8, ends: true);
        _lan.Pass();
        Assert.Equal("hello"u8.ToArray(), stream.FromGuest);
        Assert.True(stream.IsGuestEnded);
    }

    [Fact]
    public void AWayToNobodyIsClosed()
    {
        var stream = new FakeStream();
        _host.Listeners[new HostPlace(HostPlace.Loopback, 2222)](stream);
        _lan.Pass(200_000);
        Assert.True(stream.IsAborted);
    }

    [Fact]
    public void AResetOfTheMachineBreaksConnectionsOffAndKeepsTheWaysIn()
    {
        (_, FakeStream stream) = Open(5000);
        _lan.Network.Reset();
        Assert.True(stream.IsAborted);
        Assert.Single(_host.Listeners);
        _lan.Announce();
        _ = Open(5001);
    }

    [Fact]
    public void ManyConnectionsStandAtOnce()
    {
        var all = Enumerable.Range(0, 300).Select(i => Open((ushort)(6000 + i))).ToList();
        for (int i = 0; i < all.Count; i++)
        {
            all[i].Stream.Give(BitConverter.GetBytes(i));
            all[i].Guest.Send(BitConverter.GetBytes(-i));
        }

        _lan.Pass(100);
        for (int i = 0; i < all.Count; i++)
        {
            Assert.Equal(BitConverter.GetBytes(i), all[i].Guest.Received);
            Assert.Equal(BitConverter.GetBytes(-i), all[i].Stream.FromGuest);
        }
    }

    [Fact]
    public void NoFrameDoesHarm()
    {
        var random = new Random(42);
        (GuestTcp guest, FakeStream stream) = Open(5000);
        stream.Give(new byte[5000]);
        byte[] options = [2, 4, 5, 0xB4, 3, 3, 99, 8];
        for (int i = 0; i < 20_000; i++)
        {
            byte[] frame = new byte[random.Next(0, 1600)];
            random.NextBytes(frame);
            if (frame.Length > 60 && random.Next(8) != 0)
            {
                // Nearly right: such frames get further.
                GuestLan.GatewayMac.CopyTo(frame, 0);
                GuestLan.Mac.CopyTo(frame, 6);
                (frame[12], frame[13], frame[14]) = (8, (byte)(random.Next(4) == 0 ? 6 : 0), (byte)(0x45 + random.Next(2)));
                frame[23] = (byte)(random.Next(3) switch { 0 => 6, 1 => 17, _ => 1 });
                (frame[16], frame[17]) = ((byte)((frame.Length - 14) >> 8), (byte)(frame.Length - 14));
                (frame[20], frame[21]) = random.Next(3) == 0 ? (frame[20], frame[21]) : ((byte)0, (byte)0);
                new byte[] { 10, 0, 2, 15, 10, 0, 2, (byte)random.Next(2, 4) }.CopyTo(frame, 26);
                (frame[24], frame[25]) = (0, 0);
                ushort sum = GuestLan.Sum(frame.AsSpan(14, (frame[14] & 15) * 4));
                (frame[24], frame[25]) = ((byte)(sum >> 8), (byte)sum);
                (frame[36], frame[37]) = (0, (byte)random.Next(256));
                (frame[40], frame[41]) = (0, 0);
            }

            _lan.Send(frame);
            uint next = guest.Next;
            guest.Next += (uint)(random.Next(4) == 0 ? random.Next() : random.Next(-20, 20));
            guest.Send(random.Next(64), frame.AsSpan(0, Math.Min(frame.Length, random.Next(100))), random.Next(2) == 0 ? options[..(4 * random.Next(3))] : null);
            guest.Next = next;
            _lan.Pass(random.Next(3));
        }

        Assert.True(stream.FromGuest.Count <= stream.Capacity);
        _lan.Network.Reset();
        _lan.Announce();
        (guest, stream) = Open(5002);
        guest.Send("still here"u8);
        _lan.Pass();
        Assert.Equal("still here"u8.ToArray(), stream.FromGuest);
    }

    private (GuestTcp Guest, FakeStream Stream) Open(ushort from, int capacity = 65536)
    {
        GuestTcp guest = _lan.Connect(GuestLan.Gateway, 80, from);
        _lan.Pass(1);
        FakeStream stream = _host.Connections[^1].Stream;
        stream.Capacity = capacity;
        stream.Open();
        _lan.Pass(1);
        Assert.True(guest.IsOpen);
        return (guest, stream);
    }
}
