using Kmem.Abstractions;

namespace Kmem.Plugins.Lab;

/// <summary>The watchdog timer of the 6300ESB: two stages of 35 bits that count clocks of 33 MHz; outputs <c>irq</c>, <c>smi</c> and <c>reset</c>.</summary>
/// <remarks>
/// The first stage interrupts, the second drives WDT_TOUT# (<c>reset</c>) until the timeout is cleared. In free-running mode only the second stage
/// counts, over and over, and the output toggles. Preload and reload take a write only after 80h and 86h have been written to offset 0Ch.
/// Source: Intel 6300ESB I/O Controller Hub datasheet (order number 300641), chapter "Watchdog Timer (WDT)": configuration registers 60h and 68h,
/// memory registers 00h to 0Ch, register unlocking sequence.
/// </remarks>
[Device("intel.6300esb-wdt")]
public sealed class Watchdog6300Esb : Device, IPciFunction, IFirmwareState
{
    private const int ConfigurationRegister = 0x60, LockRegister = 0x68;
    private const byte Lock = 0x01, Enable = 0x02, FreeRunning = 0x04;      // lock register
    private const byte FastClock = 0x04, OutputOff = 0x20, InterruptType = 0x03, TypeIrq = 0, TypeSmi = 2;   // configuration register
    private const uint Reload = 0x100, Timeout = 0x200, PreloadMask = 0xF_FFFF;
    private const byte FirstKey = 0x80, SecondKey = 0x86, Unlocked = 2;
    private const byte Off = 0, First = 1, Second = 2, Expired = 3;

    private readonly IClock _clock;
    private readonly IIrqLine _irq, _smi, _resetLine;
    private uint _preload1 = PreloadMask, _preload2 = PreloadMask;
    private byte _unlock, _stage;
    private bool _interrupt, _timedOut, _toggled;
    private long _due;
    private IDisposable? _timer;

    /// <summary>Creates the watchdog.</summary>
    public Watchdog6300Esb(IDeviceContext context)
    {
        (_clock, _irq, _smi, _resetLine) = (context.Clock, context.Irq("irq"), context.Irq("smi"), context.Irq("reset"));
        RegisterMap registers = new RegisterMap(width: 4, count: 4)
            .Add(0, "PRELOAD1", () => _preload1, v => Guarded(() => _preload1 = (uint)v & PreloadMask))
            .Add(1, "PRELOAD2", () => _preload2, v => Guarded(() => _preload2 = (uint)v & PreloadMask))
            .Add(2, "GINTSR", () => _interrupt ? 1u : 0, ClearInterrupt)
            .Add(3, "RELOAD", () => _timedOut ? Timeout : 0, WriteReload);
        Configuration = new PciConfiguration(0x8086, 0x25AB, 0x08_8000, revision: 2)
            .Define(0x06, 2, 0x0280, writeOneToClear: 0xF900)
            .Define(0x3D, 1, 1)
            .Define(ConfigurationRegister, 2, 0, writable: 0x0027)
            .Define(LockRegister, 1, 0, writable: 0x07)
            .AddBar(new PciBar(0, PciBarKind.Memory32, new MmioRegion("bar0", registers.Length, registers)));
        Configuration.Watch(ConfigurationRegister, ConfigurationRegister + 1, Update);
        Configuration.Watch(LockRegister, LockRegister, LockChanged);
    }

    /// <inheritdoc/>
    public PciConfiguration Configuration { get; }

    private byte Control => Configuration.Bytes[LockRegister];

    private byte Mode => Configuration.Bytes[ConfigurationRegister];

    /// <inheritdoc/>
    public override void Reset()
    {
        (_preload1, _preload2, _unlock) = (PreloadMask, PreloadMask, 0);
        (_interrupt, _timedOut, _toggled) = (false, false, false);
        Configuration.Define(LockRegister, 1, 0, writable: 0x07);
        Configuration.Reset();
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        Configuration.Save(writer);
        writer.U32(_preload1);
        writer.U32(_preload2);
        writer.U8(_unlock);
        writer.U8(_stage);
        writer.Bool(_interrupt);
        writer.Bool(_timedOut);
        writer.Bool(_toggled);
        writer.U64((ulong)_due);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        Configuration.Load(reader);
        (_preload1, _preload2, _unlock) = (reader.U32(), reader.U32(), reader.U8());
        byte stage = reader.U8();
        (_interrupt, _timedOut, _toggled) = (reader.Bool(), reader.Bool(), reader.Bool());
        Wait(stage, (long)reader.U64());
        Update();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => Configuration.TrySetFirmwareState(key, value);

    /// <summary>A write that needs the unlocking sequence before it, and uses it up.</summary>
    private void Guarded(Action write)
    {
        if (_unlock == Unlocked)
        {
            write();
        }

        _unlock = 0;
    }

    private void WriteReload(ulong value)
    {
        byte step = (value, _unlock) switch { (FirstKey, not Unlocked) => 1, (SecondKey, 1) => Unlocked, _ => 0 };
        if (step != 0)
        {
            _unlock = step;
            return;
        }

        Guarded(() =>
        {
            _timedOut &= (value & Timeout) == 0;
            if ((value & Reload) != 0 && _stage != Off)
            {
                Begin();
            }

            Update();
        });
    }

    private void ClearInterrupt(ulong value)
    {
        _interrupt &= (value & 1) == 0;
        Update();
    }

    /// <summary>Once WDT_LOCK is set, only a reset changes the register.</summary>
    private void LockChanged()
    {
        Configuration.Define(LockRegister, 1, Control, writable: (Control & Lock) != 0 ? 0u : 0x07);
        bool isEnabled = (Control & Enable) != 0;
        if (isEnabled && _stage == Off)
        {
            Begin();
        }
        else if (!isEnabled)
        {
            Wait(Off, 0);
        }

        Update();
    }

    private void Begin() => Count((Control & FreeRunning) != 0 ? Second : First);

    /// <summary>The preload goes into the upper 20 of 35 bits, or above the lower 5 of 25 with the fast clock.</summary>
    private void Count(byte stage)
    {
        ulong clocks = (ulong)Math.Max(stage == First ? _preload1 : _preload2, 1) << ((Mode & FastClock) != 0 ? 5 : 15);
        Wait(stage, _clock.Now + (long)(clocks * 1000 / 33));
    }

    private void Wait(byte stage, long due)
    {
        _timer?.Dispose();
        (_stage, _due) = (stage, due);
        _timer = stage is First or Second ? _clock.Schedule(due, Expire) : null;
    }

    private void Expire()
    {
        if ((Control & FreeRunning) != 0)
        {
            _toggled = !_toggled;
            Count(Second);
        }
        else if (_stage == First)
        {
            _interrupt = true;
            Count(Second);
        }
        else
        {
            _timedOut = true;
            Wait(Expired, 0);
        }

        Update();
    }

    private void Update()
    {
        _irq.Level = _interrupt && (Mode & InterruptType) == TypeIrq;
        _smi.Level = _interrupt && (Mode & InterruptType) == TypeSmi;
        _resetLine.Level = (_timedOut || _toggled) && (Mode & OutputOff) == 0;
    }
}
