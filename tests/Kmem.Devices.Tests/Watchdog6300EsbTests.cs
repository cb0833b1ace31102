using Kmem.Abstractions;
using Kmem.Plugins.Lab;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The watchdog of the 6300ESB: unlocking, two stages, reload, lock.</summary>
public sealed class Watchdog6300EsbTests : IDisposable
{
    private const int Preload1 = 0, Preload2 = 4, Interrupt = 8, Reload = 12, Configuration = 0x60, Lock = 0x68;
    private const long Tick = 32768L * 1000 / 33;   // of the 33 MHz clock divided by 2^15

    private readonly TestDeviceContext _context = new();
    private readonly Watchdog6300Esb _watchdog;

    public Watchdog6300EsbTests() => _watchdog = new Watchdog6300Esb(_context);

    private (bool Irq, bool Reset) Lines => (_context.Outputs["irq"].Level, _context.Outputs["reset"].Level);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void APreloadNeedsBothKeysAndUsesThemUp()
    {
        Write(Preload1, 5);
        Write(Reload, 0x80);
        Write(Preload1, 6);
        Write(Reload, 0x86);
        Write(Preload1, 7);
        Assert.Equal(0xF_FFFFUL, Read(Preload1));
        Unlocked(Preload1, 0x12_3456);
        Write(Preload1, 8);
        Assert.Equal(0x2_3456UL, Read(Preload1));
    }

    [Fact]
    public void TheFirstStageInterruptsAndTheSecondResets()
    {
        Start();
        _context.Time.Advance((10 * Tick) - 1);
        Assert.Equal((false, false), Lines);
        _context.Time.Advance(Tick);
        Assert.Equal((true, false), Lines);
        Write(Interrupt, 1);
        Assert.Equal((false, false), Lines);
        _context.Time.Advance(20 * Tick);
        Assert.Equal((false, true), Lines);
        Assert.Equal(0x200UL, Read(Reload));
        Unlocked(Reload, 0x200);
        Assert.Equal((false, false), Lines);
    }

    [Fact]
    public void AReloadInTimeKeepsItQuiet()
    {
        Start();
        for (int i = 0; i < 10; i++)
        {
            _context.Time.Advance(9 * Tick);
            Unlocked(Reload, 0x100);
        }

        Assert.Equal((false, false), Lines);
        _context.Time.Advance(11 * Tick);
        Assert.Equal((true, false), Lines);
    }

    [Fact]
    public void TheFastClockCountsMicroseconds()
    {
        _watchdog.Configuration.Write(Configuration, 2, 0x04);
        Start();
        _context.Time.Advance(31 * 32 * 1000 / 33);
        Assert.Equal((true, true), Lines);
    }

    [Fact]
    public void TheOutputCanBeSwitchedOffAndTheInterruptSent()
    {
        _watchdog.Configuration.Write(Configuration, 2, 0x22);
        Start();
        _context.Time.Advance(40 * Tick);
        Assert.Equal((false, false), Lines);
        Assert.True(_context.Outputs["smi"].Level);
    }

    [Fact]
    public void FreeRunningTogglesTheOutput()
    {
        Start(0x06);
        _context.Time.Advance(21 * Tick);
        Assert.Equal((false, true), Lines);
        _context.Time.Advance(20 * Tick);
        Assert.Equal((false, false), Lines);
    }

    [Fact]
    public void TheLockKeepsItRunning()
    {
        Start(0x03);
        _watchdog.Configuration.Write(Lock, 1, 0);
        Assert.Equal(3UL, _watchdog.Configuration.Read(Lock, 1));
        _context.Time.Advance(40 * Tick);
        Assert.Equal((true, true), Lines);
        _watchdog.Reset();
        Assert.Equal((false, false), Lines);
        Assert.Equal(0UL, _watchdog.Configuration.Read(Lock, 1));
    }

    private void Start(byte control = 0x02)
    {
        Unlocked(Preload1, 10);
        Unlocked(Preload2, 20);
        _watchdog.Configuration.Write(Lock, 1, control);
    }

    private void Unlocked(int offset, ulong value)
    {
        Write(Reload, 0x80);
        Write(Reload, 0x86);
        Write(offset, value);
    }

    private IRegionHandler Handler => ((MmioRegion)_watchdog.Configuration.Bars.Single().Region).Handler;

    private ulong Read(int offset)
    {
        Handler.Read((ulong)offset, 4, out ulong value, AccessAttributes.Debug);
        return value;
    }

    private void Write(int offset, ulong value) =>
        Handler.Write((ulong)offset, offset == Reload ? 2 : 4, value, new AccessAttributes(new BusMaster("guest", MasterKind.Cpu)));
}
