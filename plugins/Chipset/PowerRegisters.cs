using Kmem.Abstractions;

namespace Kmem.Plugins.Chipset;

/// <summary>The ACPI register block of the PIIX4: events, control and the power management timer, 64 ports.</summary>
/// <remarks>Source: ACPI specification 1.0b, sections 4.7.3.1 to 4.7.3.3; Intel 82371AB datasheet, section 7.2.</remarks>
internal sealed class PowerRegisters : IRegionHandler
{
    public const ulong Length = 64;

    private const int Status = 0, Enable = 2, Control = 4, Timer = 8;
    private const ushort TimerBit = 0x0001, Enables = 0x0521, SciEnable = 0x0001, SleepEnable = 0x2000;
    private const int SoftOff = 0, SuspendToRam = 1;
    private const long Frequency = 3_579_545, Second = 1_000_000_000, HalfRange = 1 << 23;

    private readonly IDeviceContext _context;
    private readonly IClock _clock;
    private readonly IIrqLine _sci;
    private ushort _status;
    private ushort _enable;
    private ushort _control;
    private long _overflow;
    private IDisposable? _alarm;

    public PowerRegisters(IDeviceContext context, IIrqLine sci)
    {
        (_context, _clock, _sci) = (context, context.Clock, sci);
        _overflow = NextOverflow();
    }

    /// <summary>Whether other events ask for the SCI too.</summary>
    public Func<bool> Also { get; init; } = static () => false;

    /// <summary>SCI_EN: events raise the SCI.</summary>
    public bool IsAcpi
    {
        get => (_control & SciEnable) != 0;
        set
        {
            _control = (ushort)(value ? _control | SciEnable : _control & ~SciEnable);
            Update();
        }
    }

    public void Reset()
    {
        (_status, _enable, _control) = (0, 0, 0);
        _overflow = NextOverflow();
        Update();
    }

    public void Save(StateWriter writer)
    {
        writer.U16(_status, "pm1_status");
        writer.U16(_enable, "pm1_enable");
        writer.U16(_control, "pm1_control");
        writer.U64((ulong)_overflow, "pm1_overflow");
    }

    public void Load(StateReader reader)
    {
        (_status, _enable, _control, _overflow) = (reader.U16(), reader.U16(), reader.U16(), (long)reader.U64());
        Update();
    }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        uint timer = (uint)(Pulses & 0xFF_FFFF);
        for (int i = 0; i < width; i++)
        {
            int at = (int)offset + i;
            byte b = (at & ~1) switch
            {
                Status => (byte)(CurrentStatus >> (8 * (at & 1))),
                Enable => (byte)(_enable >> (8 * (at & 1))),
                Control => (byte)(_control >> (8 * (at & 1))),
                Timer or Timer + 2 => (byte)(timer >> (8 * (at & 3))),
                _ => 0,
            };
            value |= (ulong)b << (8 * i);
        }

        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        uint mask = width >= 4 ? uint.MaxValue : (1u << (8 * width)) - 1;
        uint word = ((uint)value & mask) << (int)(8 * (offset & 3)), touched = mask << (int)(8 * (offset & 3));
        switch (offset & ~3UL)
        {
            case Status:
                Clear((ushort)word);
                _enable = (ushort)((_enable & ~(touched >> 16)) | (word >> 16));
                Update();
                break;
            case Control when (touched & 0xFFFF) != 0:
                WriteControl((ushort)((_control & ~touched) | word));
                break;
            default:
                break;
        }

        return AccessResult.Ok;
    }

    /// <summary>Sets the SCI, and an alarm for the timer's next carry when that is to raise it.</summary>
    public void Update()
    {
        ushort status = CurrentStatus;
        _sci.Level = IsAcpi && ((status & _enable & Enables) != 0 || Also());
        _alarm?.Dispose();
        _alarm = (_enable & TimerBit) != 0 && (status & TimerBit) == 0 ? _clock.Schedule(TimeOf(_overflow), Update) : null;
    }

    private long Pulses => (_clock.Now / Second * Frequency) + (_clock.Now % Second * Frequency / Second);

    /// <summary>TMR_STS comes up whenever the highest of the timer's 24 bits changes.</summary>
    private ushort CurrentStatus => (ushort)(_status | (Pulses >= _overflow ? TimerBit : 0));

    private static long TimeOf(long pulse) => (pulse / Frequency * Second) + (((pulse % Frequency * Second) + Frequency - 1) / Frequency);

    private long NextOverflow() => (Pulses + HalfRange) & ~(HalfRange - 1);

    private void Clear(ushort bits)
    {
        _status = (ushort)(CurrentStatus & ~bits);
        if ((_status & TimerBit) == 0)
        {
            _overflow = NextOverflow();
        }
    }

    private void WriteControl(ushort value)
    {
        _control = (ushort)(value & ~SleepEnable);
        Update();
        if ((value & SleepEnable) == 0)
        {
            return;
        }

        switch (value >> 10 & 7)
        {
            case SoftOff:
                _context.RequestPower(new PowerRequest(PowerAction.Off, "software switched the machine off"));
                break;
            case SuspendToRam:
                _context.Log(LogLevel.Guest, "suspend to RAM is not possible on this machine");
                break;
            default:
                _context.Log(LogLevel.Guest, $"the sleeping type {value >> 10 & 7} is unknown");
                break;
        }
    }
}
