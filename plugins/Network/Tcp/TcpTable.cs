using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Tcp;

/// <summary>The connections of the network's guests.</summary>
/// <param name="lan">The wire.</param>
/// <param name="route">Gives where on the host a connection to an address and a port leads; null for nowhere.</param>
/// <param name="host">The host's network; null when no rule opens it.</param>
internal sealed class TcpTable(Lan lan, Func<uint, ushort, HostPlace?> route, IHostNetwork? host)
{
    private const int MostConnections = 1024;
    private const ushort FirstPort = 49152;

    private readonly Dictionary<TcpKey, TcpConnection> _connections = [];
    private readonly List<TcpConnection> _toAcknowledge = [];
    private IDisposable? _acknowledging;
    private uint _begun;

    public Lan Lan => lan;

    public IClock Clock => lan.Clock;

    /// <summary>Number of connections.</summary>
    public int Count => _connections.Count;

    /// <summary>Takes a packet of a guest.</summary>
    public void Take(in IpPacket packet)
    {
        if (packet.Sum != 0 || !TcpSegment.TryParse(packet.Payload, out TcpSegment segment))
        {
            return;
        }

        var key = new TcpKey(packet.Source, segment.SourcePort, packet.Destination, segment.DestinationPort);
        if (_connections.TryGetValue(key, out TcpConnection? known))
        {
            if (!known.GivesWayTo(segment))
            {
                known.Take(segment);
                return;
            }

            known.Abort();
        }

        if (segment.Flags != TcpFlags.Syn || host is null || _connections.Count >= MostConnections || route(key.Remote, key.RemotePort) is not { } place)
        {
            Refuse(key, segment);
            return;
        }

        _connections[key] = new TcpConnection(this, key, host.Connect(place), FirstNumber(), segment);
    }

    /// <summary>Brings a connection of the host to a guest.</summary>
    public void Open(uint guest, ushort port, IHostStream stream)
    {
        if (_connections.Count >= MostConnections)
        {
            stream.Abort();
            return;
        }

        TcpKey key;
        uint number = _begun;
        do
        {
            key = new TcpKey(guest, port, Addresses.Gateway, (ushort)(FirstPort + (number++ % (65536 - FirstPort))));
        }
        while (_connections.ContainsKey(key));

        var connection = new TcpConnection(this, key, stream, FirstNumber());
        _connections[key] = connection;
        connection.Ask();
    }

    /// <summary>Answers a segment for which there is no connection.</summary>
    public void Refuse(in TcpKey key, in TcpSegment segment)
    {
        if (!segment.Has(TcpFlags.Reset))
        {
            lan.Send(IpPacket.Tcp, key.Remote, key.Guest, TcpSegment.Refusal(key, segment));
        }
    }

    /// <summary>Acknowledges once for all that a burst of the guest brings.</summary>
    public void AcknowledgeSoon(TcpConnection connection)
    {
        if (!_toAcknowledge.Contains(connection))
        {
            _toAcknowledge.Add(connection);
        }

        _acknowledging ??= Clock.Schedule(Clock.Now + (lan.Delay / 2), () =>
        {
            _acknowledging = null;
            TcpConnection[] all = [.. _toAcknowledge];
            _toAcknowledge.Clear();
            Array.ForEach(all, c => c.Acknowledge());
        });
    }

    /// <summary>Sends on every connection what the wire has room for.</summary>
    public void Pump()
    {
        foreach (TcpConnection connection in _connections.Values.ToArray())
        {
            connection.Pump();
        }
    }

    public void Forget(TcpConnection connection)
    {
        if (_connections.TryGetValue(connection.Key, out TcpConnection? known) && known == connection)
        {
            _connections.Remove(connection.Key);
        }

        _toAcknowledge.Remove(connection);
    }

    /// <summary>Breaks everything off.</summary>
    public void Reset()
    {
        foreach (TcpConnection connection in _connections.Values.ToArray())
        {
            connection.Abort();
        }

        _acknowledging?.Dispose();
        (_acknowledging, _begun) = (null, 0);
        _toAcknowledge.Clear();
    }

    /// <summary>The number with which a connection begins: it grows with time and with each connection.</summary>
    /// <remarks>Source: RFC 9293, section 3.4.1 "Initial Sequence Number Selection".</remarks>
    private uint FirstNumber() => (uint)(Clock.Now / 4000) + (++_begun * 64021);
}
