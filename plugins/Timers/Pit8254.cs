using Kmem.Abstractions;

namespace Kmem.Plugins.Timers;

/// <summary>Options of <c>intel.8254</c>.</summary>
/// <param name="Runs">Whether the counters run from power-on as square waves of 65536 pulses, as in QEMU 7.2; by the datasheet they are undefined until they are programmed.</param>
public sealed record PitOptions(bool Runs = false);

/// <summary>The 8254 programmable interval timer of a PC, with the system control port 0x61 that rules its third counter.</summary>
/// <remarks>
/// The unnamed bank has the four ports of the timer, bank <c>port61</c> one port. Counters run at 1193182 Hz; the gates of counters 0 and 1 are tied high.
/// Outputs <c>out0</c> and <c>speaker</c>; input <c>hold</c> keeps <c>out0</c> low, as an HPET does that replaces the timer. Firmware state <c>idle: 1</c>: no counter is programmed. Port 0x61: bit 0 gate of counter 2, bit 1 speaker data, bits 2 and 3 kept, bit 4 changes with each refresh request, bit 5 output of counter 2.
/// Source: Intel 8254 datasheet (order number 231164); Intel 82378 datasheet (order number 290473), section "NMI Status and Control Register".
/// </remarks>
[Device("intel.8254")]
public sealed class Pit8254 : Device, IHasRegisters, IHasBanks, IFirmwareState
{
    private const byte GateBit = 0x01, SpeakerBit = 0x02, Writable = 0x0F, RefreshBit = 0x10, OutBit = 0x20;
    private const int ReadBack = 3, SpeakerCounter = 2;

    /// <summary>Pulses between two refresh requests: 15 us.</summary>
    private const long RefreshPulses = 18;

    private readonly PitOptions _options;
    private readonly IClock _clock;
    private readonly CounterChannel[] _counters;
    private readonly CounterOutput _tick;
    private readonly CounterOutput _speaker;
    private byte _control;
    private bool _isHeld;

    /// <summary>Creates the timer.</summary>
    public Pit8254(PitOptions options, IDeviceContext context)
    {
        (_options, _clock) = (options, context.Clock);
        _counters = [new CounterChannel(_clock), new CounterChannel(_clock), new CounterChannel(_clock)];
        _tick = new CounterOutput(_clock, _counters[0], context.Irq("out0"));
        _speaker = new CounterOutput(_clock, _counters[SpeakerCounter], context.Irq("speaker"));
        Registers = new RegisterMap(width: 1, count: 4);
        for (int i = 0; i < _counters.Length; i++)
        {
            CounterChannel counter = _counters[i];
            Registers.Add(i, $"COUNTER{i}", () => counter.Read(), v => WriteCounter(counter, (byte)v), () => counter.Peek());
        }

        context.Input("hold", level =>
        {
            _isHeld = level;
            Update();
        });

        // The control port can't be read; the recorded machines drive zeros.
        Registers.Add(3, "CONTROL", () => 0, v => WriteControl((byte)v));
        RegisterMap port = new RegisterMap(width: 1, count: 1).Add(0, "PORTB", () => ReadPort(), v => WritePort((byte)v));
        Banks = [new DeviceBank("port61", new MmioRegion("port61", 1, port))];
        Reset();
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        for (int i = 0; i < _counters.Length; i++)
        {
            _counters[i].Reset(gate: i != SpeakerCounter);
            if (_options.Runs)
            {
                // Both bytes, mode 3, binary; a count of 0 stands for 65536.
                _counters[i].WriteControl(0x36);
                _counters[i].Write(0);
                _counters[i].Write(0);
            }
        }

        (_control, _isHeld) = (0, false);   // an HPET that holds lets go with the same reset
        _tick.Forget();
        _speaker.Forget();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_control);
        writer.Bool(_isHeld);
        foreach (CounterChannel counter in _counters)
        {
            counter.Save(writer);
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _control = reader.U8();
        _isHeld = reader.Bool();
        foreach (CounterChannel counter in _counters)
        {
            counter.Load(reader);
        }

        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value)
    {
        if (key != "idle" || value != 1)
        {
            return false;
        }

        for (int i = 0; i < _counters.Length; i++)
        {
            _counters[i].Reset(gate: i != SpeakerCounter);
        }

        Update();
        return true;
    }

    private byte ReadPort()
    {
        bool refresh = (PitClock.PulsesAt(_clock.Now) / RefreshPulses & 1) != 0;
        return (byte)(_control | (refresh ? RefreshBit : 0) | (_counters[SpeakerCounter].Out ? OutBit : 0));
    }

    private void WritePort(byte value)
    {
        _control = (byte)(value & Writable);
        _counters[SpeakerCounter].Gate = (value & GateBit) != 0;
        Update();
    }

    private void WriteCounter(CounterChannel counter, byte value)
    {
        counter.Write(value);
        Update();
    }

    private void WriteControl(byte value)
    {
        int select = value >> 6;
        if (select != ReadBack)
        {
            _counters[select].WriteControl(value);
            Update();
            return;
        }

        for (int i = 0; i < _counters.Length; i++)
        {
            if ((value >> (i + 1) & 1) != 0)
            {
                if ((value & 0x20) == 0)
                {
                    _counters[i].LatchCount();
                }

                if ((value & 0x10) == 0)
                {
                    _counters[i].LatchStatus();
                }
            }
        }
    }

    private void Update()
    {
        _speaker.IsEnabled = (_control & SpeakerBit) != 0;
        _tick.IsEnabled = !_isHeld;
        _tick.Update();
        _speaker.Update();
    }
}
