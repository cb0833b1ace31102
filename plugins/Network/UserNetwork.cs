using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Plugins.Network.Rules;
using Kmem.Plugins.Network.Services;
using Kmem.Plugins.Network.Tcp;
using Kmem.Plugins.Network.Udp;

namespace Kmem.Plugins.Network;

/// <summary>
/// The network 10.0.2.0/24 with a gateway (10.0.2.2) that answers ARP and ICMP echo and gives out addresses by DHCP, and a name server (10.0.2.3). Nothing of
/// the host and of the world is reachable unless an option opens it; then connections and datagrams become such of the host. Adapters see each other's frames.
/// </summary>
/// <remarks>Source: RFC 826 (ARP), RFC 791 and 792 (IP, ICMP), RFC 768 (UDP), RFC 9293 (TCP), RFC 2131 (DHCP), RFC 1035 (DNS), RFC 1350 (TFTP).</remarks>
[Device("net.user")]
public sealed class UserNetwork : Device, INetwork, IDisposable
{
    private const int EthernetHeader = 14;
    private const ushort Ip = 0x0800, Arp = 0x0806, DhcpServerPort = 67, DhcpClientPort = 68, NamePort = 53, TftpPort = 69;

    private readonly IHostNetwork? _host;
    private readonly Lan _lan;
    private readonly OutboundRules _outbound;
    private readonly IReadOnlyList<Service> _services;
    private readonly TcpTable _tcp;
    private readonly UdpRelay _udp;
    private readonly Fragments _fragments = new();
    private readonly DhcpServer _dhcp;
    private readonly NameServer _names;
    private readonly TftpServer? _tftp;

    /// <summary>Creates the network, and takes the places of the host that lead into it.</summary>
    /// <exception cref="MachineException">A rule is none, or a place of the host is taken.</exception>
    public UserNetwork(UserNetworkOptions options, IDeviceContext context)
    {
        _lan = new Lan(context.Clock, (long)options.Delay) { Arrived = Take };
        _outbound = new OutboundRules(options.Outbound);
        _services = Service.Read(options.Services, context.PathOf);
        IReadOnlyList<Forward> forwards = Forward.Read(options.Forward, context.PathOf);

        // Without a rule there is not even an object through which the host could be reached.
        _host = _outbound.IsEmpty && _services.Count == 0 && forwards.Count == 0 ? null : context.HostNetwork;
        _tcp = new TcpTable(_lan, (address, port) => Route(Protocols.Tcp, address, port), _host);
        _udp = new UdpRelay(_lan, (address, port) => Route(Protocols.Udp, address, port), _host);
        _lan.Drained = _tcp.Pump;
        _dhcp = new DhcpServer(options.BootFile);
        _names = new NameServer(Resolve);
        if (options.Tftp.Length > 0)
        {
            _tftp = Directory.Exists(options.Tftp)
                ? new TftpServer(options.Tftp, context.Clock, (guest, port, from, data) => SendDatagram(Addresses.Gateway, guest, from, port, data))
                : throw new MachineException($"there is no folder '{options.Tftp}'") { Option = "tftp" };
        }

        foreach (Service service in _services)
        {
            _lan.AddAddress(service.Address);
        }

        foreach (Forward forward in forwards)
        {
            Open(forward, _host!);
        }
    }

    /// <inheritdoc/>
    public INetworkPort Attach(Func<ReadOnlyMemory<byte>, bool> receive) => _lan.Attach(receive);

    /// <inheritdoc/>
    public override void Reset()
    {
        _tcp.Reset();
        _udp.Reset();
        _tftp?.Reset();
        _fragments.Clear();
        _dhcp.Reset();
        _lan.Reset();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer) => _dhcp.Save(writer);

    /// <summary>Takes the leases; connections to the host can't be saved and are broken off.</summary>
    public override void Load(StateReader reader)
    {
        Reset();
        _dhcp.Load(reader);
    }

    /// <inheritdoc/>
    public void Dispose() => _tftp?.Dispose();

    private void Open(Forward forward, IHostNetwork host)
    {
        try
        {
            if (forward.Protocol == Protocols.Tcp)
            {
                host.Listen(forward.From, stream => _tcp.Open(forward.Guest, forward.Port, stream));
                return;
            }

            IHostDatagrams datagrams = host.Bind(forward.From);
            datagrams.Received = (data, from) => _udp.Forward(forward.Guest, forward.Port, datagrams, from, data.Span);
        }
        catch (MachineException e)
        {
            throw new MachineException(e.Message, e) { Option = forward.Option };
        }
    }

    private HostPlace? Route(Protocols protocol, uint address, ushort port)
    {
        foreach (Service service in _services)
        {
            if (service.Protocol == protocol && service.Address == address && service.Port == port)
            {
                return service.To;
            }
        }

        return _outbound.Route(protocol, address, port);
    }

    private bool Resolve(string name, Action<IReadOnlyList<uint>> found)
    {
        if (_host is null || !_outbound.MayResolve(name))
        {
            return false;
        }

        _host.Resolve(name, addresses =>
        {
            _outbound.Learn(name, addresses);
            found(addresses);
        });
        return true;
    }

    private void Take(LanPort from, ReadOnlyMemory<byte> memory)
    {
        ReadOnlySpan<byte> frame = memory.Span;
        bool isForUs = (frame[0] & 1) != 0 || frame[..6].SequenceEqual(Addresses.GatewayMac);
        if (_lan.HasSeveral && !frame[..6].SequenceEqual(Addresses.GatewayMac))
        {
            _lan.Spread(from, memory.ToArray());
        }

        if (!isForUs)
        {
            return;
        }

        switch (BinaryPrimitives.ReadUInt16BigEndian(frame[12..]))
        {
            case Arp when ArpMessage.Answer(frame, _lan, from) is { } answer:
                from.Deliver(answer);
                break;
            case Ip when IpPacket.TryParse(frame[EthernetHeader..], out IpPacket packet):
                _lan.Learn(packet.Source, frame.Slice(6, 6), from);
                if (!packet.IsFragment)
                {
                    TakePacket(from, frame, packet);
                }
                else if (_fragments.Add(packet, _lan.Clock.Now, out byte[] header) is { } whole)
                {
                    TakePacket(from, frame, IpPacket.Of(header, whole));
                }

                break;
            default:
                break;
        }
    }

    private void TakePacket(LanPort from, ReadOnlySpan<byte> frame, in IpPacket packet)
    {
        if (packet.Protocol == IpPacket.Udp && UdpDatagram.TryParse(packet, out UdpDatagram datagram))
        {
            TakeDatagram(from, frame, packet, datagram);
            return;
        }

        // Answers go to the sender's address, so it must be one of this network.
        if (_lan.MacOf(packet.Source) is null)
        {
            return;
        }

        if (packet.Protocol == IpPacket.Tcp && !Addresses.IsForAll(packet.Destination))
        {
            _tcp.Take(packet);
        }
        else if (packet.Protocol == IpPacket.Icmp && _lan.IsOurs(packet.Destination) && IcmpMessage.Answer(packet.Payload) is { } echo)
        {
            _lan.Send(IpPacket.Icmp, packet.Destination, packet.Source, echo);
        }
    }

    private void TakeDatagram(LanPort from, ReadOnlySpan<byte> frame, in IpPacket packet, in UdpDatagram datagram)
    {
        if (datagram.Destination == DhcpServerPort && (packet.Destination == Addresses.Gateway || Addresses.IsForAll(packet.Destination)))
        {
            if (_dhcp.Answer(datagram.Data) is { } reply)
            {
                byte[] answer = UdpDatagram.Write(Addresses.Gateway, Addresses.Broadcast, DhcpServerPort, DhcpClientPort, reply);
                Lan.Answer(from, frame, IpPacket.Udp, Addresses.Gateway, Addresses.Broadcast, answer);
            }

            return;
        }

        (uint guest, uint server, ushort port) = (packet.Source, packet.Destination, datagram.Source);
        if (_lan.MacOf(guest) is null || Addresses.IsForAll(server))
        {
            return;
        }

        if (server == Addresses.NameServer && datagram.Destination == NamePort)
        {
            _names.Answer(datagram.Data, reply => SendDatagram(server, guest, NamePort, port, reply));
            return;
        }

        if (server == Addresses.Gateway && _tftp is not null)
        {
            if (datagram.Destination == TftpPort)
            {
                _tftp.Begin(guest, port, datagram.Data);
                return;
            }

            if (_tftp.Continue(guest, port, datagram.Destination, datagram.Data))
            {
                return;
            }
        }

        if (!_udp.Take(packet, datagram) && !Addresses.IsMany(server))
        {
            _lan.Send(IpPacket.Icmp, Addresses.Gateway, guest, IcmpMessage.PortUnreachable([.. packet.Header, .. packet.Payload[..8]]));
        }
    }

    private void SendDatagram(uint source, uint guest, ushort from, ushort to, ReadOnlySpan<byte> data) =>
        _lan.Send(IpPacket.Udp, source, guest, UdpDatagram.Write(source, guest, from, to, data));
}
