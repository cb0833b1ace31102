using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 8 of the Linux specification: /dev/port.</summary>
public sealed class PortTests
{
    [Fact]
    public void AReadIsOneByteCycleForEachByte()
    {
        using TestMachine machine = TestMachine.Pc();
        new byte[] { 0x11, 0x22, 0x33, 0x44 }.CopyTo(machine.PortRegisters.Bytes[0x80..]);
        var kernel = machine.Linux();
        var process = new TestProcess();
        IOpenFile file = kernel.OpenNode("dev/port");
        Assert.Equal((CallResult)4, kernel.ReadFrom(file, process, 0x80, 4));
        Assert.Equal([0x11, 0x22, 0x33, 0x44], process.At(TestProcess.Buffer, 4).ToArray());
        Assert.Equal([('r', 0x80UL, 1), ('r', 0x81UL, 1), ('r', 0x82UL, 1), ('r', 0x83UL, 1)], machine.PortRegisters.Log);
        Assert.Equal(0x84UL, file.Position);
    }

    [Fact]
    public void AWriteIsOneByteCycleForEachByteInAscendingOrder()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal((CallResult)2, kernel.WriteTo(kernel.OpenNode("dev/port"), new TestProcess(), 0x70, 0x41, 0xA5));
        Assert.Equal([('w', 0x70UL, 1), ('w', 0x71UL, 1)], machine.PortRegisters.Log);
    }

    [Theory]
    [InlineData(0xFFFFUL, 2UL, 1L)]
    [InlineData(0xFFF8UL, 4096UL, 8L)]
    [InlineData(0x1_0000UL, 1UL, 0L)]
    [InlineData(0x1_0000_0070UL, 1UL, 0L)]
    [InlineData(0x80UL, 0UL, 0L)]
    public void PortsEndAt65536(ulong position, ulong count, long expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.OpenNode("dev/port");
        Assert.Equal((CallResult)expected, kernel.ReadFrom(file, new TestProcess(), position, count));
        Assert.Equal(position + (ulong)expected, file.Position);
        Assert.Equal((CallResult)expected, kernel.WriteTo(file, new TestProcess(), position, new byte[count]));
        Assert.Equal(position + (ulong)expected, file.Position);
    }

    [Fact]
    public void AFaultingBufferComesAfterTheCycleThatItLoses()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        IOpenFile file = kernel.OpenNode("dev/port");
        kernel.Seek(file, 0x80, 0);
        Assert.Equal(Errno.EFAULT, kernel.Read(file, process, TestProcess.LonelyPage + TestProcess.LonelyLength - 2, 4).Error);
        Assert.Equal(3, machine.PortRegisters.Log.Count);
        Assert.Equal(0x80UL, file.Position);
        machine.PortRegisters.Log.Clear();
        Assert.Equal(Errno.EFAULT, kernel.Read(file, process, 0, 4).Error);
        Assert.Single(machine.PortRegisters.Log);
    }

    [Fact]
    public void AFaultingSourceGivesAShortCount()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        IOpenFile file = kernel.OpenNode("dev/port");
        kernel.Seek(file, 0x80, 0);
        Assert.Equal((CallResult)2, kernel.Write(file, process, TestProcess.LonelyPage + TestProcess.LonelyLength - 2, 4));
        Assert.Equal(0x82UL, file.Position);
        Assert.Equal(Errno.EFAULT, kernel.Write(file, process, 0, 4).Error);
        Assert.Equal(2, machine.PortRegisters.Log.Count);
    }

    [Fact]
    public void ANullBufferAtTheEndIsTheEndAndAKernelPointerAFault()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.OpenNode("dev/port");
        Assert.Equal((CallResult)0, kernel.ReadAt(file, new TestProcess(), 0, 4, 0x1_0000));
        Assert.Equal((CallResult)0, kernel.WriteAt(file, new TestProcess(), 0, 4, 0x1_0000));
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(file, new TestProcess(), 0xFFFF_8880_0000_0000, 4, 0x1_0000).Error);
    }

    [Fact]
    public void NoSignalStopsAReadOfPorts()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.SignalPending = () => true;
        Assert.Equal((CallResult)65536, kernel.ReadAt(kernel.OpenNode("dev/port"), new TestProcess(), TestProcess.Buffer, 70000, 0));
    }
}
