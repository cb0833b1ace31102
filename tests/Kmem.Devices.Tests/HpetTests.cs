using Kmem.Plugins.Timers;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The HPET as Linux uses it.</summary>
public sealed class HpetTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly Hpet _hpet;
    private readonly GuestBank _registers;

    public HpetTests()
    {
        _hpet = new Hpet(new HpetOptions(), _context);
        _registers = new GuestBank(_hpet, "");
    }

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TheCounterRunsAtTheRateThatItTells()
    {
        Assert.Equal(10_000_000UL, _registers.Read(4, 4));
        _registers.Write(0x10, 8, 1);
        _context.Time.Advance(12_340);
        Assert.Equal(1234UL, _registers.Read(0xF0, 8));
        _registers.Write(0x10, 8, 0);
        _context.Time.Advance(1000);
        Assert.Equal(1234UL, _registers.Read(0xF0, 4));
        _registers.Write(0xF0, 8, 7);
        Assert.Equal(7UL, _registers.Read(0xF0, 8));
    }

    [Fact]
    public void AOneShotTimerInterruptsOnceAndLegacyReplacementTakesTheTimersPlace()
    {
        _registers.Write(0x10, 8, 3);
        Assert.True(_context.Outputs["legacy"].Level);
        _registers.Write(0x100, 4, 0x0004);
        _registers.Write(0x108, 8, 100);
        _context.Time.Advance(999);
        Assert.Equal(0, _context.Outputs["timer"].Rises);
        _context.Time.Advance(1);
        Assert.Equal(1, _context.Outputs["timer"].Rises);
        _context.Time.Advance(1_000_000);
        Assert.Equal(1, _context.Outputs["timer"].Rises);
        Assert.Equal(0, _context.Outputs["irq.0"].Rises);
    }

    [Fact]
    public void APeriodicTimerRepeats()
    {
        _registers.Write(0x100, 4, 0x014C);
        _registers.Write(0x108, 4, 1000);
        _registers.Write(0x108, 4, 500);
        _registers.Write(0x10, 4, 3);
        _context.Time.Advance(10_000);
        Assert.Equal(1, _context.Outputs["timer"].Rises);
        _context.Time.Advance(50_000);
        Assert.Equal(11, _context.Outputs["timer"].Rises);
    }

    [Fact]
    public void AComparatorThatIsPassedMatchesNoMore()
    {
        _registers.Write(0x10, 8, 1);
        _context.Time.Advance(10_000);
        _registers.Write(0x140, 4, 0x0404);
        _registers.Write(0x148, 8, _registers.Read(0xF0, 8) - 1);
        _context.Time.Advance(1_000_000_000);
        Assert.Equal(0, _context.Outputs["irq.2"].Rises);
    }

    [Fact]
    public void ALevelStandsUntilItsStatusIsCleared()
    {
        _registers.Write(0x10, 8, 1);
        _registers.Write(0x120, 4, 0x0406);
        _registers.Write(0x128, 8, 10);
        _context.Time.Advance(100);
        Assert.True(_context.Outputs["irq.2"].Level);
        Assert.Equal(2UL, _registers.Read(0x20, 4));
        _registers.Write(0x20, 4, 2);
        Assert.False(_context.Outputs["irq.2"].Level);
    }
}
