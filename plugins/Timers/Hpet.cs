using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Timers;

/// <summary>Options of <c>intel.hpet</c>.</summary>
/// <param name="Routes">Interrupt inputs that timers may be routed to, one bit each.</param>
public sealed record HpetOptions(uint Routes = 0x0000_0004);

/// <summary>A high precision event timer: a 64-bit counter at 100 MHz and three comparators, the first of them periodic.</summary>
/// <remarks>
/// Outputs <c>irq.0</c> to <c>irq.31</c>; with legacy replacement timers 0 and 1 drive <c>timer</c> and <c>rtc</c> instead, and <c>legacy</c> holds the timer chip back.
/// Source: IA-PC HPET specification, revision 1.0a, section 2.3 "Memory mapped registers".
/// </remarks>
[Device("intel.hpet")]
public sealed class Hpet : Device, IHasBanks, IRegionHandler
{
    private const int Timers = 3;
    private const ulong Length = 0x400, TickTime = 10;
    private const ulong Capabilities = 0x0098_9680_8086_A201;
    private const ulong Enable = 1, Legacy = 2;

    private readonly IClock _clock;
    private readonly IIrqLine[] _irqs = new IIrqLine[32];
    private readonly IIrqLine _timer;
    private readonly IIrqLine _rtc;
    private readonly IIrqLine _legacy;
    private readonly HpetTimer[] _timers = new HpetTimer[Timers];
    private ulong _configuration;
    private ulong _status;
    private ulong _base;
    private long _since;

    /// <summary>Creates the timer.</summary>
    public Hpet(HpetOptions options, IDeviceContext context)
    {
        _clock = context.Clock;
        for (int i = 0; i < _irqs.Length; i++)
        {
            _irqs[i] = context.Irq(string.Create(CultureInfo.InvariantCulture, $"irq.{i}"));
        }

        (_timer, _rtc, _legacy) = (context.Irq("timer"), context.Irq("rtc"), context.Irq("legacy"));
        for (int i = 0; i < Timers; i++)
        {
            _timers[i] = new HpetTimer(isPeriodic: i == 0, options.Routes);
        }

        Banks = [new DeviceBank("", new MmioRegion("", Length, this))];
        Reset();
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    private bool IsEnabled => (_configuration & Enable) != 0;

    private ulong Counter => IsEnabled ? _base + ((ulong)(_clock.Now - _since) / TickTime) : _base;

    /// <inheritdoc/>
    public override void Reset()
    {
        (_configuration, _status, _base, _since) = (0, 0, 0, 0);
        foreach (HpetTimer timer in _timers)
        {
            timer.Reset();
        }

        Update();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U64(_configuration);
        writer.U64(_status);
        writer.U64(_base);
        writer.U64((ulong)_since, nameof(_since));
        for (int i = 0; i < Timers; i++)
        {
            _timers[i].Save(writer, string.Create(CultureInfo.InvariantCulture, $"timer{i}"));
        }
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_configuration, _status, _base, _since) = (reader.U64(), reader.U64(), reader.U64(), (long)reader.U64());
        foreach (HpetTimer timer in _timers)
        {
            timer.Load(reader);
        }

        Update();
    }

    /// <inheritdoc/>
    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        for (int done = 0; done < width;)
        {
            int lane = (int)((offset + (ulong)done) & 7), take = Math.Min(width - done, 8 - lane);
            ulong part = ReadWord((offset + (ulong)done) & ~7UL) >> (8 * lane);
            value |= (take < 8 ? part & ((1UL << (8 * take)) - 1) : part) << (8 * done);
            done += take;
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        int lane = (int)(offset & 7), take = Math.Min(width, 8 - lane);
        ulong mask = (take < 8 ? (1UL << (8 * take)) - 1 : ulong.MaxValue) << (8 * lane);
        WriteWord(offset & ~7UL, value << (8 * lane), mask);
        return AccessResult.Ok;
    }

    private ulong ReadWord(ulong offset)
    {
        if (offset >= 0x100 && offset < 0x100 + (0x20 * Timers))
        {
            return _timers[(offset - 0x100) / 0x20].Read((int)(offset & 0x1F));
        }

        return offset switch
        {
            0x00 => Capabilities,
            0x10 => _configuration,
            0x20 => _status,
            0xF0 => Counter,
            _ => 0,
        };
    }

    private void WriteWord(ulong offset, ulong value, ulong mask)
    {
        if (offset >= 0x100 && offset < 0x100 + (0x20 * Timers))
        {
            _timers[(offset - 0x100) / 0x20].Write((int)(offset & 0x1F), value, mask);
        }
        else
        {
            switch (offset)
            {
                case 0x10:
                    Configure(((_configuration & ~mask) | (value & mask)) & (Enable | Legacy));
                    break;
                case 0x20:
                    _status &= ~(value & mask);
                    break;
                case 0xF0 when !IsEnabled:
                    _base = (_base & ~mask) | (value & mask);
                    break;
                default:
                    break;
            }
        }

        Update();
    }

    private void Configure(ulong value)
    {
        _base = Counter;
        _since = _clock.Now;
        bool starts = !IsEnabled && (value & Enable) != 0;
        _configuration = value;
        if (starts)
        {
            Array.ForEach(_timers, t => t.Arm());
        }
    }

    /// <summary>Sets the lines and an alarm for the next match of each timer.</summary>
    private void Update()
    {
        bool legacy = IsEnabled && (_configuration & Legacy) != 0;
        _legacy.Level = legacy;
        for (int i = 0; i < Timers; i++)
        {
            HpetTimer timer = _timers[i];
            if (timer.IsLevel && timer.IsInterrupting)
            {
                LineOf(i).Level = (_status >> i & 1) != 0;
            }

            timer.Alarm?.Dispose();
            timer.Alarm = null;

            // A comparator that the counter has passed matches after a turn of 64 bits: never.
            if (IsEnabled && timer.Distance(Counter) is { } distance && distance < long.MaxValue / 16)
            {
                int number = i;
                ulong match = Counter - _base + distance;
                timer.Alarm = _clock.Schedule(_since + (long)(match * TickTime), () => Match(number));
            }
        }
    }

    private IIrqLine LineOf(int number) => (_configuration & Legacy) != 0 && number < 2 ? number == 0 ? _timer : _rtc : _irqs[_timers[number].Route];

    private void Match(int number)
    {
        HpetTimer timer = _timers[number];
        timer.Alarm = null;
        timer.Fire(Counter);
        if (timer.IsLevel)
        {
            _status |= 1UL << number;
        }
        else if (timer.IsInterrupting)
        {
            IIrqLine line = LineOf(number);
            line.Level = true;
            line.Level = false;
        }

        Update();
    }
}
