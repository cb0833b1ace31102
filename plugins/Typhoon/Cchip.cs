using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>Options of <c>dec.21272.cchip</c>.</summary>
/// <param name="Cpus">The CPUs by number: names of the bus masters whose reads of MISC give their number, up to four. Only these get timer interrupts.</param>
/// <param name="Csc">System configuration after reset; bit 14 says that there is a second Pchip.</param>
/// <param name="Aar">Array address registers after reset, up to four.</param>
public sealed record CchipOptions(IReadOnlyList<string>? Cpus = null, ulong Csc = 0, IReadOnlyList<ulong>? Aar = null);

/// <summary>The Cchip of the 21272: interrupts of up to four CPUs, the interval timer's interrupt, and the memory controller's registers.</summary>
/// <remarks>
/// Inputs <c>dr.0</c> to <c>dr.63</c> and <c>timer-in</c>, whose rise is a tick. Outputs for each CPU n of 0..3: <c>error.n</c> (DIRn 63:58), <c>device.n</c> (DIRn 57:0),
/// <c>timer.n</c> (MISC.ITINTR) and <c>ipi.n</c> (MISC.IPINTR). Firmware state: any register by its name.
/// Source: 21272 hardware reference manual, Cchip control and status registers, interrupts.
/// </remarks>
[Device("dec.21272.cchip")]
public sealed class Cchip : Device, IHasBanks, IFirmwareState
{
    private const int Most = 4, DirError = 58;
    private const int InterruptTimer = 4, InterProcessor = 8, InterProcessorRequest = 12, ArbitrationWon = 16, ArbitrationTry = 20;
    private const ulong ArbitrationClear = 1UL << 24, NonexistentMemory = 1UL << 28, Revision = 8UL << 32;
    private const ulong WriteOneToClear = NonexistentMemory | 0xF << InterProcessor | 0xF << InterruptTimer;
    private const uint SkipOverflow = 0x0100_0000, SkipMask = 0x01FF_FFFF, SkipWritable = 0x00FF_FFFF;

    private static readonly ulong ErrorBits = ulong.MaxValue << DirError;

    private readonly string[] _cpus;
    private readonly CsrBank _bank = new(0x1000);
    private readonly Csr _misc;
    private readonly Csr[] _masks;
    private readonly Csr[] _skips;
    private readonly IIrqLine[] _error;
    private readonly IIrqLine[] _device;
    private readonly IIrqLine[] _timer;
    private readonly IIrqLine[] _processor;
    private ulong _raw;
    private bool _tick;

    /// <summary>Creates the chip.</summary>
    public Cchip(CchipOptions options, IDeviceContext context)
    {
        _cpus = [.. options.Cpus ?? ["cpu0"]];
        if (_cpus.Length > Most)
        {
            throw new MachineException("a Cchip has at most 4 CPUs") { Option = "cpus" };
        }

        if (options.Aar?.Count > Most)
        {
            throw new MachineException("a Cchip has 4 array address registers") { Option = "aar" };
        }

        (_error, _device, _timer, _processor) = (Lines(context, "error"), Lines(context, "device"), Lines(context, "timer"), Lines(context, "ipi"));
        _bank.Add(new Csr(0x000, "CSC", ulong.MaxValue, options.Csc));
        Store(0x040, "MTR");
        _misc = _bank.Add(new Csr(0x080, "MISC", initial: Revision) { IsStored = true, Reader = a => (ulong)NumberOf(a.Master), Writer = WriteMisc });
        Store(0x0C0, "MPD", 0xF);
        for (int i = 0; i < Most; i++)
        {
            _bank.Add(new Csr(0x100 + (0x40 * i), $"AAR{i}", ulong.MaxValue, i < (options.Aar?.Count ?? 0) ? options.Aar![i] : 0));
        }

        _masks = [.. Enumerable.Range(0, Most).Select(i => new Csr(Place(0x200, 0x600, i), $"DIM{i}", ulong.MaxValue) { Changed = Update })];
        _skips = [.. Enumerable.Range(0, Most).Select(AddSkip)];
        for (int i = 0; i < Most; i++)
        {
            int cpu = i;
            _bank.Add(_masks[i]);
            _bank.Add(new Csr(Place(0x280, 0x680, i), $"DIR{i}") { Reader = _ => Pending(cpu) });
            _bank.Add(_skips[i]);
            _bank.Add(new Csr(0x400 + (0x40 * i), $"MPR{i}") { Writer = _ => { } });
        }

        _bank.Add(new Csr(0x300, "DRIR") { Reader = _ => _raw });
        Store(0x340, "PRBEN", 3);
        Store(0x580, "TTR", 0x7FFF);
        Store(0x5C0, "TDR");
        Store(0x780, "PWR", 1);
        Store(0xC00, "CMONCTLA");
        Store(0xC40, "CMONCTLB");
        _bank.Add(new Csr(0xC80, "CMONCNT01"));
        _bank.Add(new Csr(0xCC0, "CMONCNT23"));
        Banks = [new DeviceBank("", new MmioRegion(context.Id, 0x1000, _bank, minWidth: 8))];
        for (int i = 0; i < 64; i++)
        {
            ulong bit = 1UL << i;
            context.Input(string.Create(CultureInfo.InvariantCulture, $"dr.{i}"), high => Drive(bit, high));
        }

        context.Input("timer-in", DriveTimer);
    }

    /// <inheritdoc/>
    public IReadOnlyList<DeviceBank> Banks { get; }

    /// <inheritdoc/>
    public override void Reset()
    {
        _bank.Reset();
        Update();
        UpdateMisc();
    }

    /// <inheritdoc/>
    public override void Save(StateWriter writer)
    {
        writer.U64(_raw);
        writer.Bool(_tick);
        _bank.Save(writer);
    }

    /// <inheritdoc/>
    public override void Load(StateReader reader)
    {
        (_raw, _tick) = (reader.U64(), reader.Bool());
        _bank.Load(reader);
        Update();
        UpdateMisc();
    }

    /// <inheritdoc/>
    public bool TrySetFirmwareState(string key, ulong value) => _bank.TrySet(key, value);

    /// <summary>Registers of CPUs 2 and 3 stand apart from those of 0 and 1.</summary>
    private static int Place(int first, int third, int cpu) => (cpu < 2 ? first : third - 0x80) + (0x40 * cpu);

    private static IIrqLine[] Lines(IDeviceContext context, string name) =>
        [.. Enumerable.Range(0, Most).Select(i => context.Irq(string.Create(CultureInfo.InvariantCulture, $"{name}.{i}")))];

    private ulong Pending(int cpu) => _raw & _masks[cpu].Value;

    private int NumberOf(BusMaster? master) => master is null ? 0 : Math.Max(0, Array.IndexOf(_cpus, master.Name));

    private void Store(int offset, string name, ulong writable = ulong.MaxValue) => _bank.Add(new Csr(offset, name, writable));

    private Csr AddSkip(int cpu)
    {
        Csr? skip = null;
        return skip = new Csr(Place(0x380, 0x700, cpu), $"IIC{cpu}") { IsStored = true, Writer = v => skip!.Value = v & SkipWritable };
    }

    private void Drive(ulong bit, bool high)
    {
        _raw = high ? _raw | bit : _raw & ~bit;
        Update();
    }

    /// <summary>A tick of the interval timer interrupts each CPU whose IIC has run out; it counts down by one first.</summary>
    private void DriveTimer(bool high)
    {
        bool rises = high && !_tick;
        _tick = high;
        if (!rises)
        {
            return;
        }

        for (int cpu = 0; cpu < _cpus.Length; cpu++)
        {
            uint skip = (uint)_skips[cpu].Value;
            skip = ((skip - 1) & SkipMask) | (skip & SkipOverflow);
            _skips[cpu].Value = skip;
            if ((skip & SkipOverflow) != 0)
            {
                _misc.Value |= 1UL << (InterruptTimer + cpu);
                _timer[cpu].Level = true;
            }
        }
    }

    private void WriteMisc(ulong value)
    {
        ulong misc = _misc.Value & ~(value & WriteOneToClear);
        misc |= (value >> InterProcessorRequest & 0xF) << InterProcessor;
        if ((value & ArbitrationClear) != 0)
        {
            misc &= ~(0xFFUL << ArbitrationWon);
        }

        // The first to write wins; who comes later only leaves its try.
        if ((misc >> ArbitrationWon & 0xF) == 0)
        {
            misc |= value & (0xFUL << ArbitrationWon);
        }

        _misc.Value = misc | (value & (0xFUL << ArbitrationTry));
        UpdateMisc();
    }

    private void Update()
    {
        for (int cpu = 0; cpu < Most; cpu++)
        {
            ulong pending = Pending(cpu);
            _error[cpu].Level = (pending & ErrorBits) != 0;
            _device[cpu].Level = (pending & ~ErrorBits) != 0;
        }
    }

    private void UpdateMisc()
    {
        for (int cpu = 0; cpu < Most; cpu++)
        {
            _timer[cpu].Level = (_misc.Value >> (InterruptTimer + cpu) & 1) != 0;
            _processor[cpu].Level = (_misc.Value >> (InterProcessor + cpu) & 1) != 0;
        }
    }
}
