using Kmem.Abstractions;

namespace Kmem.Plugins.Keyboard;

/// <summary>Options of <c>intel.8042</c>.</summary>
/// <param name="ByteTime">Time that a byte of the keyboard or the mouse takes, in ns; some firmware waits for an answer shorter than a real one needs.</param>
/// <param name="Latched">Whether bits 2 (self test passed) and 3 (last write was a command) of the status stay once set, as QEMU 7.2 shows them.</param>
public sealed record KeyboardOptions(
    [property: Option(OptionKind.Time, Max = 10_000_000)] ulong ByteTime = 50_000,
    bool Latched = false);

/// <summary>The 8042 keyboard controller of a PC with a keyboard and a mouse, in banks <c>data</c> (0x60) and <c>status</c> (0x64).</summary>
/// <remarks>
/// Bytes of the devices take time, so that each has an interrupt edge of its own; the controller's own answers come at once.
/// Source: Intel UPI-41A/8042 data sheet; IBM PS/2 Hardware Interface Technical Reference, "Keyboard and auxiliary device controller".
/// </remarks>
[Device("intel.8042")]
public sealed class KeyboardController : Device, IHasBanks, IKeyboardInput
{
    private const byte OutputFull = 0x01, SystemFlag = 0x04, LastWasCommand = 0x08, NotLocked = 0x10, FromMouse = 0x20;
    private const byte KeyboardInterrupt = 0x01, MouseInterrupt = 0x02, KeyboardOff = 0x10, MouseOff = 0x20, Translates = 0x40;
    private const byte NoReset = 0x01, A20 = 0x02;

    private readonly KeyboardOptions _options;
    private readonly IClock _clock;
    private readonly IDeviceContext _context;
    private readonly IIrqLine _irq1;
    private readonly IIrqLine _irq12;
    private readonly IIrqLine _reset;
    private readonly IIrqLine _a20;
    private readonly Ps2Keyboard _keyboard = new();
    private readonly Ps2Mouse _mouse = new();
    private readonly byte[] _memory = new byte[32];
    private IDisposable? _timer;
    private long _due;
    private byte _output;
    private byte _status;
    private byte _expects;
    private byte _port;
    private bool _breaks;

    /// <summary>Creates the controller.</summary>
    public KeyboardController(KeyboardOptions options, IDeviceContext context)
    {
        (_options, _context, _clock) = (options, context, context.Clock);
        (_irq1, _irq12, _reset, _a20) = (context.Irq("irq1"), context.Irq("irq12"), context.Irq("reset"), context.Irq("a20"));
        var data = new RegisterMap(width: 1, count: 1).Add(0, "DATA", ReadData, v => WriteData((byte)v), () => _output);
        var status = new RegisterMap(width: 1, count: 1).Add(0, "STATUS/COMMAND", () => Status, v => Obey((byte)v));
        Banks = [new DeviceBank("data", new MmioRegion("data", 1, data)), new DeviceBank("status", new MmioRegion("status", 1, status))];
        Reset();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private byte Status => (byte)(_status | NotLocked | (Mode & SystemFlag));

    private byte Mode
    {
        get => _memory[0];
        set => _memory[0] = value;
    }

    /// <inheritdoc/>
    public bool Key(int usage, bool pressed)
    {
        bool taken = _keyboard.Key(usage, pressed);
        Next();
        return taken;
    }

    /// <inheritdoc/>
    public override void Reset()
    {
        Cancel();
        Array.Clear(_memory);
        Mode = KeyboardInterrupt | MouseInterrupt;
        (_output, _status, _expects, _port, _breaks) = (0, LastWasCommand, 0, NoReset | A20, false);
        _keyboard.Reset();
        _mouse.Reset();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.Bytes(_memory);
        writer.Bytes([_output, _status, _expects, _port], "registers");
        writer.Bool(_breaks);
        writer.U64((ulong)_due);
        writer.Bool(_timer is not null, "waits");
        _keyboard.Save(writer);
        _mouse.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        reader.Bytes(_memory.AsSpan());
        byte[] registers = new byte[4];
        reader.Bytes(registers.AsSpan());
        (_output, _status, _expects, _port) = (registers[0], registers[1], registers[2], registers[3]);
        _breaks = reader.Bool();
        (long due, bool waits) = ((long)reader.U64(), reader.Bool());
        _keyboard.Load(reader);
        _mouse.Load(reader);
        Cancel();
        if (waits)
        {
            Schedule(due);
        }

        Update();
    }

    private ulong ReadData()
    {
        _status &= unchecked((byte)~(OutputFull | FromMouse));
        byte value = _output;
        Update();
        Next();
        return value;
    }

    private void WriteData(byte value)
    {
        if (!_options.Latched)
        {
            _status &= unchecked((byte)~LastWasCommand);
        }

        byte command = _expects;
        _expects = 0;
        switch (command)
        {
            case >= 0x60 and <= 0x7F:
                _memory[command & 0x1F] = value;
                break;
            case 0xD1:
                SetPort(value);
                break;
            case 0xD2 or 0xD3:
                Put(value, fromMouse: command == 0xD3);
                break;
            case 0xD4:
                _mouse.Send(value);
                break;
            default:
                // A byte for the keyboard switches it on.
                Mode &= unchecked((byte)~KeyboardOff);
                _keyboard.Send(value);
                break;
        }

        Update();
        Next();
    }

    private void Obey(byte command)
    {
        _status |= LastWasCommand;
        _expects = 0;
        switch (command)
        {
            case >= 0x20 and <= 0x3F:
                Put(_memory[command & 0x1F], fromMouse: false);
                break;
            case (>= 0x60 and <= 0x7F) or (>= 0xD1 and <= 0xD4):
                _expects = command;
                break;
            case 0xA7 or 0xA8:
                Mode = (byte)(command == 0xA7 ? Mode | MouseOff : Mode & ~MouseOff);
                break;
            case 0xA9 or 0xAB:
                Put(0x00, fromMouse: false);
                break;
            case 0xAA:
                Mode |= SystemFlag;
                _status |= _options.Latched ? SystemFlag : (byte)0;
                Put(0x55, fromMouse: false);
                break;
            case 0xAD or 0xAE:
                Mode = (byte)(command == 0xAD ? Mode | KeyboardOff : Mode & ~KeyboardOff);
                break;
            case 0xC0:
                Put(0x80, fromMouse: false);
                break;
            case 0xD0:
                Put(_port, fromMouse: false);
                break;
            case 0xE0:
                Put(0x00, fromMouse: false);
                break;
            case >= 0xF0:
                Pulse(command);
                break;
            default:
                _context.Log(LogLevel.Guest, $"the keyboard controller has no command 0x{command:X2}");
                break;
        }

        Update();
        Next();
    }

    /// <summary>Pulls the lines of the output port low whose bits are 0 for a moment; only the reset line hangs on anything.</summary>
    private void Pulse(byte command)
    {
        if ((command & NoReset) == 0)
        {
            _reset.Level = true;
            _reset.Level = false;
        }
    }

    private void SetPort(byte value) => _port = value;

    /// <summary>Puts a byte into the output buffer, over whatever is there.</summary>
    private void Put(byte value, bool fromMouse)
    {
        _output = value;
        _status = (byte)((_status & ~FromMouse) | OutputFull | (fromMouse ? FromMouse : 0));
        Update();
    }

    /// <summary>Lets the next byte of a device come when the output buffer is free.</summary>
    private void Next()
    {
        if ((_status & OutputFull) == 0 && _timer is null && ((_keyboard.HasData && (Mode & KeyboardOff) == 0) || (_mouse.HasData && (Mode & MouseOff) == 0)))
        {
            if (_options.ByteTime == 0)
            {
                Arrive();
            }
            else
            {
                Schedule(_clock.Now + (long)_options.ByteTime);
            }
        }
    }

    private void Schedule(long due)
    {
        _due = due;
        _timer = _clock.Schedule(due, Arrive);
    }

    private void Cancel()
    {
        _timer?.Dispose();
        (_timer, _due) = (null, 0);
    }

    private void Arrive()
    {
        Cancel();
        if ((_status & OutputFull) != 0)
        {
            return;
        }

        if (_keyboard.HasData && (Mode & KeyboardOff) == 0)
        {
            FromKeyboard(_keyboard.Take());
        }
        else if (_mouse.HasData && (Mode & MouseOff) == 0)
        {
            Put(_mouse.Take(), fromMouse: true);
        }

        Next();
    }

    private void FromKeyboard(byte value)
    {
        if ((Mode & Translates) == 0)
        {
            _breaks = false;
            Put(value, fromMouse: false);
        }
        else if (value == ScanCodes.Break2)
        {
            _breaks = true;
        }
        else
        {
            Put((byte)(ScanCodes.Translate(value) | (_breaks ? 0x80 : 0)), fromMouse: false);
            _breaks = false;
        }
    }

    private void Update()
    {
        bool full = (_status & OutputFull) != 0, mouse = (_status & FromMouse) != 0;
        _irq1.Level = full && !mouse && (Mode & KeyboardInterrupt) != 0;
        _irq12.Level = full && mouse && (Mode & MouseInterrupt) != 0;
        _a20.Level = (_port & A20) != 0;
        _reset.Level = (_port & NoReset) == 0;
    }
}
