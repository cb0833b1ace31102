using Kmem.Abstractions;
using Kmem.Plugins.Clock;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The MC146818 as a driver sees it.</summary>
public sealed class RealTimeClockTests : IDisposable
{
    private static readonly DateTime Start = new(1999, 12, 31, 23, 59, 58, DateTimeKind.Utc);

    private readonly TestDeviceContext _context = new(Start);
    private readonly RealTimeClock _clock;

    public RealTimeClockTests() => _clock = new RealTimeClock(new RealTimeClockOptions(), _context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TheTimeRunsInBinaryCodedDecimal()
    {
        Assert.Equal("19 99 12 31 23 59 58 6", Time());
        _context.Time.Advance(2_000_000_000);
        Assert.Equal("20 00 01 01 00 00 00 7", Time());
    }

    [Fact]
    public void TwelveHoursAndBinaryAreChosenInRegisterB()
    {
        Write(0x0B, 0x00);
        Assert.Equal(0x91, Read(4));
        Write(0x0B, 0x04);
        Assert.Equal(0x80 | 11, Read(4));
        Write(0x0B, 0x06);
        Assert.Equal((23, 59, 12), (Read(4), Read(2), Read(8)));
    }

    [Fact]
    public void SetHoldsTheClockAndAdoptsTheCells()
    {
        Write(0x0B, 0x82);
        Write(0x32, 0x20);
        Write(9, 0x24);
        Write(8, 0x02);
        Write(7, 0x29);
        Write(4, 0x06);
        Write(2, 0x30);
        Write(0, 0x15);
        _context.Time.Advance(5_000_000_000);
        Assert.Equal(0x15, Read(0));
        Write(0x0B, 0x02);
        _context.Time.Advance(1_000_000_000);
        Assert.Equal("20 24 02 29 06 30 16 5", Time());
    }

    [Fact]
    public void UpdateInProgressPrecedesTheSecond()
    {
        Assert.Equal(0, Read(0x0A) & 0x80);
        _context.Time.Advance(999_800_000);
        Assert.Equal(0x80, Read(0x0A) & 0x80);
        _context.Time.Advance(200_000);
        Assert.Equal(0, Read(0x0A) & 0x80);
    }

    [Fact]
    public void ReadingRegisterCClearsItsFlags()
    {
        _ = Read(0x0C);
        _context.Time.Advance(1_000_000_000);
        Assert.Equal(0x10, Read(0x0C) & 0x10);
        Assert.Equal(0, Read(0x0C));
    }

    [Fact]
    public void TheIndexPortCannotBeReadAndDropsTheNmiMask()
    {
        Write(0x40, 0x77);
        Port(0, 0x80 | 0x40);
        Assert.Equal(AccessResult.Ok, _clock.Registers.Read(1, 1, out ulong value, default));
        Assert.Equal(0x77UL, value);
        Assert.Equal(AccessResult.Ok, _clock.Registers.Read(0, 1, out value, default));
        Assert.Equal(0xFFUL, value);
    }

    [Fact]
    public void AResetLeavesTheBatteryAlone()
    {
        Write(0x40, 0x77);
        Write(0x0B, 0x72);
        _clock.Reset();
        Assert.Equal((0x77, 0x02), (Read(0x40), Read(0x0B)));
    }

    [Theory]
    [InlineData(6, 1024)]
    [InlineData(3, 8192)]
    [InlineData(1, 256)]
    [InlineData(2, 128)]
    [InlineData(15, 2)]
    public void ThePeriodicInterruptKeepsItsRateWithoutDrift(int rate, int hertz)
    {
        Write(0x0A, 0x20 | rate);
        Write(0x0B, 0x42);
        _context.Time.Advance(1_000_000_000L * 100);
        Assert.Equal(hertz * 100, _context.Outputs["tick"].Rises);
        Assert.Equal(1, _context.Outputs["irq"].Rises);
    }

    [Fact]
    public void AnAcknowledgedPeriodicInterruptComesAgainAtTheNextPeriod()
    {
        Write(0x0B, 0x42);
        _context.Time.Advance(976_562);
        Assert.False(Irq);
        _context.Time.Advance(1);
        Assert.True(Irq);
        Assert.Equal(0xC0, Read(0x0C));
        Assert.False(Irq);
        _context.Time.Advance(976_562);
        Assert.True(Irq);
    }

    [Theory]
    [InlineData(0x70)]
    [InlineData(0x20)]
    public void ADividerInResetOrARateOfZeroHasNoPeriod(int registerA)
    {
        Write(0x0A, registerA | (registerA == 0x70 ? 6 : 0));
        Write(0x0B, 0x42);
        _context.Time.Advance(1_000_000_000);
        Assert.Equal((0, false), (_context.Outputs["tick"].Rises, Irq));
    }

    [Fact]
    public void NoInterruptEnabledMeansNoTimer()
    {
        Assert.Null(_context.Time.NextDue);
        Write(0x0B, 0x72);
        Assert.NotNull(_context.Time.NextDue);
        Write(0x0B, 0x02);
        Assert.Null(_context.Time.NextDue);
    }

    [Fact]
    public void AnUpdateInterruptsAtTheSecondAndOnceUntilItIsRead()
    {
        _context.Time.Advance(300_000_000);
        Write(0x0B, 0x12);
        _context.Time.Advance(699_999_999);
        Assert.False(Irq);
        _context.Time.Advance(1);
        Assert.True(Irq);
        Assert.Null(_context.Time.NextDue);
        Assert.Equal(0x90, Read(0x0C) & 0x90);
        _context.Time.Advance(1_000_000_000);
        Assert.True(Irq);
    }

    [Theory]
    [InlineData(0x00, 0x00, 0x00, 2)]
    [InlineData(0x05, 0xC0, 0xFF, 7)]
    [InlineData(0x00, 0x01, 0xC0, 62)]
    public void TheAlarmInterruptsAtItsTime(int second, int minute, int hour, int after)
    {
        Write(1, second);
        Write(3, minute);
        Write(5, hour);
        _ = Read(0x0C);
        Write(0x0B, 0x22);
        _context.Time.Advance((after * 1_000_000_000L) - 1);
        Assert.False(Irq);
        _context.Time.Advance(1);
        Assert.True(Irq);
        Assert.Equal(0xA0, Read(0x0C) & 0xA0);
    }

    [Fact]
    public void AnAlarmInTwelveHoursTellsMorningFromEvening()
    {
        Write(0x0B, 0x00);
        Write(1, 0x00);
        Write(3, 0x00);
        Write(5, 0x92);
        _ = Read(0x0C);
        _context.Time.Advance(2_000_000_000);
        Assert.Equal(0, Read(0x0C) & 0x20);
        _context.Time.Advance(12 * 3600 * 1_000_000_000L);
        Assert.Equal(0x20, Read(0x0C) & 0x20);
    }

    [Fact]
    public void SetHoldsUpdatesBackAndLetsThePeriodRun()
    {
        Write(0x0B, 0xD2);
        _context.Time.Advance(2_000_000_000);
        Assert.Equal(0xC0, Read(0x0C));
    }

    private bool Irq => _context.Outputs["irq"].Level;

    private string Time() => $"{Read(0x32):x2} {Read(9):x2} {Read(8):x2} {Read(7):x2} {Read(4):x2} {Read(2):x2} {Read(0):x2} {Read(6):x}";

    private int Read(int cell)
    {
        Port(0, cell);
        Assert.Equal(AccessResult.Ok, _clock.Registers.Read(1, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(int cell, int value)
    {
        Port(0, cell);
        Port(1, value);
    }

    private void Port(ulong offset, int value) => Assert.Equal(AccessResult.Ok, _clock.Registers.Write(offset, 1, (ulong)value, default));
}
