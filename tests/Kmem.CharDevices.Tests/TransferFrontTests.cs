using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 3 of the Linux specification: what is checked before the driver, in this order.</summary>
public sealed class TransferFrontTests
{
    private const ulong KernelPointer = 0xFFFF_8880_0000_0000, Limit = TestProcess.X86Limit;

    [Fact]
    public void ANegativeOffsetComesBeforeABadDescriptor()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal(Errno.EINVAL, kernel.ReadAt(null, process, TestProcess.Buffer, 0, -1).Error);
        Assert.Equal(Errno.EINVAL, kernel.WriteAt(kernel.Mem(OpenFlags.ReadOnly), process, KernelPointer, 0, long.MinValue).Error);
        Assert.Equal(Errno.EBADF, kernel.ReadAt(null, process, KernelPointer, 1, 0).Error);
    }

    [Fact]
    public void AccessToTheDescriptorComesBeforeTheBuffer()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal(Errno.EBADF, kernel.WriteAt(kernel.Mem(OpenFlags.ReadOnly), process, KernelPointer, 0, 0).Error);
        Assert.Equal(Errno.EBADF, kernel.ReadAt(kernel.Mem(OpenFlags.WriteOnly), process, KernelPointer, 0, 0).Error);
    }

    [Theory]
    [InlineData(KernelPointer, 0UL)]
    [InlineData(KernelPointer, 16UL)]
    [InlineData(0x8000_0000_0000, 16UL)]
    [InlineData(Limit, 1UL)]
    [InlineData(0UL, 1UL << 47)]
    [InlineData(0UL, ulong.MaxValue)]
    public void ABufferOutsideUserSpaceFaultsBeforeAllElse(ulong buffer, ulong count)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        foreach (string node in new[] { "dev/mem", "dev/port" })
        {
            IOpenFile file = kernel.OpenNode(node);
            kernel.Seek(file, -4096, 0);
            Assert.Equal(Errno.EFAULT, kernel.Read(file, new TestProcess(), buffer, count).Error);
        }
    }

    [Theory]
    [InlineData("dev/mem", -4096, 4096UL, Errno.EOVERFLOW)]
    [InlineData("dev/mem", -4096, 4095UL, Errno.EFAULT)]
    [InlineData("dev/mem", long.MinValue, 16UL, Errno.EFAULT)]
    [InlineData("dev/port", -4096, 0UL, Errno.EINVAL)]
    [InlineData("dev/port", long.MaxValue - 15, 16UL, Errno.EINVAL)]
    [InlineData("dev/port", long.MaxValue - 15, 15UL, Errno.None)]
    [InlineData("dev/mem", long.MaxValue - 15, 16UL, Errno.EFAULT)]
    public void OnlyUnsignedFilesTakeNegativePositions(string node, long position, ulong count, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.ReadFrom(kernel.OpenNode(node), new TestProcess(), (ulong)position, count).Error);
    }

    [Fact]
    public void ALengthIsCappedToWholePagesBelow2GiB()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.OpenNode("dev/null");
        Assert.Equal((CallResult)0x7FFF_F000, kernel.Write(file, new TestProcess(), 0, 0x8000_0000));
        var alpha = machine.Kernel("linux-6.1-alpha");
        Assert.Equal((CallResult)0x7FFF_E000, alpha.Write(alpha.OpenNode("dev/null"), new TestProcess(TestProcess.AlphaLimit), 0, 0x8000_0000));
    }

    [Fact]
    public void AVectorIsOneDriverCallForEachSegmentThatIsNotEmpty()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, 1, 2, 3, 4, 5, 6, 7, 8);
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: false));
        var process = new TestProcess();
        IOpenFile file = kernel.Mem();
        kernel.Seek(file, 0x10_0000, 0);
        IoVector[] vector = [new(TestProcess.Buffer, 3), new(TestProcess.Buffer + 100, 0), new(TestProcess.Buffer + 200, 5)];
        Assert.Equal((CallResult)8, kernel.ReadVector(file, process, vector, offset: null));
        Assert.Equal(0x10_0008UL, file.Position);
        Assert.Equal([4, 5, 6, 7, 8], process.At(TestProcess.Buffer + 200, 5).ToArray());
        Assert.Equal((CallResult)8, kernel.WriteVector(file, process, vector, 0x10_0100));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], machine.Peek(0x10_0100, 8));
        Assert.Equal(0x10_0008UL, file.Position);
    }

    [Fact]
    public void AVectorThatFailsInALaterSegmentGivesTheEarlierTotal()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        IoVector good = new(TestProcess.Buffer, 4), bad = new(8, 4);
        Assert.Equal((CallResult)4, kernel.ReadVector(kernel.Mem(), process, [good, bad], (long)TestMachine.Rom));
        Assert.Equal(Errno.EFAULT, kernel.ReadVector(kernel.Mem(), process, [bad, good], (long)TestMachine.Rom).Error);
    }

    [Fact]
    public void AVectorStopsAtAShortSegment()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IoVector[] vector = [new(TestProcess.Buffer, 4), new(TestProcess.Buffer, 4)];
        Assert.Equal((CallResult)2, kernel.ReadVector(kernel.OpenNode("dev/port"), new TestProcess(), vector, 0xFFFE));
    }

    [Fact]
    public void AVectorHas0To1024Segments()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal((CallResult)0, kernel.ReadVector(kernel.Mem(), process, [], 0));
        Assert.Equal(Errno.EINVAL, kernel.ReadVector(kernel.Mem(), process, [.. Enumerable.Repeat(new IoVector(TestProcess.Buffer, 1), 1025)], 0).Error);
        Assert.Equal((CallResult)1024, kernel.ReadVector(kernel.Mem(), process, [.. Enumerable.Repeat(new IoVector(TestProcess.Buffer, 1), 1024)], 0));
        Assert.Equal(Errno.EINVAL, kernel.ReadVector(kernel.Mem(), process, [new(TestProcess.Buffer, 1UL << 63)], 0).Error);
        Assert.Equal(Errno.EBADF, kernel.ReadVector(null, process, [], 0).Error);
    }

    [Theory]
    [InlineData(0, Errno.None)]
    [InlineData(1, Errno.None)]
    [InlineData(2, Errno.EOPNOTSUPP)]
    [InlineData(4, Errno.EOPNOTSUPP)]
    [InlineData(8, Errno.EOPNOTSUPP)]
    [InlineData(16, Errno.EOPNOTSUPP)]
    [InlineData(0x8000, Errno.EOPNOTSUPP)]
    public void OnlyTheFlagForHighPriorityIsTaken(int flags, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.ReadVector(kernel.Mem(), new TestProcess(), [new(TestProcess.Buffer, 3)], (long)TestMachine.Rom, flags).Error);
    }
}
