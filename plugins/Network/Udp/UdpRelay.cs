using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Udp;

/// <summary>Carries datagrams between guests and the host.</summary>
/// <param name="lan">The wire.</param>
/// <param name="route">Gives where on the host datagrams to an address and a port lead; null for nowhere.</param>
/// <param name="host">The host's network; null when no rule opens it.</param>
internal sealed class UdpRelay(Lan lan, Func<uint, ushort, HostPlace?> route, IHostNetwork? host)
{
    private const int MostFlows = 256, LargestData = 65507;
    private const long Patience = 240_000_000_000;
    private const ushort FirstPort = 49152;

    private readonly Dictionary<FlowKey, Flow> _flows = [];
    private uint _begun;

    /// <summary>Takes a datagram of a guest.</summary>
    /// <returns>False when it leads nowhere.</returns>
    public bool Take(in IpPacket packet, in UdpDatagram datagram)
    {
        var key = new FlowKey(packet.Source, datagram.Source, packet.Destination, datagram.Destination);
        if (!_flows.TryGetValue(key, out Flow? flow))
        {
            if (route(key.Remote, key.RemotePort) is not { } place || host?.Open(place) is not { } datagrams)
            {
                return false;
            }

            flow = Add(key, datagrams, place, isOwn: true);
            datagrams.Received = (data, _) => Bring(flow, data.Span);
            datagrams.Refused = () => lan.Send(IpPacket.Icmp, Addresses.Gateway, key.Guest, IcmpMessage.PortUnreachable(flow.Last));
        }

        flow.Used = lan.Clock.Now;
        flow.Last = [.. packet.Header, .. packet.Payload[..Math.Min(8, packet.Payload.Length)]];
        flow.Datagrams.Send(datagram.Data, flow.Place);
        return true;
    }

    /// <summary>Brings a datagram that came to a place of the host to a guest, whose answers go back to whom it is from.</summary>
    public void Forward(uint guest, ushort port, IHostDatagrams datagrams, HostPlace from, ReadOnlySpan<byte> data)
    {
        Flow? flow = _flows.Values.FirstOrDefault(f => f.Datagrams == datagrams && f.Place == from);
        if (flow is null)
        {
            FlowKey key;
            do
            {
                key = new FlowKey(guest, port, Addresses.Gateway, (ushort)(FirstPort + (_begun++ % (65536 - FirstPort))));
            }
            while (_flows.ContainsKey(key));

            flow = Add(key, datagrams, from, isOwn: false);
        }

        Bring(flow, data);
    }

    /// <summary>Forgets everything.</summary>
    public void Reset()
    {
        foreach (Flow flow in _flows.Values.ToArray())
        {
            Remove(flow);
        }

        _begun = 0;
    }

    private Flow Add(FlowKey key, IHostDatagrams datagrams, HostPlace place, bool isOwn)
    {
        long now = lan.Clock.Now;
        foreach (Flow old in _flows.Values.Where(f => now - f.Used > Patience).ToArray())
        {
            Remove(old);
        }

        if (_flows.Count >= MostFlows)
        {
            Remove(_flows.Values.MinBy(f => f.Used)!);
        }

        return _flows[key] = new Flow(key, datagrams, place, isOwn) { Used = now };
    }

    private void Remove(Flow flow)
    {
        _flows.Remove(flow.Key);
        if (flow.IsOwn)
        {
            flow.Datagrams.Dispose();
        }
    }

    private void Bring(Flow flow, ReadOnlySpan<byte> data)
    {
        flow.Used = lan.Clock.Now;
        FlowKey key = flow.Key;
        if (data.Length <= LargestData)
        {
            lan.Send(IpPacket.Udp, key.Remote, key.Guest, UdpDatagram.Write(key.Remote, key.Guest, key.RemotePort, key.GuestPort, data));
        }
    }

    private readonly record struct FlowKey(uint Guest, ushort GuestPort, uint Remote, ushort RemotePort);

    private sealed record Flow(FlowKey Key, IHostDatagrams Datagrams, HostPlace Place, bool IsOwn)
    {
        public long Used { get; set; }

        /// <summary>Beginning of the guest's last packet, which a refusal quotes.</summary>
        public byte[] Last { get; set; } = [];
    }
}
