using Kmem.Abstractions;
using Kmem.Plugins.Interrupts;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The two 8259A as a kernel programs them.</summary>
public sealed class PicPairTests : IDisposable
{
    private const int Master = 0, Slave = 1, Elcr = 2;
    private const int NonSpecific = 0x20, Specific = 0x60, RotateNonSpecific = 0xA0, RotateSpecific = 0xE0, SetPriority = 0xC0, RotateAutomatic = 0x80;

    private readonly TestDeviceContext _context = new();
    private readonly PicPair _pic;

    public PicPairTests()
    {
        _pic = new PicPair(new PicOptions(), _context);
        Initialize(icw4: 0x01);
    }

    private bool Intr => _context.Outputs["intr"].Level;

    public void Dispose() => _context.Dispose();

    [Theory]
    [InlineData(0, 0x20)]
    [InlineData(1, 0x21)]
    [InlineData(7, 0x27)]
    [InlineData(8, 0x70)]
    [InlineData(12, 0x74)]
    [InlineData(15, 0x77)]
    public void ARequestComesWithItsVector(int irq, int vector)
    {
        Raise(irq);
        Assert.True(Intr);
        Assert.Equal(vector, _pic.PeekVector());
        Assert.Equal(vector, _pic.Acknowledge());
        Assert.False(Intr);
    }

    [Fact]
    public void TheMaskHoldsARequestBackAndLosesNothing()
    {
        Write(Master, 1, 0x10);
        Raise(4);
        Assert.False(Intr);
        Assert.Equal(0x10, Read(Master, 0));
        Write(Master, 1, 0x00);
        Assert.True(Intr);
    }

    [Fact]
    public void AnEdgeIsTakenOnceAndALineMustFallToRequestAgain()
    {
        Raise(3);
        Assert.Equal(0x23, _pic.Acknowledge());
        Write(Master, 0, NonSpecific);
        Assert.False(Intr);
        Lower(3);
        Raise(3);
        Assert.True(Intr);
    }

    [Fact]
    public void ALatchedEdgeOutlivesItsLineAndAWideReadOfANarrowControlRegisterRepeatsIt()
    {
        using var context = new TestDeviceContext();
        var pic = new PicPair(new PicOptions(Latched: true, NarrowControl: true), context);
        context.Drive("in.1", true);
        context.Drive("in.1", false);
        IRegionHandler master = ((MmioRegion)pic.Banks[Master].Region).Handler, elcr = ((MmioRegion)pic.Banks[Elcr].Region).Handler;
        master.Read(0, 1, out ulong requests, default);
        Assert.Equal((0x02UL, true), (requests, context.Outputs["intr"].Level));
        pic.Acknowledge();
        master.Read(0, 1, out requests, default);
        Assert.Equal(0UL, requests);

        // A slave that withdraws its request leaves no mark at the master, and a level counts for as long as it is there.
        elcr.Write(0, 1, 0xF8, default);
        elcr.Write(1, 1, 0xDE, default);
        context.Drive("in.9", true);
        context.Drive("in.9", false);
        master.Read(0, 1, out requests, default);
        Assert.Equal(0UL, requests);
        elcr.Read(0, 2, out ulong control, default);
        Assert.Equal(0xF8F8UL, control);
    }

    [Fact]
    public void ALevelRequestsForAsLongAsItIsThere()
    {
        Write(Elcr, 0, 0xFF);
        Assert.Equal(0xF8, Read(Elcr, 0));
        Raise(5);
        Assert.Equal(0x25, _pic.Acknowledge());
        Assert.False(Intr);
        Write(Master, 0, NonSpecific);
        Assert.True(Intr);
        Lower(5);
        Assert.False(Intr);
    }

    [Fact]
    public void LtimMakesEveryInputALevel()
    {
        Initialize(icw4: 0x01, icw1: 0x19);
        Raise(1);
        Assert.Equal(0x21, _pic.Acknowledge());
        Write(Master, 0, NonSpecific);
        Assert.True(Intr);
    }

    [Fact]
    public void SystemInterruptsCannotBeMadeLevels()
    {
        Write(Elcr, 0, 0xFF);
        Write(Elcr, 1, 0xFF);
        Assert.Equal((0xF8, 0xDE), (Read(Elcr, 0), Read(Elcr, 1)));
    }

    [Fact]
    public void ARequestThatWentAwayReadsAsLevelSevenAndIsNotInService()
    {
        Raise(4);
        Lower(4);
        Assert.False(Intr);
        Assert.Equal(0x27, _pic.Acknowledge());
        Assert.Equal(0, ReadInService(Master));
    }

    [Fact]
    public void AHigherPriorityInterruptsALowerOneAndNotTheOtherWayRound()
    {
        Raise(4);
        _ = _pic.Acknowledge();
        Raise(5);
        Assert.False(Intr);
        Raise(1);
        Assert.True(Intr);
        Assert.Equal(0x21, _pic.Acknowledge());
        Assert.Equal(0x12, ReadInService(Master));
        Write(Master, 0, NonSpecific);
        Assert.Equal(0x10, ReadInService(Master));
        Assert.False(Intr);
        Write(Master, 0, NonSpecific);
        Assert.Equal(0x25, _pic.Acknowledge());
    }

    [Fact]
    public void ASpecificEndLeavesTheOthersInService()
    {
        TakeAll(5, 1);
        Write(Master, 0, Specific | 5);
        Assert.Equal(0x02, ReadInService(Master));
    }

    // After the command, requests on all inputs of the master but the cascade are taken in this order.
    [Theory]
    [InlineData(0x00, "0 1 3 4 5 6 7")]
    [InlineData(SetPriority | 4, "5 6 7 0 1 3 4")]
    [InlineData(SetPriority | 7, "0 1 3 4 5 6 7")]
    [InlineData(SetPriority | 0, "1 3 4 5 6 7 0")]
    public void PrioritiesRotateBySetPriority(int command, string order)
    {
        Write(Master, 0, command);
        Assert.Equal(order, OrderOfMaster());
    }

    [Fact]
    public void ARotatingEndMakesItsLevelTheLowest()
    {
        Raise(3);
        _ = _pic.Acknowledge();
        Write(Master, 0, RotateNonSpecific);
        Lower(3);
        Assert.Equal("4 5 6 7 0 1 3", OrderOfMaster());
    }

    [Fact]
    public void ASpecificRotatingEndNamesTheLevel()
    {
        TakeAll(6, 4);
        Write(Master, 0, RotateSpecific | 4);
        Assert.Equal(0x40, ReadInService(Master));
        Write(Master, 0, NonSpecific);
        Lower(4);
        Lower(6);
        Assert.Equal("5 6 7 0 1 3 4", OrderOfMaster());
    }

    [Fact]
    public void AnAutomaticEndLeavesNothingInService()
    {
        Initialize(icw4: 0x03);
        Raise(4);
        Assert.Equal(0x24, _pic.Acknowledge());
        Assert.Equal(0, ReadInService(Master));
        Raise(5);
        Assert.True(Intr);
    }

    [Fact]
    public void AutomaticEndsRotateWhenAskedTo()
    {
        Initialize(icw4: 0x03);
        Write(Master, 0, RotateAutomatic);
        Raise(3);
        _ = _pic.Acknowledge();
        Lower(3);
        Raise(1);
        Raise(5);
        Assert.Equal(0x25, _pic.Acknowledge());
        Write(Master, 0, 0x00);
        Lower(5);
        Raise(5);
        Assert.Equal(0x21, _pic.Acknowledge());
        Assert.Equal(0x25, _pic.Acknowledge());
    }

    [Fact]
    public void ASlaveThatEndsByItselfBringsItsNextRequestWithoutALull()
    {
        Initialize(icw4: 0x03);
        Raise(9);
        Raise(11);
        Assert.Equal((0x71, 0x73), (_pic.Acknowledge(), _pic.Acknowledge()));
        Assert.False(Intr);
    }

    [Fact]
    public void SpecialMaskModeLetsLowerLevelsThroughAMaskedOne()
    {
        Raise(3);
        _ = _pic.Acknowledge();
        Write(Master, 1, 0x08);
        Raise(6);
        Assert.False(Intr);
        Write(Master, 0, 0x68);
        Assert.True(Intr);
        Assert.Equal(0x26, _pic.Acknowledge());
        Write(Master, 0, NonSpecific);
        Assert.Equal(0x08, ReadInService(Master));
        Write(Master, 0, 0x48);
        Lower(6);
        Raise(6);
        Assert.False(Intr);
    }

    [Fact]
    public void OnlySpecialNestingLetsASlaveInterruptItself()
    {
        Raise(12);
        Assert.Equal(0x74, _pic.Acknowledge());
        Raise(8);
        Assert.False(Intr);

        Initialize(icw4: 0x11);
        foreach (int irq in (int[])[8, 12])
        {
            Lower(irq);
        }

        Raise(12);
        Assert.Equal(0x74, _pic.Acknowledge());
        Raise(8);
        Assert.True(Intr);
        Assert.Equal(0x70, _pic.Acknowledge());
        Raise(3);
        Assert.False(Intr);
    }

    [Fact]
    public void APollIsAnAcknowledgeCycle()
    {
        Raise(5);
        Write(Master, 0, 0x0C);
        Assert.Equal(0x85, Read(Master, 0));
        Assert.Equal(0x20, ReadInService(Master));
        Write(Master, 0, 0x0C);
        Assert.Equal(0x07, Read(Master, 1));
        Assert.Equal(0x00, Read(Master, 1));
    }

    [Fact]
    public void AnInterruptOfTheSlaveIsInServiceInBothAndEndsInBoth()
    {
        Raise(10);
        _ = _pic.Acknowledge();
        Assert.Equal((0x04, 0x04), (ReadInService(Master), ReadInService(Slave)));
        Lower(10);
        Raise(10);
        Write(Slave, 0, NonSpecific);
        Assert.False(Intr);
        Write(Master, 0, NonSpecific);
        Assert.Equal(0x72, _pic.Acknowledge());
    }

    [Fact]
    public void InitializationForgetsEdgesMaskAndRotation()
    {
        Write(Master, 1, 0x55);
        Write(Master, 0, SetPriority | 3);
        Raise(4);
        Write(Master, 0, 0x11);
        Assert.False(Intr);
        Write(Master, 1, 0x40);
        Write(Master, 1, 0x04);
        Write(Master, 1, 0x01);
        Assert.Equal(0x00, Read(Master, 1));
        Assert.False(Intr);
        Lower(4);
        Raise(4);
        Assert.Equal(0x44, _pic.Acknowledge());
    }

    [Fact]
    public void WithoutIcw4AndCascadeTwoWordsAreEnough()
    {
        Write(Master, 0, 0x12);
        Write(Master, 1, 0x18);
        Write(Master, 1, 0xFB);
        Assert.Equal(0xFB, Read(Master, 1));

        // A master that knows of no slave answers for input 2 itself.
        Raise(9);
        Assert.Equal(0x1A, _pic.Acknowledge());
    }

    [Fact]
    public void APeekAcknowledgesNothing()
    {
        Raise(1);
        Write(Master, 0, 0x0C);
        Assert.Equal(AccessResult.Ok, Bank(Master).Read(0, 1, out ulong value, AccessAttributes.Debug));
        Assert.Equal(0x81UL, value);
        Assert.Equal(0x21, _pic.PeekVector());
        Assert.Equal(0x81, Read(Master, 0));
    }

    [Fact]
    public void FirmwareLeavesMasksVectorsAndLevels()
    {
        Assert.True(_pic.TrySetFirmwareState("master-imr", 0xEB) && _pic.TrySetFirmwareState("slave-imr", 0xFF) && _pic.TrySetFirmwareState("elcr1", 0xF8));
        Assert.True(_pic.TrySetFirmwareState("master-vector", 0x00) && _pic.TrySetFirmwareState("slave-vector", 0x08) && _pic.TrySetFirmwareState("elcr2", 0xDE));
        Assert.False(_pic.TrySetFirmwareState("imr", 0));
        Assert.Equal((0xEB, 0xFF, 0xF8, 0xDE), (Read(Master, 1), Read(Slave, 1), Read(Elcr, 0), Read(Elcr, 1)));
        Assert.Equal(0x07, _pic.PeekVector());
    }

    private void Initialize(int icw4, int icw1 = 0x11)
    {
        for (int chip = Master; chip <= Slave; chip++)
        {
            Write(chip, 0, icw1);
            Write(chip, 1, chip == Master ? 0x20 : 0x70);
            Write(chip, 1, chip == Master ? 0x04 : 0x02);
            Write(chip, 1, icw4);
        }
    }

    private string OrderOfMaster()
    {
        int[] levels = [0, 1, 3, 4, 5, 6, 7];
        Write(Master, 1, 0xFF);
        Array.ForEach(levels, Raise);
        Write(Master, 1, 0x00);
        var order = new List<int>();
        foreach (int _ in levels)
        {
            int level = _pic.Acknowledge() & 7;
            order.Add(level);
            Write(Master, 0, Specific | level);
        }

        return string.Join(' ', order);
    }

    private void TakeAll(params int[] irqs)
    {
        foreach (int irq in irqs)
        {
            Raise(irq);
            Assert.Equal(0x20 + irq, _pic.Acknowledge());
        }
    }

    private int ReadInService(int chip)
    {
        Write(chip, 0, 0x0B);
        int value = Read(chip, 0);
        Write(chip, 0, 0x0A);
        return value;
    }

    private void Raise(int irq) => _context.Drive($"in.{irq}", level: true);

    private void Lower(int irq) => _context.Drive($"in.{irq}", level: false);

    private IRegionHandler Bank(int bank) => ((MmioRegion)_pic.Banks[bank].Region).Handler;

    private int Read(int bank, ulong port)
    {
        Assert.Equal(AccessResult.Ok, Bank(bank).Read(port, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(int bank, ulong port, int value) => Assert.Equal(AccessResult.Ok, Bank(bank).Write(port, 1, (ulong)value, default));
}
