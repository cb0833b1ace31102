using Kmem.Abstractions;
using Kmem.Plugins.Network;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The network without a host: what its gateway and name server answer.</summary>
public sealed class UserNetworkTests : IDisposable
{
    private static readonly byte[] Guest = [0x52, 0x54, 0, 0x12, 0x34, 0x56], Everybody = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF], Gateway = [0x52, 0x55, 10, 0, 2, 2];

    private readonly TestDeviceContext _context = new();
    private readonly List<byte[]> _received = [];
    private readonly INetworkPort _port;

    public UserNetworkTests() => _port = new UserNetwork(new UserNetworkOptions(), _context).Attach(Receive);

    public void Dispose() => _context.Dispose();

    private bool Receive(ReadOnlyMemory<byte> frame)
    {
        _received.Add(frame.ToArray());
        return true;
    }

    [Fact]
    public void TheGatewayAnswersArpForItselfAndTheNameServerOnly()
    {
        byte[] Request(byte last) => [.. Everybody, .. Guest, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1, .. Guest, 10, 0, 2, 15, 0, 0, 0, 0, 0, 0, 10, 0, 2, last];
        byte[] answer = Send(Request(2));
        Assert.Equal([.. Guest, .. Gateway, 8, 6, 0, 1, 8, 0, 6, 4, 0, 2, .. Gateway, 10, 0, 2, 2, .. Guest, 10, 0, 2, 15], answer);
        Assert.Equal([10, 0, 2, 3], Send(Request(3))[28..32]);
        _received.Clear();
        _port.Send(Request(77));
        _context.Time.Advance(1_000_000_000);
        Assert.Empty(_received);
    }

    [Fact]
    public void AnEchoComesBackWithItsData()
    {
        byte[] icmp = [8, 0, 0, 0, 0x12, 0x34, 0, 1, .. "ping!"u8];
        Sum(icmp, 0, icmp.Length, 2);
        byte[] answer = Send(Ip(1, [10, 0, 2, 2], icmp));
        Assert.Equal(0, answer[34]);
        Assert.Equal("ping!"u8.ToArray(), answer[42..47]);
        Assert.Equal(0, SumOf(answer, 34, answer.Length - 34));
        Assert.Equal(0, SumOf(answer, 14, 20));
    }

    [Fact]
    public void DhcpGivesAnAddressAGatewayAndANameServer()
    {
        byte[] message = new byte[244];
        (message[0], message[1], message[2], message[4]) = (1, 1, 6, 0x77);
        Guest.CopyTo(message, 28);
        new byte[] { 0x63, 0x82, 0x53, 0x63, 53, 1, 1, 255 }.CopyTo(message, 236);
        byte[] answer = Send(Ip(17, [255, 255, 255, 255], [0, 68, 0, 67, 0, 252, 0, 0, .. message]));
        byte[] reply = answer[42..];
        Assert.Equal((2, 0x77), (reply[0], reply[4]));
        Assert.Equal([10, 0, 2, 15], reply[16..20]);
        Assert.Equal([53, 1, 2], reply[240..243]);
        Assert.Contains("03040A0002020604" + "0A000203", Convert.ToHexString(reply), StringComparison.Ordinal);
    }

    [Fact]
    public void EveryAdapterGetsAnAddressOfItsOwnAndNobodyAnother()
    {
        byte[] first = Dhcp(1, 0x56), again = Dhcp(1, 0x56), second = Dhcp(1, 0x57), right = Dhcp(3, 0x57, 10, 0, 2, 16), wrong = Dhcp(3, 0x57, 10, 0, 2, 15);
        Assert.Equal(15, first[19]);
        Assert.Equal(15, again[19]);
        Assert.Equal(16, second[19]);
        Assert.Equal([53, 1, 5], right[240..243]);
        Assert.Equal([53, 1, 6], wrong[240..243]);
    }

    [Fact]
    public void TheNameServerKnowsTheGatewayAndNobodyElse()
    {
        byte[] Query(ReadOnlySpan<byte> name) => [0, 40, 0, 53, 0, (byte)(8 + 12 + name.Length + 5), 0, 0, 0xAB, 0xCD, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, .. name, 0, 0, 1, 0, 1];
        byte[] known = Send(Ip(17, [10, 0, 2, 3], Query([7, .. "gateway"u8])));
        Assert.Equal([10, 0, 2, 2], known[^4..]);
        byte[] unknown = Send(Ip(17, [10, 0, 2, 3], Query([6, .. "debian"u8, 3, .. "org"u8])));
        Assert.Equal(3, unknown[45] & 15);
    }

    [Fact]
    public void ConnectionsAreRefused()
    {
        byte[] pseudo = [10, 0, 2, 15, 192, 0, 2, 1, 0, 6, 0, 20], segment = [0x80, 0, 0, 80, 0, 0, 0, 9, 0, 0, 0, 0, 0x50, 2, 0xFF, 0xFF, 0, 0, 0, 0];
        byte[] whole = [.. pseudo, .. segment];
        Sum(whole, 0, whole.Length, 28);
        segment = whole[12..];
        byte[] answer = Send(Ip(6, [192, 0, 2, 1], segment));
        Assert.Equal((0x14, 10), (answer[47], answer[45]));
    }

    [Fact]
    public void AdaptersSeeEachOther()
    {
        var other = new List<byte[]>();
        var network = new UserNetwork(new UserNetworkOptions(), _context);
        INetworkPort first = network.Attach(_ => true);
        network.Attach(f =>
        {
            other.Add(f.ToArray());
            return true;
        });
        first.Send([.. Everybody, .. Guest, 0x88, 0xB5, 1, 2, 3]);
        _context.Time.Advance(1_000_000);
        Assert.Equal([1, 2, 3], Assert.Single(other)[14..]);
    }

    /// <summary>What the server says to a message of an adapter whose address ends in a byte.</summary>
    private byte[] Dhcp(byte type, byte last, params byte[] wanted)
    {
        byte[] message = new byte[260];
        (message[0], message[1], message[2]) = (1, 1, 6);
        new byte[] { 0x52, 0x54, 0, 0x12, 0x34, last, }.CopyTo(message, 28);
        byte[] options = [0x63, 0x82, 0x53, 0x63, 53, 1, type, .. wanted.Length > 0 ? new byte[] { 50, 4 } : [], .. wanted, 255];
        options.CopyTo(message, 236);
        return Send(Ip(17, [255, 255, 255, 255], [0, 68, 0, 67, 1, 12, 0, 0, .. message]))[42..];
    }

    private static byte[] Ip(byte protocol, byte[] destination, byte[] payload)
    {
        byte[] header = [0x45, 0, (byte)((20 + payload.Length) >> 8), (byte)(20 + payload.Length), 0, 0, 0, 0, 64, protocol, 0, 0, 10, 0, 2, 15, .. destination];
        Sum(header, 0, 20, 10);
        return [.. Gateway, .. Guest, 8, 0, .. header, .. payload];
    }

    private static void Sum(byte[] bytes, int start, int length, int at)
    {
        int sum = SumOf(bytes, start, length);
        (bytes[start + at], bytes[start + at + 1]) = ((byte)(sum >> 8), (byte)sum);
    }

    private static int SumOf(byte[] bytes, int start, int length)
    {
        int sum = 0;
        for (int i = 0; i < length; i++)
        {
            sum += (i & 1) == 0 ? bytes[start + i] << 8 : bytes[start + i];
        }

        sum = (sum & 0xFFFF) + (sum >> 16);
        return ~((sum & 0xFFFF) + (sum >> 16)) & 0xFFFF;
    }

    private byte[] Send(byte[] frame)
    {
        _received.Clear();
        _port.Send(frame);
        _context.Time.Advance(1_000_000_000);
        return Assert.Single(_received);
    }
}
