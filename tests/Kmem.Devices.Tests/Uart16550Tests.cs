using Kmem.Abstractions;
using Kmem.Plugins.Serial;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The 16550A as a driver sees it.</summary>
public sealed class Uart16550Tests : IDisposable
{
    private const ulong Data = 0, Ier = 1, Iir = 2, Fcr = 2, Lcr = 3, Mcr = 4, Lsr = 5, Msr = 6, Scr = 7;

    private readonly TestDeviceContext _context = new();
    private readonly Uart16550 _uart;

    public Uart16550Tests() => _uart = new Uart16550(new Uart16550Options(), _context);

    private bool Irq => _context.Outputs["irq"].Level;

    public void Dispose() => _context.Dispose();

    [Fact]
    public void WhatIsWrittenLeavesAtOnce()
    {
        Write(Data, 'K');
        Assert.Equal("K"u8.ToArray(), _context.Backends["chardev"].Sent);
        Assert.Equal(0x60, Read(Lsr));
    }

    [Fact]
    public void TheHostIsToldHowMuchTheReceiverTakes()
    {
        Func<int> room = _context.Backends["chardev"].Room!;
        Assert.Equal(1, room());
        Write(Fcr, 0x01);
        Receive('a');
        Assert.Equal(15, room());
        Write(Mcr, 0x10);
        Assert.Equal(0, room());
    }

    [Fact]
    public void TheDivisorStandsBehindItsLatchBit()
    {
        Write(Lcr, 0x83);
        Write(Data, 0x01);
        Write(Ier, 0x02);
        Assert.Equal([0x01, 0x02], [Read(Data), Read(Ier)]);
        Write(Lcr, 0x03);
        Assert.Equal(0, Read(Ier));
        Assert.Empty(_context.Backends["chardev"].Sent);
    }

    [Theory]
    [InlineData(0x01, 1)]
    [InlineData(0x41, 4)]
    [InlineData(0x81, 8)]
    [InlineData(0xC1, 14)]
    public void TheReceiverInterruptsAtItsTriggerLevel(int fifoControl, int level)
    {
        Write(Ier, 0x01);
        Write(Fcr, fifoControl);
        for (int i = 1; i < level; i++)
        {
            Receive(i);
            Assert.Equal(0xCC, Read(Iir));
        }

        Receive(level);
        Assert.True(Irq);
        Assert.Equal(0xC4, Read(Iir));
        for (int i = 1; i <= level; i++)
        {
            Assert.Equal(i, Read(Data));
        }

        Assert.False(Irq);
    }

    [Fact]
    public void AnOverrunIsReportedOnceAndFirst()
    {
        Write(Ier, 0x05);
        Receive(1);
        Receive(2);
        Assert.Equal(0x06, Read(Iir) & 0x0F);
        Assert.Equal(0x63, Read(Lsr));
        Assert.Equal(0x61, Read(Lsr));
        Assert.Equal(0x04, Read(Iir) & 0x0F);
        Assert.Equal(1, Read(Data));
    }

    [Fact]
    public void TheTransmitterInterruptsUntilIirIsRead()
    {
        Write(Ier, 0x02);
        Assert.True(Irq);
        Assert.Equal(0x02, Read(Iir));
        Assert.False(Irq);
        Assert.Equal(0x01, Read(Iir));
        Write(Data, 'x');
        Assert.True(Irq);
    }

    [Fact]
    public void APeekTakesNothing()
    {
        Write(Ier, 0x02);
        Receive(7);
        foreach (ulong register in (ulong[])[Data, Iir, Lsr, Msr])
        {
            Assert.Equal(AccessResult.Ok, _uart.Registers.Read(register, 1, out _, AccessAttributes.Debug));
        }

        Assert.True(Irq);
        Assert.Equal(7, Read(Data));
    }

    [Fact]
    public void LoopbackTurnsOutputsIntoInputs()
    {
        Write(Mcr, 0x10);
        _ = Read(Msr);
        Write(Mcr, 0x1F);
        Assert.Equal(0xFB, Read(Msr) | 0x00);
        Assert.Equal(0xF0, Read(Msr));
        Write(Data, 'l');
        Assert.Equal('l', Read(Data));
        Assert.Empty(_context.Backends["chardev"].Sent);
    }

    [Fact]
    public void TheScratchRegisterKeepsEveryByte()
    {
        foreach (int value in (int[])[0x00, 0x55, 0xAA, 0xFF])
        {
            Write(Scr, value);
            Assert.Equal(value, Read(Scr));
        }
    }

    [Fact]
    public void SwitchingTheFifoEmptiesIt()
    {
        Write(Fcr, 0x01);
        Receive(1);
        Write(Fcr, 0x00);
        Assert.Equal(0x60, Read(Lsr));
        Assert.Equal(0x01, Read(Iir));
    }

    [Fact]
    public void ARegisterShiftSpreadsTheRegisters()
    {
        using var context = new TestDeviceContext();
        var uart = new Uart16550(new Uart16550Options(RegShift: 2), context);
        Assert.Equal(AccessResult.Ok, uart.Registers.Write(7 << 2, 1, 0x5A, default));
        Assert.Equal(AccessResult.Ok, uart.Registers.Read(7 << 2, 1, out ulong value, default));
        Assert.Equal((0x5AUL, 32UL), (value, uart.Registers.Length));
    }

    private void Receive(int value) => _context.Backends["chardev"].Send([(byte)value]);

    private int Read(ulong register)
    {
        Assert.Equal(AccessResult.Ok, _uart.Registers.Read(register, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(ulong register, int value) => Assert.Equal(AccessResult.Ok, _uart.Registers.Write(register, 1, (ulong)value, default));
}
