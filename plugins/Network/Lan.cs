using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>The wire of the network: adapters, who has which address, and frames on their way.</summary>
/// <param name="clock">The machine's time.</param>
/// <param name="delay">Guest time that a frame travels, in ns.</param>
internal sealed class Lan(IClock clock, long delay)
{
    private const int EthernetHeader = 14, MostUnresolved = 16;

    private readonly List<LanPort> _ports = [];
    private readonly Dictionary<uint, Neighbour> _neighbours = [];
    private readonly List<(uint Guest, Func<byte[], byte[]> Make)> _unresolved = [];
    private readonly HashSet<uint> _ours = [Addresses.Gateway, Addresses.NameServer];
    private ushort _identification;

    /// <summary>Called with each frame that an adapter has sent.</summary>
    public Action<LanPort, ReadOnlyMemory<byte>>? Arrived { get; set; }

    /// <summary>Called when frames have left and there is room for others.</summary>
    public Action? Drained { get; set; }

    public IClock Clock => clock;

    public long Delay => delay;

    public LanPort Attach(Func<ReadOnlyMemory<byte>, bool> receive)
    {
        var port = new LanPort(this, receive);
        _ports.Add(port);
        return port;
    }

    /// <summary>Whether somebody of the network itself has an address.</summary>
    public bool IsOurs(uint address) => _ours.Contains(address);

    /// <summary>Gives somebody of the network an address more.</summary>
    public void AddAddress(uint address) => _ours.Add(address);

    public void Reset()
    {
        _ports.ForEach(p => p.Clear());
        _neighbours.Clear();
        _unresolved.Clear();
        _identification = 0;
    }

    /// <summary>Brings a frame to all adapters but the one that sent it.</summary>
    public void Spread(LanPort from, byte[] frame)
    {
        foreach (LanPort other in _ports)
        {
            if (other != from)
            {
                other.Deliver(frame);
            }
        }
    }

    /// <summary>Whether several adapters are on the wire.</summary>
    public bool HasSeveral => _ports.Count > 1;

    /// <summary>Remembers who has an address.</summary>
    public void Learn(uint address, ReadOnlySpan<byte> mac, LanPort port)
    {
        if (!Addresses.IsHere(address) || _ours.Contains(address) || Addresses.IsForAll(address) || (mac[0] & 1) != 0)
        {
            return;
        }

        if (_neighbours.TryGetValue(address, out Neighbour? known) && known.Port == port && mac.SequenceEqual(known.Mac))
        {
            return;
        }

        _neighbours[address] = known = new Neighbour(mac.ToArray(), port);
        foreach ((uint guest, Func<byte[], byte[]> make) in _unresolved.Where(u => u.Guest == address).ToArray())
        {
            port.Deliver(make(known.Mac));
        }

        _unresolved.RemoveAll(u => u.Guest == address);
    }

    /// <summary>The Ethernet address of whoever has an address; null when nobody is known to have it.</summary>
    public byte[]? MacOf(uint guest) => _neighbours.GetValueOrDefault(guest)?.Mac;

    /// <summary>Sends a frame to whoever has an address.</summary>
    public void Send(uint guest, byte[] frame) => _neighbours.GetValueOrDefault(guest)?.Port.Deliver(frame);

    /// <summary>Frames on their way to an address.</summary>
    public int BacklogOf(uint guest) => _neighbours.TryGetValue(guest, out Neighbour? known) ? known.Port.Backlog : 0;

    /// <summary>Sends a payload in as many packets as it needs to whoever has an address.</summary>
    public void Send(byte protocol, uint source, uint destination, ReadOnlySpan<byte> payload)
    {
        if (payload.Length <= IpPacket.MostPayload)
        {
            byte[] whole = payload.ToArray();
            Send(destination, mac => Fill(IpPacket.Frame(mac, protocol, source, destination, whole.Length), whole));
            return;
        }

        const int Piece = IpPacket.MostPayload & ~7, MoreFollow = 0x2000;
        ushort identification = ++_identification;
        for (int at = 0; at < payload.Length; at += Piece)
        {
            byte[] piece = payload.Slice(at, Math.Min(Piece, payload.Length - at)).ToArray();
            int fragment = (at / 8) | (at + Piece < payload.Length ? MoreFollow : 0);
            Send(destination, mac => Fill(IpPacket.Frame(mac, protocol, source, destination, piece.Length, identification, fragment), piece));
        }
    }

    /// <summary>Sends a frame to whoever has an address; asks who that is where nobody knows.</summary>
    /// <param name="guest">The address.</param>
    /// <param name="make">Makes the frame, given the Ethernet address.</param>
    private void Send(uint guest, Func<byte[], byte[]> make)
    {
        if (_neighbours.TryGetValue(guest, out Neighbour? known))
        {
            known.Port.Deliver(make(known.Mac));
            return;
        }

        if (_unresolved.Count < MostUnresolved)
        {
            _unresolved.Add((guest, make));
        }

        byte[] question = ArpMessage.Question(guest);
        _ports.ForEach(p => p.Deliver(question));
    }

    /// <summary>Sends an answer straight back to the sender of a frame.</summary>
    public static void Answer(LanPort port, ReadOnlySpan<byte> received, byte protocol, uint source, uint destination, ReadOnlySpan<byte> payload) =>
        port.Deliver(Fill(IpPacket.Frame(received.Slice(6, 6), protocol, source, destination, payload.Length), payload));

    internal void Take(LanPort port, ReadOnlySpan<byte> frame)
    {
        const int MostFrame = 1518;
        if (frame.Length is >= EthernetHeader and <= MostFrame)
        {
            Arrived?.Invoke(port, frame.ToArray());
        }
    }

    private static byte[] Fill(byte[] frame, ReadOnlySpan<byte> payload)
    {
        payload.CopyTo(IpPacket.PayloadOf(frame));
        return frame;
    }

    private sealed record Neighbour(byte[] Mac, LanPort Port);
}

/// <summary>An adapter on the wire: frames for it wait here until they have travelled and the adapter has room.</summary>
internal sealed class LanPort(Lan owner, Func<ReadOnlyMemory<byte>, bool> receive) : INetworkPort
{
    private const int MostWaiting = 1024, Few = 64;

    private readonly Queue<(long Due, byte[] Frame)> _waiting = new();
    private IDisposable? _timer;
    private bool _isRefused;

    /// <summary>Frames that wait.</summary>
    public int Backlog => _waiting.Count;

    public void Send(ReadOnlySpan<byte> frame) => owner.Take(this, frame);

    public void Resume()
    {
        if (_isRefused)
        {
            _isRefused = false;
            Arm();
        }
    }

    /// <summary>Puts a frame on its way; a wire that nobody empties drops it.</summary>
    public void Deliver(byte[] frame)
    {
        if (_waiting.Count == MostWaiting)
        {
            return;
        }

        _waiting.Enqueue((owner.Clock.Now + owner.Delay, frame));
        Arm();
    }

    public void Clear()
    {
        _timer?.Dispose();
        (_timer, _isRefused) = (null, false);
        _waiting.Clear();
    }

    private void Arm()
    {
        if (_timer is null && !_isRefused && _waiting.TryPeek(out (long Due, byte[] Frame) first))
        {
            _timer = owner.Clock.Schedule(first.Due, Bring);
        }
    }

    private void Bring()
    {
        _timer = null;
        long now = owner.Clock.Now;
        bool hadMany = _waiting.Count >= Few;
        while (_waiting.TryPeek(out (long Due, byte[] Frame) next) && next.Due <= now)
        {
            if (!receive(next.Frame))
            {
                _isRefused = true;
                break;
            }

            // What the adapter does with a frame may have emptied the wire.
            if (_waiting.TryPeek(out (long Due, byte[] Frame) first) && first.Frame == next.Frame)
            {
                _waiting.Dequeue();
            }
        }

        Arm();
        if (hadMany && _waiting.Count < Few)
        {
            owner.Drained?.Invoke();
        }
    }
}
