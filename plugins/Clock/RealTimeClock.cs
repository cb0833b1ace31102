using Kmem.Abstractions;

namespace Kmem.Plugins.Clock;

/// <summary>Options of <c>mc146818</c>.</summary>
/// <param name="Base">Date and time at power-on, UTC; the machine's own when not given.</param>
/// <param name="Nvram">File with the contents of the memory after power-on, at most 128 bytes.</param>
/// <param name="Century">Index of the byte that holds the century, 0 for none.</param>
/// <param name="Memory">Size of main memory below 4 GiB that the PC's memory size cells tell; 0 leaves them alone.</param>
/// <param name="HighMemory">Size of main memory above 4 GiB that they tell.</param>
/// <param name="Cpus">Number of CPUs that cell 0x5F tells to firmware.</param>
/// <param name="Contents">Bytes of the memory after power-on: hexadecimal index to a row of bytes.</param>
public sealed record RealTimeClockOptions(
    DateTime? Base = null,
    [property: Option(OptionKind.File)] string? Nvram = null,
    [property: Option(Max = 127)] int Century = 0x32,
    [property: Option(OptionKind.Size)] ulong Memory = 0,
    [property: Option(OptionKind.Size)] ulong HighMemory = 0,
    [property: Option(Min = 1, Max = 255)] int Cpus = 1,
    IReadOnlyDictionary<string, byte[]>? Contents = null);

/// <summary>The MC146818 real-time clock with its memory, behind an index and a data port.</summary>
/// <remarks>
/// Bit 7 of the index port masks the NMI on a PC and is no part of the index; the port itself can't be read.
/// Output <c>irq</c> is the pin of the chip, high until register C is read. Output <c>tick</c> rises and falls with every periodic interrupt that is
/// enabled, whether or not the last one was acknowledged: the interval timer of an Alpha, whose kernels never read register C.
/// Source: Motorola MC146818A datasheet, "Register A" to "Register D", and the PC's use of ports 0x70 and 0x71.
/// </remarks>
[Device("mc146818")]
public sealed class RealTimeClock : Device, IHasRegisters
{
    private const int Seconds = 0, Minutes = 2, Hours = 4, WeekDay = 6, Day = 7, Month = 8, Year = 9;
    private const int RegisterA = 10, RegisterB = 11, RegisterC = 12, RegisterD = 13;
    private const byte Set = 0x80, PeriodicEnable = 0x40, AlarmEnable = 0x20, UpdateEnable = 0x10, Binary = 0x04, Is24Hours = 0x02;
    private const byte PeriodicFlag = 0x40, AlarmFlag = 0x20, UpdateFlag = 0x10, AnyFlag = 0x80, Valid = 0x80, UpdateInProgress = 0x80;
    private const long NanosecondsPerTick = 100, UpdateTime = 244 * TimeSpan.TicksPerMicrosecond;

    private readonly RealTimeClockOptions _options;
    private readonly IClock _clock;
    private readonly IIrqLine _irq;
    private readonly IIrqLine _tick;
    private readonly Action _arrive;
    private readonly byte[] _memory = new byte[128];
    private readonly byte[] _powerOn = new byte[128];
    private byte _index;
    private long _offset;
    private long _seen;
    private IDisposable? _timer;
    private long? _due;

    /// <summary>Creates the clock.</summary>
    public RealTimeClock(RealTimeClockOptions options, IDeviceContext context)
    {
        (_options, _clock, _irq, _tick) = (options, context.Clock, context.Irq("irq"), context.Irq("tick"));
        _arrive = Arrive;
        if (options.Nvram is { } path)
        {
            context.ReadImage(path, (ulong)_powerOn.Length).CopyTo(_powerOn, 0);
        }

        TellMemory();
        foreach ((string key, byte[] row) in options.Contents ?? new Dictionary<string, byte[]>(StringComparer.Ordinal))
        {
            string digits = key.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? key[2..] : key;
            if (!int.TryParse(digits, System.Globalization.NumberStyles.AllowHexSpecifier, null, out int index) || index < 0 || index + row.Length > _powerOn.Length)
            {
                throw new MachineException($"'{key}' is no index for {row.Length} bytes of the clock's memory (0x00..0x7F)") { Option = $"contents.{key}" };
            }

            row.CopyTo(_powerOn, index);
        }

        Registers = new RegisterMap(width: 1, count: 2)
            .Add(0, "INDEX", () => 0xFF, v => _index = (byte)(v & 0x7F))
            .Add(1, "DATA", () => ReadCell(_index), v => WriteCell(_index, (byte)v), () => PeekCell(_index));
        PowerOn();
    }

    /// <inheritdoc/>
    public RegisterMap Registers { get; }

    /// <summary>A battery keeps memory and time over a reset; only the interrupt enables and flags go.</summary>
    public override void Reset()
    {
        _memory[RegisterB] &= unchecked((byte)~(PeriodicEnable | AlarmEnable | UpdateEnable | 0x08));
        _memory[RegisterC] = 0;
        _index = 0;
        _seen = _clock.Now;
        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U8(_index);
        writer.U64((ulong)_offset, nameof(_offset));
        writer.U64((ulong)_seen, nameof(_seen));
        writer.Bytes(_memory);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        _index = reader.U8();
        _offset = (long)reader.U64();
        _seen = (long)reader.U64();
        reader.Bytes(_memory.AsSpan());
        Update();
    }

    /// <summary>Memory sizes as the PC's firmware finds them: base and extended memory in KiB, memory above 16 MiB and above 4 GiB in units of 64 KiB.</summary>
    private void TellMemory()
    {
        const ulong KiB = 1024, Unit = 64 * KiB, Low = 640 * KiB, Extended = 1024 * KiB, Upper = 16 * 1024 * KiB;
        if (_options.Memory == 0)
        {
            return;
        }

        void Put(int cell, ulong value, int bytes)
        {
            for (int i = 0; i < bytes; i++)
            {
                _powerOn[cell + i] = (byte)(value >> (8 * i));
            }
        }

        ulong extended = Math.Min(_options.Memory > Extended ? (_options.Memory - Extended) / KiB : 0, ushort.MaxValue);
        Put(0x15, Math.Min(_options.Memory, Low) / KiB, 2);
        Put(0x17, extended, 2);
        Put(0x30, extended, 2);
        Put(0x34, Math.Min(_options.Memory > Upper ? (_options.Memory - Upper) / Unit : 0, ushort.MaxValue), 2);
        Put(0x5B, _options.HighMemory / Unit, 3);
        Put(0x5F, (ulong)_options.Cpus - 1, 1);
    }

    private void PowerOn()
    {
        _powerOn.CopyTo(_memory, 0);
        _memory[RegisterA] = 0x26;
        _memory[RegisterB] = Is24Hours;
        _memory[RegisterC] = 0;
        _memory[RegisterD] = Valid;
        _seen = _clock.Now;
        _offset = _options.Base is { } start ? (start.ToUniversalTime() - _clock.UtcNow).Ticks : 0;
    }

    private byte ReadCell(int index)
    {
        byte value = PeekCell(index);
        if (index == RegisterC)
        {
            Settle();
            _memory[RegisterC] = 0;
            Update();
        }

        return value;
    }

    private byte PeekCell(int index) => index switch
    {
        _ when index == _options.Century && _options.Century != 0 && (_memory[RegisterB] & Set) == 0 => Encode(Now.Year / 100),
        Seconds or Minutes or Hours or WeekDay or Day or Month or Year when (_memory[RegisterB] & Set) == 0 => TimeCell(index),
        RegisterA => (byte)((_memory[RegisterA] & 0x7F) | (IsUpdating ? UpdateInProgress : 0)),
        RegisterC => Flags(),
        _ => _memory[index],
    };

    private DateTime Now => _clock.UtcNow.AddTicks(_offset);

    /// <summary>UIP is set 244 us before the seconds change, unless SET holds the clock.</summary>
    private bool IsUpdating => (_memory[RegisterB] & Set) == 0 && TimeSpan.TicksPerSecond - (Now.Ticks % TimeSpan.TicksPerSecond) <= UpdateTime;

    private byte TimeCell(int index)
    {
        DateTime now = Now;
        return index switch
        {
            Seconds => Encode(now.Second),
            Minutes => Encode(now.Minute),
            Hours => EncodeHour(now.Hour),
            WeekDay => Encode((int)now.DayOfWeek + 1),
            Day => Encode(now.Day),
            Month => Encode(now.Month),
            _ => Encode(now.Year % 100),
        };
    }

    private byte Encode(int value) => (_memory[RegisterB] & Binary) != 0 ? (byte)value : (byte)((value / 10 << 4) | (value % 10));

    private int Decode(byte value) => (_memory[RegisterB] & Binary) != 0 ? value : ((value >> 4) * 10) + (value & 15);

    private byte EncodeHour(int hour)
    {
        if ((_memory[RegisterB] & Is24Hours) != 0)
        {
            return Encode(hour);
        }

        int twelve = hour % 12 == 0 ? 12 : hour % 12;
        return (byte)(Encode(twelve) | (hour >= 12 ? 0x80 : 0));
    }

    /// <summary>Register C now: the flags of before, and those that have come up since.</summary>
    private byte Flags()
    {
        byte flags = (byte)(_memory[RegisterC] & (PeriodicFlag | AlarmFlag | UpdateFlag));
        if (RealTimeDivider.HasTicked(_memory[RegisterA], _seen, _clock.Now))
        {
            flags |= PeriodicFlag;
        }

        long updates = (_memory[RegisterB] & Set) == 0 ? SecondAt(_clock.Now) - SecondAt(_seen) : 0;
        if (updates > 0)
        {
            flags |= UpdateFlag;
            flags |= (flags & AlarmFlag) == 0 && HasRung(updates) ? AlarmFlag : (byte)0;
        }

        bool raises = (flags & _memory[RegisterB] & (PeriodicEnable | AlarmEnable | UpdateEnable)) != 0;
        return (byte)(flags | (raises ? AnyFlag : 0));
    }

    /// <summary>Seconds of the clock since the year 1 at a guest time.</summary>
    private long SecondAt(long now) => (Now.Ticks - (_clock.Now / NanosecondsPerTick) + (now / NanosecondsPerTick)) / TimeSpan.TicksPerSecond;

    /// <summary>Whether one of the last seconds was the alarm's.</summary>
    private bool HasRung(long seconds)
    {
        bool Matches(int cell, int value) => (_memory[cell] & 0xC0) == 0xC0 || _memory[cell] == (cell == Hours + 1 ? EncodeHour(value) : Encode(value));
        DateTime now = Now;
        for (long back = 0; back < Math.Min(seconds, 86_400); back++)
        {
            DateTime at = now.AddSeconds(-back);
            if (Matches(Seconds + 1, at.Second) && Matches(Minutes + 1, at.Minute) && Matches(Hours + 1, at.Hour))
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Puts the flags that have come up into register C.</summary>
    private void Settle()
    {
        _memory[RegisterC] = Flags();
        _seen = _clock.Now;
    }

    private void WriteCell(int index, byte value)
    {
        // What came up so far did so under the old rates and alarms.
        Settle();
        switch (index)
        {
            case RegisterA:
                _memory[RegisterA] = (byte)(value & 0x7F);
                break;
            case RegisterB:
                HoldOrRelease((value & Set) != 0);
                _memory[RegisterB] = value;
                break;
            case RegisterC or RegisterD:
                break;
            case Seconds or Minutes or Hours or WeekDay or Day or Month or Year when (_memory[RegisterB] & Set) == 0:
                Latch();
                _memory[index] = value;
                Adopt();
                break;
            default:
                _memory[index] = value;
                break;
        }

        Update();
    }

    private void HoldOrRelease(bool hold)
    {
        bool held = (_memory[RegisterB] & Set) != 0;
        if (hold && !held)
        {
            Latch();
        }
        else if (!hold && held)
        {
            Adopt();
        }
    }

    /// <summary>Puts the running time into the cells.</summary>
    private void Latch()
    {
        foreach (int cell in (int[])[Seconds, Minutes, Hours, WeekDay, Day, Month, Year])
        {
            _memory[cell] = TimeCell(cell);
        }

        if (_options.Century != 0)
        {
            _memory[_options.Century] = Encode(Now.Year / 100);
        }
    }

    /// <summary>Takes the time from the cells; a date that does not exist leaves the clock alone.</summary>
    private void Adopt()
    {
        int hour = Decode((byte)(_memory[Hours] & 0x7F));
        if ((_memory[RegisterB] & Is24Hours) == 0)
        {
            hour = (hour % 12) + ((_memory[Hours] & 0x80) != 0 ? 12 : 0);
        }

        int century = _options.Century == 0 ? Now.Year / 100 : Decode(_memory[_options.Century]);
        int year = (century * 100) + Decode(_memory[Year]), month = Decode(_memory[Month]), day = Decode(_memory[Day]);
        int minute = Decode(_memory[Minutes]), second = Decode(_memory[Seconds]);
        if (year is >= 1 and <= 9998 && month is >= 1 and <= 12 && day >= 1 && day <= DateTime.DaysInMonth(year, month) && hour < 24 && minute < 60 && second < 60)
        {
            var wanted = new DateTime(year, month, day, hour, minute, second, DateTimeKind.Utc);
            _offset = (wanted - _clock.UtcNow).Ticks;
        }
    }

    /// <summary>Sets the output, and a timer for the next moment that can raise it.</summary>
    private void Update()
    {
        _irq.Level = (Flags() & AnyFlag) != 0;
        long? due = NextDue();
        if (due != _due)
        {
            _timer?.Dispose();
            _timer = due is { } at ? _clock.Schedule(at, _arrive) : null;
            _due = due;
        }
    }

    private void Arrive()
    {
        _due = null;

        // Somebody may have read register C at this very moment; the tick is one all the same.
        bool ticks = (_memory[RegisterB] & PeriodicEnable) != 0 && RealTimeDivider.HasTicked(_memory[RegisterA], Math.Min(_seen, _clock.Now - 1), _clock.Now);
        Settle();
        if (ticks)
        {
            _tick.Level = true;
            _tick.Level = false;
        }

        Update();
    }

    /// <summary>When an enabled interrupt comes next; null while none is enabled, so that an idle clock costs nothing.</summary>
    private long? NextDue()
    {
        byte enables = _memory[RegisterB];
        long? due = (enables & PeriodicEnable) != 0 ? RealTimeDivider.NextTick(_memory[RegisterA], _clock.Now) : null;

        // Once its flag is up, an update or an alarm has nothing more to say until register C is read.
        int waited = enables & (AlarmEnable | UpdateEnable) & ~_memory[RegisterC];
        if (waited != 0 && (enables & Set) == 0)
        {
            long left = TimeSpan.TicksPerSecond - (Now.Ticks % TimeSpan.TicksPerSecond);
            long second = ((_clock.Now / NanosecondsPerTick) + left) * NanosecondsPerTick;
            due = due is { } earlier && earlier < second ? earlier : second;
        }

        return due;
    }
}
