using Kmem.Abstractions;

namespace Kmem.Plugins.Serial;

/// <summary>Options of <c>uart.16550a</c>.</summary>
/// <param name="Clock">Input clock in Hz.</param>
/// <param name="Chardev">The host's end of the line.</param>
/// <param name="RegShift">log2 of the distance between registers in bytes.</param>
/// <param name="FifoDepth">Depth of the receive FIFO in bytes.</param>
public sealed record Uart16550Options(
    [property: Option(OptionKind.Frequency, Min = 1)] ulong Clock = 1_843_200,
    [property: Option(OptionKind.CharBackend)] string Chardev = "none",
    [property: Option(Max = 4)] int RegShift = 0,
    [property: Option(Min = 1, Max = 256)] int FifoDepth = 16);

/// <summary>The 16550A UART: all registers, receive FIFO with trigger levels, interrupts by priority, loopback.</summary>
/// <remarks>Source: Texas Instruments PC16550D datasheet, section 8 "Registers". Transmission takes no time: THR is empty at once.</remarks>
[Device("uart.16550a")]
public sealed class Uart16550 : Device, IHasRegisters
{
    private const byte DataReady = 0x01, Overrun = 0x02, TransmitterIdle = 0x60, FifoError = 0x80, ErrorBits = 0x1E;
    private const byte ReceiveEnable = 0x01, TransmitEnable = 0x02, LineEnable = 0x04, ModemEnable = 0x08;
    private const byte Loopback = 0x10, DivisorLatch = 0x80;
    private const byte CarrierDetect = 0x80, DataSetReady = 0x20, ClearToSend = 0x10;

    private readonly Uart16550Options _options;
    private readonly ICharBackend _line;
    private readonly IIrqLine _irq;
    private readonly Queue<byte> _received = new();
    private ushort _divisor;
    private byte _enable, _fifoControl, _lineControl, _modemControl, _lineErrors, _modemDelta, _scratch;
    private bool _transmitPending;

    /// <summary>Creates the UART.</summary>
    public Uart16550(Uart16550Options options, IDeviceContext context)
    {
        (_options, _irq, _line) = (options, context.Irq("irq"), context.Char("chardev"));
        _line.Received += Receive;
        _line.Room = () => (_modemControl & Loopback) != 0 ? 0 : Depth - _received.Count;
        Registers = new RegisterMap(width: 1, options.RegShift, count: 8)
            .Add(0, "RBR/THR/DLL", ReadData, WriteData, () => IsDivisor ? (byte)_divisor : _received.TryPeek(out byte value) ? value : (byte)0)
            .Add(1, "IER/DLM", () => IsDivisor ? (byte)(_divisor >> 8) : _enable, WriteEnable)
            .Add(2, "IIR/FCR", ReadIdentification, WriteFifoControl, () => Identification())
            .Add(3, "LCR", () => _lineControl, v => _lineControl = (byte)v)
            .Add(4, "MCR", () => _modemControl, WriteModemControl)
            .Add(5, "LSR", ReadLineStatus, peek: () => LineStatus())
            .Add(6, "MSR", ReadModemStatus, peek: () => (byte)(ModemLines() | _modemDelta))
            .Add(7, "SCR", () => _scratch, v => _scratch = (byte)v);
        Reset();
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    private bool IsDivisor => (_lineControl & DivisorLatch) != 0;

    private bool HasFifo => (_fifoControl & 1) != 0;

    private int Depth => HasFifo ? _options.FifoDepth : 1;

    private int Trigger => !HasFifo ? 1 : (_fifoControl >> 6) switch { 0 => 1, 1 => 4, 2 => 8, _ => 14 };

    /// <inheritdoc/>
    public override void Reset()
    {
        _received.Clear();
        (_divisor, _enable, _fifoControl, _lineControl, _modemControl, _lineErrors, _modemDelta, _scratch) = (0x0C, 0, 0, 0, 0x08, 0, 0, 0);
        _transmitPending = false;
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U16(_divisor);
        writer.Bytes([_enable, _fifoControl, _lineControl, _modemControl, _lineErrors, _modemDelta, _scratch], "registers");
        writer.Bool(_transmitPending);
        writer.Bytes(_received);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _divisor = reader.U16();
        byte[] registers = new byte[7];
        reader.Bytes(registers.AsSpan());
        (_enable, _fifoControl, _lineControl, _modemControl, _lineErrors, _modemDelta, _scratch) =
            (registers[0], registers[1], registers[2], registers[3], registers[4], registers[5], registers[6]);
        _transmitPending = reader.Bool();
        reader.Bytes(_received);
        Update();
    }

    private void Receive(byte value)
    {
        if (_received.Count >= Depth)
        {
            _lineErrors |= Overrun;
        }
        else
        {
            _received.Enqueue(value);
        }

        Update();
    }

    private ulong ReadData()
    {
        if (IsDivisor)
        {
            return (byte)_divisor;
        }

        _received.TryDequeue(out byte value);
        Update();
        return value;
    }

    private void WriteData(ulong value)
    {
        if (IsDivisor)
        {
            _divisor = (ushort)((_divisor & 0xFF00) | (byte)value);
            return;
        }

        if ((_modemControl & Loopback) != 0)
        {
            Receive((byte)value);
        }
        else
        {
            _line.Transmit((byte)value);
        }

        // The byte leaves at once, so the register is empty again: that is an event of its own.
        _transmitPending = true;
        Update();
    }

    private void WriteEnable(ulong value)
    {
        if (IsDivisor)
        {
            _divisor = (ushort)((_divisor & 0xFF) | ((byte)value << 8));
            return;
        }

        byte before = _enable;
        _enable = (byte)(value & 0x0F);
        _transmitPending |= (before & TransmitEnable) == 0 && (_enable & TransmitEnable) != 0;
        Update();
    }

    private void WriteFifoControl(ulong value)
    {
        bool changes = ((_fifoControl ^ value) & 1) != 0;
        if (changes || (value & 2) != 0)
        {
            _received.Clear();
        }

        // Bits 1 and 2 clear themselves; without bit 0 the others are not taken.
        _fifoControl = (value & 1) == 0 ? (byte)0 : (byte)(value & 0xC9);
        Update();
    }

    private void WriteModemControl(ulong value)
    {
        byte before = ModemLines();
        _modemControl = (byte)(value & 0x1F);
        byte changed = (byte)((before ^ ModemLines()) >> 4);

        // Ring is reported at its trailing edge only.
        bool ringEnds = (before & 0x40) != 0 && (ModemLines() & 0x40) == 0;
        _modemDelta |= (byte)((changed & 0x0B) | (ringEnds ? 4 : 0));
        Update();
    }

    private byte LineStatus() =>
        (byte)(TransmitterIdle | _lineErrors | (_received.Count > 0 ? DataReady : 0) | (HasFifo && (_lineErrors & 0x1C) != 0 ? FifoError : 0));

    private ulong ReadLineStatus()
    {
        byte status = LineStatus();
        _lineErrors = 0;
        Update();
        return status;
    }

    /// <summary>A line whose other end is a program is always connected; in loopback the outputs come back as inputs.</summary>
    private byte ModemLines()
    {
        if ((_modemControl & Loopback) == 0)
        {
            return CarrierDetect | DataSetReady | ClearToSend;
        }

        int rts = (_modemControl & 2) << 3, dtr = (_modemControl & 1) << 5, outputs = (_modemControl & 0x0C) << 4;
        return (byte)(rts | dtr | outputs);
    }

    private ulong ReadModemStatus()
    {
        byte status = (byte)(ModemLines() | _modemDelta);
        _modemDelta = 0;
        Update();
        return status;
    }

    private byte Identification()
    {
        int cause = (_enable & LineEnable) != 0 && (_lineErrors & ErrorBits) != 0 ? 0x06
            : (_enable & ReceiveEnable) != 0 && _received.Count >= Trigger ? 0x04
            : (_enable & ReceiveEnable) != 0 && HasFifo && _received.Count > 0 ? 0x0C
            : (_enable & TransmitEnable) != 0 && _transmitPending ? 0x02
            : (_enable & ModemEnable) != 0 && _modemDelta != 0 ? 0x00
            : 0x01;
        return (byte)(cause | (HasFifo ? 0xC0 : 0));
    }

    private ulong ReadIdentification()
    {
        byte value = Identification();
        if ((value & 0x0F) == 0x02)
        {
            _transmitPending = false;
            Update();
        }

        return value;
    }

    private void Update() => _irq.Level = (Identification() & 1) == 0;
}
