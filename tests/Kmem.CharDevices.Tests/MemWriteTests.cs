using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 4 of the Linux specification: write of /dev/mem.</summary>
public sealed class MemWriteTests
{
    private static readonly FlavourOptions Loose = new(StrictDevmem: false, IoStrictDevmem: false);

    [Fact]
    public void AWriteReachesRamByteByByte()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose);
        IOpenFile file = kernel.Mem();
        Assert.Equal((CallResult)3, kernel.WriteTo(file, new TestProcess(), 0x10_0FFF, 1, 2, 3));
        Assert.Equal([0, 1, 2, 3, 0], machine.Peek(0x10_0FFE, 5));
        Assert.Equal(0x10_1002UL, file.Position);
    }

    [Fact]
    public void ADroppedWriteDoesNotLookAtItsSource()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x1000, 7);
        var kernel = machine.Linux();
        Assert.Equal((CallResult)16, kernel.WriteAt(kernel.Mem(), new TestProcess(), 0, 16, 0x1000));
        Assert.Equal(7, machine.Peek(0x1000, 1)[0]);
    }

    [Fact]
    public void ADeniedPageIsAnErrorThoughEarlierPagesChanged()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(Iomem: [new(new(0x20_1000, TestMachine.RamEnd - 1), "System RAM")]));
        IOpenFile file = kernel.Mem();
        Assert.Equal(Errno.EPERM, kernel.WriteTo(file, new TestProcess(), 0x20_0FFE, 1, 2, 3).Error);
        Assert.Equal([1, 2, 0], machine.Peek(0x20_0FFE, 3));
        Assert.Equal(0x20_0FFEUL, file.Position);
    }

    [Fact]
    public void ASourceThatFaultsGivesAShortCountAndZerosToTheEndOfThePagesShare()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, [.. Enumerable.Repeat((byte)0xA5, 64)]);
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        ulong buffer = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        process.At(buffer, 8).Fill(0x5A);
        IOpenFile file = kernel.Mem();
        kernel.Seek(file, 0x10_0010, 0);
        Assert.Equal((CallResult)8, kernel.Write(file, process, buffer, 16));
        Assert.Equal(0x10_0018UL, file.Position);
        Assert.Equal([.. Enumerable.Repeat((byte)0x5A, 8), .. new byte[8], 0xA5], machine.Peek(0x10_0010, 17));
    }

    [Fact]
    public void ASourceThatFaultsAtOnceIsAnErrorThatClearsMemory()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, [.. Enumerable.Repeat((byte)0xA5, 32)]);
        var kernel = machine.Linux(Loose);
        Assert.Equal(Errno.EFAULT, kernel.WriteAt(kernel.Mem(), new TestProcess(), 0, 16, 0x10_0000).Error);
        Assert.Equal([.. new byte[16], 0xA5], machine.Peek(0x10_0000, 17));
    }

    [Fact]
    public void ASourceThatFaultsClearsVideoMemoryToo()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.VideoMemory.Bytes.Fill(0xA5);
        var kernel = machine.Linux();
        var process = new TestProcess();
        ulong buffer = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        process.At(buffer, 8).Fill(0x5A);
        Assert.Equal((CallResult)8, kernel.WriteAt(kernel.Mem(), process, buffer, 16, (long)TestMachine.Vram));
        Assert.Equal([0x5A, 0, 0, 0xA5], new[] { machine.VideoMemory.Bytes[7], machine.VideoMemory.Bytes[8], machine.VideoMemory.Bytes[15], machine.VideoMemory.Bytes[16] });
    }

    [Fact]
    public void ZerosReachTheEndOfTheFaultingPageAndNoFurther()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, [.. Enumerable.Repeat((byte)0xA5, 0x3001)]);
        var kernel = machine.Linux(Loose);
        Assert.Equal((CallResult)8192, kernel.WriteAt(kernel.Mem(), new TestProcess(), TestProcess.LonelyPage, 12288, 0x10_0800));
        Assert.Equal(new byte[0x800], machine.Peek(0x10_2800, 0x800));
        Assert.Equal(0xA5, machine.Peek(0x10_3000, 1)[0]);
    }

    [Fact]
    public void AnUnmappablePageAfterGoodOnesGivesAShortCountOfWholePages()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        Assert.Equal((CallResult)0x1000, kernel.WriteAt(kernel.Mem(), process, TestProcess.Buffer, 0x1010, 0x9_E000));
        Assert.Equal(Errno.EFAULT, kernel.WriteAt(kernel.Mem(), process, TestProcess.Buffer, 16, 0x9_F000).Error);
    }

    [Fact]
    public void WritesToRomSucceedWithoutEffect()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal((CallResult)4, kernel.WriteTo(kernel.Mem(), new TestProcess(), TestMachine.Rom, 1, 2, 3, 4));
        Assert.Equal(new byte[4], machine.Peek(TestMachine.Rom, 4));
    }

    [Theory]
    [InlineData(0x10_0FF8, 8)]
    [InlineData(0x10_0FF0, 16)]
    public void AStraddlingRangeIsRefusedWholeAtTheEndOfRam(long back, int length)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        process.At(TestProcess.Buffer, 32).Fill(0x33);
        Assert.Equal((CallResult)length, kernel.WriteAt(kernel.Mem(), process, TestProcess.Buffer, (ulong)length, back));
        long end = (long)TestMachine.RamEnd;
        Assert.Equal(Errno.EFAULT, kernel.WriteAt(kernel.Mem(), process, TestProcess.Buffer, (ulong)length, end - length + 1).Error);
        Assert.Equal(0, machine.Peek(TestMachine.RamEnd - 1, 1)[0]);
    }
}
