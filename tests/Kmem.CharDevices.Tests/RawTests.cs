using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;

namespace Kmem.CharDevices.Tests;

/// <summary>The profile without rules.</summary>
public sealed class RawTests
{
    [Fact]
    public void EveryAddressOfTheSpaceIsReached()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Registers.Bytes[4] = 0x42;
        machine.Poke(0x20_0000, 0x43);
        var kernel = machine.Kernel("raw");
        var process = new TestProcess();
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.Mem(), process, TestMachine.Bar + 4, 1));
        Assert.Equal(0x42, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.Mem(), process, 0x20_0000, 1));
        Assert.Equal(0x43, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal((CallResult)2, kernel.WriteTo(kernel.Mem(), process, 0x20_0000, 1, 2));
        Assert.Equal([1, 2], machine.Peek(0x20_0000, 2));
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(), 0x20_0000, 4096, out IMapping? mapping).Error);
        mapping!.Load(0, 2, out ulong value);
        Assert.Equal(0x201UL, value);
    }

    [Fact]
    public void ErrorsAreThoseOfTheBus()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("raw");
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(kernel.Mem(), new TestProcess(), 0x4000_0000, 8).Error);
        Assert.Equal((CallResult)8, kernel.ReadFrom(kernel.Mem(), new TestProcess(), (128 << 20) - 8, 16));
        Assert.Equal(Errno.EIO, kernel.ReadFrom(kernel.Mem(), new TestProcess(), TestMachine.AlphaRegisters, 4).Error);
        Assert.Equal(Errno.EIO, kernel.WriteTo(kernel.Mem(), new TestProcess(), 0x8000, 1).Error);
    }

    [Fact]
    public void NobodyNeedsACapability()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Kernel("raw");
        DeviceNode node = kernel.Nodes.Single(n => n.Path == "dev/mem");
        Assert.Equal(Errno.None, kernel.Open(new OpenRequest(node, OpenFlags.ReadOnly, new Credentials(1000, 15, Capabilities.None)), out _).Error);
    }

    [Fact]
    public void AFaultingBufferShortensATransfer()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Kernel("raw");
        ulong edge = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        Assert.Equal((CallResult)8, kernel.ReadAt(kernel.Mem(), new TestProcess(), edge, 16, 0x20_0000));
        Assert.Equal((CallResult)8, kernel.WriteAt(kernel.Mem(), new TestProcess(), edge, 16, 0x20_0000));
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), new TestProcess(), 0, 16, 0x20_0000).Error);
    }
}
