using System.Buffers.Binary;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Tcp;

/// <summary>A connection of the guest, whose other end is a connection of the host: what one of them sends the other one gets, ends and resets too.</summary>
/// <remarks>
/// The host's buffers are the windows: what the guest sends is acknowledged when the host's connection has taken it, and what the host sends stays in its
/// buffer until the guest has acknowledged it. Names of variables as in RFC 9293, section 3.3.1; the state machine is that of section 3.10.7.
/// </remarks>
internal sealed partial class TcpConnection
{
    private const int LargestPayload = 1460, MostBacklog = 128, OurShift = 3;

    private readonly TcpTable _owner;
    private readonly IHostStream _stream;
    private Phase _phase;
    private uint _una, _next, _highest, _receive, _edge;
    private uint? _end;
    private long _window;
    private int _shift, _ourShift, _mss = 536, _duplicates;
    private bool _guestEnded, _isAckDue;

    /// <summary>A connection that the guest begins; the host's end is on its way.</summary>
    public TcpConnection(TcpTable owner, in TcpKey key, IHostStream stream, uint first, in TcpSegment request)
    {
        (_owner, Key, _stream, _phase) = (owner, key, stream, Phase.Connecting);
        (_una, _next, _highest) = (first, first, first);
        _receive = request.Sequence + 1;
        Learn(request);
        Timer = new TcpTimer(owner.Clock, OnTimer);
        stream.Changed = OnHost;
    }

    /// <summary>A connection that the host begins.</summary>
    public TcpConnection(TcpTable owner, in TcpKey key, IHostStream stream, uint first)
    {
        (_owner, Key, _stream, _phase) = (owner, key, stream, Phase.Asking);
        (_una, _next, _highest) = (first, first, first);
        _ourShift = OurShift;
        Timer = new TcpTimer(owner.Clock, OnTimer);
        stream.Changed = OnHost;
    }

    private enum Phase
    {
        /// <summary>The guest has asked, the host's end does not stand yet.</summary>
        Connecting,

        /// <summary>The guest has been asked.</summary>
        Asking,

        /// <summary>The guest has been answered.</summary>
        Answered,

        /// <summary>Both ends stand.</summary>
        Open,

        /// <summary>Both sides have ended; the guest may not know it.</summary>
        Lingering,

        /// <summary>It is gone.</summary>
        Gone,
    }

    public TcpKey Key { get; }

    private TcpTimer Timer { get; }

    private bool IsEndAcknowledged => _end is { } end && _una == end + 1;

    /// <summary>Begins to ask the guest.</summary>
    public void Ask()
    {
        SendBeginning(TcpFlags.Syn);
        OnHost();
    }

    /// <summary>Whether a request for a new connection between the same ends takes the place of this one.</summary>
    public bool GivesWayTo(in TcpSegment segment) => _phase == Phase.Lingering && segment.Flags == TcpFlags.Syn && After(segment.Sequence, _receive);

    /// <summary>Takes a segment of the guest.</summary>
    public void Take(in TcpSegment segment)
    {
        switch (_phase)
        {
            case Phase.Connecting:
                if (segment.Has(TcpFlags.Reset))
                {
                    Abort();
                }

                break;
            case Phase.Asking:
                TakeAnswer(segment);
                break;
            case Phase.Gone:
                break;
            default:
                TakeOpen(segment);
                break;
        }
    }

    /// <summary>Acknowledges what has come since the last time.</summary>
    public void Acknowledge()
    {
        if (_isAckDue && _phase is Phase.Open or Phase.Lingering)
        {
            SendControl(TcpFlags.Acknowledge);
        }
    }

    /// <summary>Sends what the host has sent, as far as the guest and the wire have room.</summary>
    public void Pump()
    {
        if (_phase is not Phase.Open)
        {
            return;
        }

        if (_stream.State == HostStreamState.Broken)
        {
            Refuse();
            return;
        }

        // Asked in this order: bytes may arrive between the two questions.
        bool isEnded = _stream.IsEnded;
        int available = _stream.Available;
        while (_end is null || Before(_next, _end.Value))
        {
            int sent = (int)(_next - _una), rest = available - sent, most = (int)Math.Min(Math.Min(_window - sent, _mss), rest);
            if (most <= 0 || (most < _mss && most < rest && sent > 0) || _owner.Lan.BacklogOf(Key.Guest) >= MostBacklog || !SendData(sent, most, isLast: most == rest))
            {
                break;
            }
        }

        uint behind = _una + (uint)available;
        if (isEnded && !IsEndAcknowledged && _next == behind && _owner.Lan.BacklogOf(Key.Guest) < MostBacklog)
        {
            _end = behind;
            SendControl(TcpFlags.Fin | TcpFlags.Acknowledge);
        }

        if (_una != _next || available > 0)
        {
            Timer.Start();
        }

        // A window that was small is told when it is worth while.
        if (!_guestEnded && _receive + (uint)_stream.Room is var edge && edge - _edge >= Math.Min(2 * LargestPayload, 0x8000) && _edge - _receive < 0x8000 && After(edge, _edge))
        {
            _isAckDue = true;
            _owner.AcknowledgeSoon(this);
        }
    }

    /// <summary>Breaks the host's end off, and forgets the guest's.</summary>
    public void Abort()
    {
        _stream.Abort();
        Leave();
    }

    private static bool Before(uint a, uint b) => (int)(a - b) < 0;

    private static bool After(uint a, uint b) => (int)(a - b) > 0;

    private void OnHost()
    {
        if (_phase == Phase.Connecting && _stream.State == HostStreamState.Open)
        {
            _phase = Phase.Answered;
            SendBeginning(TcpFlags.Syn | TcpFlags.Acknowledge);
        }
        else if (_phase is Phase.Connecting or Phase.Asking or Phase.Answered && _stream.State == HostStreamState.Broken)
        {
            Refuse();
        }
        else
        {
            Pump();
        }
    }

    private void OnTimer(int times)
    {
        const int MostBeginnings = 7, MostTimes = 12;
        if (_phase == Phase.Lingering && _guestEnded && IsEndAcknowledged)
        {
            Leave();
        }
        else if (times > (_phase is Phase.Asking or Phase.Answered ? MostBeginnings : MostTimes))
        {
            Refuse();
        }
        else if (_phase is Phase.Asking or Phase.Answered)
        {
            _next = _una;
            SendBeginning(_phase == Phase.Asking ? TcpFlags.Syn : TcpFlags.Syn | TcpFlags.Acknowledge);
        }
        else if (_phase == Phase.Open)
        {
            // What was lost is sent again from there on; a closed window is asked with a byte.
            _next = _una;
            if (_window == 0 && _stream.Available > 0)
            {
                _ = SendData(0, 1, isLast: false);
                Timer.Start();
            }
            else
            {
                Pump();
            }
        }
    }

    private void Refuse()
    {
        byte[] reset = new byte[TcpSegment.HeaderLength];
        bool isAnswered = _phase is not (Phase.Connecting or Phase.Asking);
        TcpSegment.Finish(Key, reset, reset.Length, isAnswered ? _next : 0, _receive, TcpFlags.Reset | TcpFlags.Acknowledge, 0);
        if (_phase != Phase.Asking)
        {
            _owner.Lan.Send(IpPacket.Tcp, Key.Remote, Key.Guest, reset);
        }

        Abort();
    }

    private void Leave()
    {
        _phase = Phase.Gone;
        Timer.Remove();
        _stream.Changed = null;
        _owner.Forget(this);
    }

    private void SendBeginning(TcpFlags flags)
    {
        const int WithSize = 4, WithShift = 8;
        bool scales = _ourShift > 0;
        byte[] segment = new byte[TcpSegment.HeaderLength + (scales ? WithShift : WithSize)];
        (segment[20], segment[21]) = (2, 4);
        BinaryPrimitives.WriteUInt16BigEndian(segment.AsSpan(22), LargestPayload);
        if (scales)
        {
            (segment[24], segment[25], segment[26], segment[27]) = (1, 3, 3, OurShift);
        }

        int window = Math.Min(_stream.Room == 0 ? LargestPayload : _stream.Room, ushort.MaxValue);
        TcpSegment.Finish(Key, segment, segment.Length, _una, (flags & TcpFlags.Acknowledge) != 0 ? _receive : 0, flags, (ushort)window);
        _next = _highest = _una + 1;
        _edge = _receive + (uint)window;
        _owner.Lan.Send(IpPacket.Tcp, Key.Remote, Key.Guest, segment);
        Timer.Start();
    }

    private void SendControl(TcpFlags flags)
    {
        byte[] segment = new byte[TcpSegment.HeaderLength];
        Finish(segment, flags);
        _owner.Lan.Send(IpPacket.Tcp, Key.Remote, Key.Guest, segment);
        if ((flags & TcpFlags.Fin) != 0)
        {
            Advance(1);
            Timer.Start();
        }
    }

    private bool SendData(int offset, int length, bool isLast)
    {
        if (_owner.Lan.MacOf(Key.Guest) is not { } mac)
        {
            return false;
        }

        byte[] frame = IpPacket.Frame(mac, IpPacket.Tcp, Key.Remote, Key.Guest, TcpSegment.HeaderLength + length);
        Span<byte> segment = IpPacket.PayloadOf(frame);
        _stream.Peek(offset, segment[TcpSegment.HeaderLength..]);
        Finish(segment, isLast ? TcpFlags.Acknowledge | TcpFlags.Push : TcpFlags.Acknowledge);
        Advance((uint)length);
        _owner.Lan.Send(Key.Guest, frame);
        return true;
    }

    private void Finish(Span<byte> segment, TcpFlags flags)
    {
        int window = Math.Min(_stream.Room >> _ourShift, ushort.MaxValue);
        _edge = _receive + ((uint)window << _ourShift);
        _isAckDue = false;
        TcpSegment.Finish(Key, segment, TcpSegment.HeaderLength, _next, _receive, flags, (ushort)window);
    }

    private void Advance(uint length)
    {
        _next += length;
        _highest = After(_next, _highest) ? _next : _highest;
    }
}
