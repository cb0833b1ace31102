using Kmem.Abstractions;
using Kmem.Plugins.Lab;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The GPIO block: lines, directions, edges.</summary>
public sealed class GpioBlockTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly GpioBlock _gpio;

    public GpioBlockTests() => _gpio = new GpioBlock(_context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AnInputShowsItsPinAndAnOutputWhatItDrives()
    {
        _context.Drive("in3", true);
        _context.Drive("in4", true);
        Write("DATA_OUT", 0x21);
        Write("DIRECTION", 0x31);
        Assert.Equal(0x29UL, Read("DATA_IN"));
        Assert.Equal((true, false, true), (_context.Outputs["out0"].Level, _context.Outputs["out4"].Level, _context.Outputs["out5"].Level));
        Write("DIRECTION", 0);
        Assert.False(_context.Outputs["out0"].Level);
    }

    [Fact]
    public void ChosenEdgesOfInputsInterruptWhileEnabled()
    {
        Write("EDGE_RISING", 3);
        Write("EDGE_FALLING", 4);
        Write("DIRECTION", 2);
        _context.Drive("in2", true);
        _context.Drive("in1", true);
        Assert.Equal(0UL, Read("IRQ_STATUS"));
        _context.Drive("in0", true);
        _context.Drive("in2", false);
        Assert.Equal(5UL, Read("IRQ_STATUS"));
        Assert.False(_context.Outputs["irq"].Level);
        Write("IRQ_ENABLE", 4);
        Assert.True(_context.Outputs["irq"].Level);
        Write("IRQ_STATUS", 4);
        Assert.Equal((1UL, false), (Read("IRQ_STATUS"), _context.Outputs["irq"].Level));
    }

    [Fact]
    public void AResetLeavesThePinsAlone()
    {
        _context.Drive("in31", true);
        Write("DATA_OUT", 1);
        _gpio.Reset();
        Assert.Equal((0x8000_0000UL, 0UL), (Read("DATA_IN"), Read("DATA_OUT")));
    }

    [Fact]
    public void NarrowAccessesAreRefused() =>
        Assert.Equal(AccessResult.Misaligned, _gpio.Registers.Read(0, 1, out _, AccessAttributes.Debug));

    private Register Named(string name) => _gpio.Registers.Find(name) ?? throw new InvalidOperationException(name);

    private ulong Read(string name) => Named(name).Peek() ?? throw new InvalidOperationException(name);

    private void Write(string name, ulong value) =>
        _gpio.Registers.Write(_gpio.Registers.OffsetOf(Named(name)), 4, value, new AccessAttributes(new BusMaster("guest", MasterKind.Cpu)));
}
