using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 2 of the Linux specification: positions.</summary>
public sealed class SeekTests
{
    [Theory]
    [InlineData(0, 0x1000, 0, 0x1000)]
    [InlineData(0x1000, 16, 1, 0x1010)]
    [InlineData(0x1000, -0x2000, 1, -4096)]
    [InlineData(long.MaxValue, 1, 1, long.MinValue)]
    [InlineData(0, long.MinValue, 0, long.MinValue)]
    [InlineData(0, -4096, 0, -4096)]
    [InlineData(-4096, 4097, 1, 1)]
    public void APositionIsAnyNumberUpToTheErrorRange(long from, long offset, int whence, long expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        foreach (string node in new[] { "dev/mem", "dev/port" })
        {
            IOpenFile file = kernel.OpenNode(node);
            Assert.Equal(Errno.None, kernel.Seek(file, from, 0).Error);
            Assert.Equal((CallResult)expected, kernel.Seek(file, offset, whence));
            Assert.Equal((ulong)expected, file.Position);
        }
    }

    [Theory]
    [InlineData(0, -1, 0, Errno.EOVERFLOW)]
    [InlineData(0, -4095, 0, Errno.EOVERFLOW)]
    [InlineData(0x1000, -0x1001, 1, Errno.EOVERFLOW)]
    [InlineData(0x1000, 0, 2, Errno.EINVAL)]
    [InlineData(0x1000, 0, 3, Errno.EINVAL)]
    [InlineData(0x1000, 0, 4, Errno.EINVAL)]
    [InlineData(0x1000, 0, 5, Errno.EINVAL)]
    [InlineData(0x1000, 0, -1, Errno.EINVAL)]
    public void AFailedSeekLeavesThePosition(long from, long offset, int whence, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.Mem();
        Assert.Equal(Errno.None, kernel.Seek(file, from, 0).Error);
        Assert.Equal(expected, kernel.Seek(file, offset, whence).Error);
        Assert.Equal((ulong)from, file.Position);
    }

    [Fact]
    public void ABadDescriptorComesBeforeABadWhence()
    {
        using TestMachine machine = TestMachine.Pc();
        Assert.Equal(Errno.EBADF, machine.Linux().Seek(null, 0, 99).Error);
    }

    [Theory]
    [InlineData("dev/null")]
    [InlineData("dev/zero")]
    [InlineData("dev/full")]
    public void DevicesWithoutAPositionSeekToZeroWhateverIsAsked(string node)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal((CallResult)0, kernel.Seek(kernel.OpenNode(node), 0x1000, 2));
    }
}
