using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>Options of <c>net.user</c>.</summary>
/// <param name="Delay">Guest time between a frame and its answer.</param>
public sealed record UserNetworkOptions([property: Option(OptionKind.Time, Max = 10_000_000_000)] ulong Delay = 100_000);

/// <summary>
/// A small network without any way to the host: a gateway (10.0.2.2) that answers ARP and ICMP echo and gives out addresses by DHCP, a name server (10.0.2.3)
/// that knows <c>gateway</c> and <c>dns</c>; TCP connections are refused, other UDP ports are unreachable. Adapters see each other's frames.
/// </summary>
/// <remarks>Source: RFC 826 (ARP), RFC 791 and 792 (IP, ICMP), RFC 2131 (DHCP), RFC 1035 (DNS), RFC 793 (TCP resets).</remarks>
[Device("net.user")]
public sealed class UserNetwork : Device, INetwork
{
    private const int EthernetHeader = 14, MostFrame = 1514;
    private const ushort Ip = 0x0800, Arp = 0x0806;
    private const byte Icmp = 1, Tcp = 6, Udp = 17;

    private readonly IClock _clock;
    private readonly long _delay;
    private readonly List<Port> _ports = [];

    /// <summary>Creates the network.</summary>
    public UserNetwork(UserNetworkOptions options, IDeviceContext context) => (_clock, _delay) = (context.Clock, (long)options.Delay);

    /// <inheritdoc/>
    public INetworkPort Attach(Action<ReadOnlyMemory<byte>> receive)
    {
        var port = new Port(this, receive);
        _ports.Add(port);
        return port;
    }

    private void Take(Port from, ReadOnlySpan<byte> frame)
    {
        if (frame.Length < EthernetHeader || frame.Length > MostFrame)
        {
            return;
        }

        byte[] copy = frame.ToArray();
        foreach (Port other in _ports.Where(p => p != from))
        {
            Deliver(other, copy);
        }

        bool isForUs = (frame[0] & 1) != 0 || frame[..6].SequenceEqual(Addresses.GatewayMac);
        if (isForUs && Answer(frame) is { } answer)
        {
            Deliver(from, answer);
        }
    }

    private void Deliver(Port to, byte[] frame) => _clock.Schedule(_clock.Now + _delay, () => to.Receive(frame));

    private static byte[]? Answer(ReadOnlySpan<byte> frame) => BinaryPrimitives.ReadUInt16BigEndian(frame[12..]) switch
    {
        Arp => ArpReply.To(frame),
        Ip when IpPacket.Parse(frame[EthernetHeader..]) is { } packet => AnswerIp(frame, packet),
        _ => null,
    };

    private static byte[]? AnswerIp(ReadOnlySpan<byte> frame, IpPacket packet)
    {
        ReadOnlySpan<byte> payload = packet.Payload.Span;
        switch (packet.Protocol)
        {
            case Icmp when payload.Length >= 8 && payload[0] == 8 && Addresses.IsOurs(packet.Destination):
                byte[] echo = payload.ToArray();
                echo[0] = 0;
                BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), 0);
                BinaryPrimitives.WriteUInt16BigEndian(echo.AsSpan(2), Checksum.Of(echo));
                return IpPacket.Frame(frame, Icmp, packet.Destination, packet.Source, echo);
            case Udp when payload.Length >= 8:
                return AnswerUdp(frame, packet, payload);
            case Tcp when payload.Length >= 20 && TcpReset.To(packet, payload) is { } reset:
                return IpPacket.Frame(frame, Tcp, packet.Destination, packet.Source, reset);
            default:
                return null;
        }
    }

    private static byte[]? AnswerUdp(ReadOnlySpan<byte> frame, IpPacket packet, ReadOnlySpan<byte> payload)
    {
        const int DhcpServer = 67, DhcpClient = 68, NameServer = 53;
        ushort source = BinaryPrimitives.ReadUInt16BigEndian(payload), destination = BinaryPrimitives.ReadUInt16BigEndian(payload[2..]);
        ReadOnlySpan<byte> data = payload[8..];
        if (destination == DhcpServer)
        {
            return DhcpReply.To(data) is { } reply
                ? IpPacket.Frame(frame, Udp, Addresses.Gateway, Addresses.Broadcast, IpPacket.Datagram(Addresses.Gateway, Addresses.Broadcast, DhcpServer, DhcpClient, reply))
                : null;
        }

        if (destination == NameServer && packet.Destination == Addresses.NameServer)
        {
            return DnsReply.To(data) is { } reply
                ? IpPacket.Frame(frame, Udp, packet.Destination, packet.Source, IpPacket.Datagram(packet.Destination, packet.Source, NameServer, source, reply))
                : null;
        }

        if (packet.Destination == uint.MaxValue || packet.Destination == (Addresses.Gateway | 0xFF))
        {
            return null;
        }

        // Port unreachable, with the beginning of what was sent.
        byte[] original = packet.Header.Span.ToArray();
        byte[] message = [3, 3, 0, 0, 0, 0, 0, 0, .. original, .. payload[..8]];
        BinaryPrimitives.WriteUInt16BigEndian(message.AsSpan(2), Checksum.Of(message));
        return IpPacket.Frame(frame, Icmp, Addresses.Gateway, packet.Source, message);
    }

    private sealed class Port(UserNetwork owner, Action<ReadOnlyMemory<byte>> receive) : INetworkPort
    {
        public void Send(ReadOnlySpan<byte> frame) => owner.Take(this, frame);

        public void Receive(byte[] frame) => receive(frame);
    }
}
