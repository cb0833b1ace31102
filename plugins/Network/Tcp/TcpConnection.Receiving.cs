using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Tcp;

/// <content>What the guest sends.</content>
internal sealed partial class TcpConnection
{
    private void Learn(in TcpSegment beginning)
    {
        _mss = Math.Clamp(beginning.LargestPayload == 0 ? 536 : beginning.LargestPayload, 64, LargestPayload);
        (_shift, _ourShift) = beginning.WindowShift is { } shift ? (shift, OurShift) : (0, 0);
        _window = beginning.Window;   // not shifted, as it is the beginning's
    }

    private void TakeAnswer(in TcpSegment segment)
    {
        bool isRight = segment.Has(TcpFlags.Acknowledge) && segment.Acknowledged == _una + 1;
        if (segment.Has(TcpFlags.Reset))
        {
            if (isRight)
            {
                Abort();
            }

            return;
        }

        if (!isRight)
        {
            if (segment.Has(TcpFlags.Acknowledge))
            {
                _owner.Refuse(Key, segment);
            }

            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            _receive = segment.Sequence + 1;
            Learn(segment);
            Establish();
            SendControl(TcpFlags.Acknowledge);
            Pump();
        }
    }

    private void Establish()
    {
        _phase = Phase.Open;
        _una = _highest;
        _next = _una;
        Timer.Stop();
    }

    private void TakeOpen(in TcpSegment segment)
    {
        uint offset = segment.Sequence - _receive;
        bool isNext = offset == 0 || (Before(segment.Sequence, _receive) && !Before(segment.Sequence + segment.Length, _receive));
        if (segment.Has(TcpFlags.Reset))
        {
            if (offset == 0)
            {
                Abort();
            }

            return;
        }

        if (segment.Has(TcpFlags.Syn))
        {
            if (_phase == Phase.Answered && segment.Sequence == _receive - 1)
            {
                _next = _una;
                SendBeginning(TcpFlags.Syn | TcpFlags.Acknowledge);
            }
            else
            {
                SendControl(TcpFlags.Acknowledge);
            }

            return;
        }

        if (!segment.Has(TcpFlags.Acknowledge))
        {
            return;
        }

        if (_phase == Phase.Answered)
        {
            if (segment.Acknowledged != _una + 1)
            {
                _owner.Refuse(Key, segment);
                return;
            }

            Establish();
            _window = (long)segment.Window << _shift;
        }
        else if (!TakeAcknowledgement(segment))
        {
            return;
        }

        if (segment.Length > 0)
        {
            if (isNext)
            {
                TakeData(segment);
            }
            else
            {
                // Something is missing before it, or it has been here before.
                SendControl(TcpFlags.Acknowledge);
            }
        }

        if (_guestEnded && IsEndAcknowledged)
        {
            Linger();
        }
        else
        {
            Pump();
        }
    }

    /// <summary>Takes what the guest has received.</summary>
    /// <returns>False when it claims what was never sent.</returns>
    private bool TakeAcknowledgement(in TcpSegment segment)
    {
        uint acknowledged = segment.Acknowledged;
        if (After(acknowledged, _highest))
        {
            SendControl(TcpFlags.Acknowledge);
            return false;
        }

        if (Before(acknowledged, _una))
        {
            return true;
        }

        long window = (long)segment.Window << _shift;
        if (acknowledged != _una)
        {
            uint bytes = acknowledged - _una - (_end is { } end && acknowledged == end + 1 ? 1u : 0);
            _stream.Drop((int)bytes);
            (_una, _duplicates) = (acknowledged, 0);
            _next = Before(_next, _una) ? _una : _next;
            Timer.Stop();
        }
        else if (window == 0)
        {
            // A guest that says that it has no room is there.
            Timer.Heard();
        }
        else if (segment.Length == 0 && window == _window && _una != _next)
        {
            const int Lost = 3;
            _duplicates++;
            if (_duplicates == Lost)
            {
                _next = _una;
            }
        }
        else if (window > _window)
        {
            // A byte that asked a closed window was not taken.
            Timer.Stop();
            _next = _window == 0 ? _una : _next;
        }

        _window = window;
        return true;
    }

    private void TakeData(in TcpSegment segment)
    {
        int known = (int)(_receive - segment.Sequence);
        ReadOnlySpan<byte> data = known < segment.Payload.Length ? segment.Payload[known..] : [];
        if (_guestEnded)
        {
            SendControl(TcpFlags.Acknowledge);
            return;
        }

        int taken = Math.Min(data.Length, _stream.Room);
        if (_stream.State == HostStreamState.Broken)
        {
            Refuse();
            return;
        }

        if (taken > 0)
        {
            _stream.Send(data[..taken]);
            _receive += (uint)taken;
        }

        _isAckDue = true;
        if (segment.Has(TcpFlags.Fin) && taken == data.Length)
        {
            _guestEnded = true;
            _receive++;
            _stream.End();
            SendControl(TcpFlags.Acknowledge);
        }
        else
        {
            _owner.AcknowledgeSoon(this);
        }
    }

    private void Linger()
    {
        if (_phase != Phase.Lingering)
        {
            _phase = Phase.Lingering;
            _stream.Dispose();
            Timer.Stop();
            Timer.Start();
        }
    }
}
