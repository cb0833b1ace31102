using System.Text;
using Kmem.Abstractions;
using Kmem.Plugins.Network;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>What the options of the network open, and which of them are none.</summary>
public sealed class UserNetworkRuleTests
{
    private const uint Elsewhere = 0xC000_0207, Near = 0xC000_0280, Link = 0xA9FE_A9FE;

    [Theory]
    [InlineData("any", Elsewhere, 443, true)]
    [InlineData("any", GuestLan.Gateway, 22, false)]
    [InlineData("any", 0x7F00_0001u, 22, false)]
    [InlineData("any", Link, 80, false)]
    [InlineData("any", 0xE000_0001u, 80, false)]
    [InlineData("any", 0x0A00_0210u, 80, false)]
    [InlineData("host", GuestLan.Gateway, 22, true)]
    [InlineData("host", Elsewhere, 22, false)]
    [InlineData("dns", Elsewhere, 53, false)]
    [InlineData("192.0.2.7:443", Elsewhere, 443, true)]
    [InlineData("192.0.2.7:443", Elsewhere, 444, false)]
    [InlineData("192.0.2.7:443", Near, 443, false)]
    [InlineData("udp:192.0.2.7:443", Elsewhere, 443, false)]
    [InlineData("tcp:192.0.2.0/25:80-89", Elsewhere, 89, true)]
    [InlineData("tcp:192.0.2.0/25:80-89", Near, 89, false)]
    [InlineData("tcp:0.0.0.0/0:1-65535", GuestLan.Gateway, 22, false)]
    [InlineData("tcp:*:25, tcp:*:443", Elsewhere, 443, true)]
    [InlineData("tcp:*:*", GuestLan.Gateway, 443, false)]
    [InlineData("localhost:8080", GuestLan.Gateway, 8080, true)]
    [InlineData("none", Elsewhere, 443, false)]
    public void ARuleOpensWhatItSays(string rule, uint address, ushort port, bool opens)
    {
        var host = new FakeHost();
        using var lan = new GuestLan(new UserNetworkOptions(Outbound: [rule]), host);
        GuestTcp guest = lan.Connect(address, port, 5000);
        lan.Pass();
        Assert.Equal((opens ? 1 : 0, !opens), (host.Connections.Count, guest.IsReset));
    }

    [Theory]
    [InlineData("some")]
    [InlineData("192.0.2.7")]
    [InlineData("192.0.2.7:")]
    [InlineData("192.0.2.7:70000")]
    [InlineData("192.0.2.300:80")]
    [InlineData("192.0.2.0/33:80")]
    [InlineData("tcp:192.0.2.7:90-80")]
    [InlineData("sctp:192.0.2.7:80")]
    public void WhatIsNoRuleIsAnError(string rule)
    {
        using var context = new TestDeviceContext();
        MachineException error = Assert.Throws<MachineException>(() => new UserNetwork(new UserNetworkOptions(Outbound: ["any", rule]), context));
        Assert.Equal("outbound.1", error.Option);
        Assert.Contains($"'{rule}'", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tcp:0.0.0.0:22 -> 22", "open to other machines")]
    [InlineData("tcp:192.0.2.1:22 -> 22", "open to other machines")]
    [InlineData("22", "no way in")]
    [InlineData("tcp:127.0.0.1:22 -> 192.0.2.1:22", "no way in")]
    [InlineData("tcp:127.0.0.1:22 -> 0", "no way in")]
    [InlineData("udp:unix:/run/x -> 5", "no way in")]
    public void AWayInIsFromThisHostOnly(string way, string problem)
    {
        using var context = new TestDeviceContext();
        MachineException error = Assert.Throws<MachineException>(() => new UserNetwork(new UserNetworkOptions(Forward: [way]), context));
        Assert.Equal("forward.0", error.Option);
        Assert.Contains(problem, error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("10.0.3.1:80 -> 8080")]
    [InlineData("10.0.2.255:80 -> 8080")]
    [InlineData("10.0.2.100:80")]
    [InlineData("10.0.2.100:80 -> 0")]
    public void AServiceIsOnTheNetwork(string service)
    {
        using var context = new TestDeviceContext();
        Assert.Equal("services.0", Assert.Throws<MachineException>(() => new UserNetwork(new UserNetworkOptions(Services: [service]), context)).Option);
    }

    [Fact]
    public void NamesAreAskedOfTheHostOnlyWhenARuleSaysSo()
    {
        var host = new FakeHost();
        host.Names["deb.example.org"] = [Elsewhere];
        using var shut = new GuestLan(new UserNetworkOptions(), host);
        Assert.Equal(3, Ask(shut, "deb.example.org")[3] & 15);
        Assert.Empty(host.Asked);
        using var named = new GuestLan(new UserNetworkOptions(Outbound: ["tcp:deb.example.org:80"]), host);
        Assert.Equal(3, Ask(named, "other.example.org")[3] & 15);
        Assert.Empty(host.Asked);
        named.Connect(Elsewhere, 80, 5000);
        named.Pass();
        Assert.Empty(host.Connections);
        Assert.Equal([192, 0, 2, 7], Ask(named, "deb.example.org")[^4..]);
        named.Connect(Elsewhere, 80, 5001);
        named.Pass();
        Assert.Equal(new HostPlace(Elsewhere, 80), Assert.Single(host.Connections).Place);
        using var dns = new GuestLan(new UserNetworkOptions(Outbound: ["dns"]), host);
        Assert.Equal([192, 0, 2, 7], Ask(dns, "deb.example.org")[^4..]);
        Assert.Equal(3, Ask(dns, "nobody.example.org")[3] & 15);
    }

    [Fact]
    public void TheGatewayGivesFilesOfOneFolderOnly()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-tftp").FullName;
        try
        {
            byte[] content = [.. Enumerable.Range(0, 3000).Select(i => (byte)(i * 3))];
            File.WriteAllBytes(Path.Combine(folder, "boot.bin"), content);
            File.CreateSymbolicLink(Path.Combine(folder, "link"), "/etc/passwd");
            using var lan = new GuestLan(new UserNetworkOptions(Tftp: folder), new FakeHost());
            foreach (string outside in new[] { "../boot.bin", "/etc/passwd", "link", "nothing", "" })
            {
                Assert.Equal([0, 5, 0, 1], Request(lan, outside, out _)[..4]);
            }

            byte[] answer = Request(lan, "/boot.bin\0octet\0blksize\01000\0tsize\00", out ushort port);
            Assert.Equal("\0\u0006blksize\01000\0tsize\03000\0", Encoding.ASCII.GetString(answer));
            var received = new List<byte>();
            for (byte block = 0; ; block++)
            {
                lan.SendUdp(GuestLan.Gateway, 4000, port, [0, 4, 0, block]);
                lan.Pass();
                byte[] data = lan.TakeDatagram(out _, out _);
                Assert.Equal([0, 3, 0, (byte)(block + 1)], data[..4]);
                received.AddRange(data[4..]);
                if (data.Length < 1004)
                {
                    break;
                }
            }

            Assert.Equal(content, received);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void DatagramsInPiecesArePutTogether()
    {
        using var lan = new GuestLan(new UserNetworkOptions(), new FakeHost());
        byte[] echo = [8, 0, 0, 0, 0, 1, 0, 1, .. Enumerable.Range(0, 3000).Select(i => (byte)i)];
        ushort sum = GuestLan.Sum(echo);
        (echo[2], echo[3]) = ((byte)(sum >> 8), (byte)sum);
        lan.SendIp(1, GuestLan.Gateway, echo.AsSpan(1480, 1480), fragment: 0x2000 | 185);
        lan.SendIp(1, GuestLan.Gateway, echo.AsSpan(2960), fragment: 370);
        lan.SendIp(1, GuestLan.Gateway, echo.AsSpan(0, 1480), fragment: 0x2000);
        lan.Pass();
        Assert.Equal(3, lan.Frames.Count);
        byte[] reply = [.. lan.Frames.SelectMany(f => f[34..])];
        Assert.Equal(0, reply[0]);
        Assert.Equal(echo[8..], reply[8..]);
    }

    private static byte[] Ask(GuestLan lan, string name)
    {
        byte[] labels = [.. name.Split('.').SelectMany(l => new[] { (byte)l.Length }.Concat(Encoding.ASCII.GetBytes(l)))];
        lan.SendUdp(GuestLan.NameServer, 4000, 53, [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. labels, 0, 0, 1, 0, 1]);
        lan.Pass();
        byte[] answer = lan.TakeDatagram(out uint source, out ushort from);
        Assert.Equal((GuestLan.NameServer, 53), (source, from));
        return answer;
    }

    private static byte[] Request(GuestLan lan, string name, out ushort port)
    {
        lan.SendUdp(GuestLan.Gateway, 4000, 69, [0, 1, .. Encoding.ASCII.GetBytes(name.Contains('\0', StringComparison.Ordinal) ? name : name + "\0octet\0")]);
        lan.Pass();
        return lan.TakeDatagram(out _, out port);
    }
}
