using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 7 of the Linux specification: calls that move no data.</summary>
public sealed class CallTests
{
    [Fact]
    public void PollIsAlwaysReadyForDataAndNeverForPriority()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal((PollEvents)0x145, kernel.Poll(kernel.Mem(), (PollEvents)0x15F));
        Assert.Equal(PollEvents.None, kernel.Poll(kernel.Mem(), PollEvents.Priority));
    }

    [Theory]
    [InlineData(0x541BU, Errno.ENOTTY)]
    [InlineData(0x5401U, Errno.ENOTTY)]
    [InlineData(0x5460U, Errno.ENOTTY)]
    [InlineData(0x8008_1272U, Errno.ENOTTY)]
    [InlineData(0x5413U, Errno.ENOTTY)]
    [InlineData(0xDEAD_BEEFU, Errno.ENOTTY)]
    [InlineData(0U, Errno.ENOTTY)]
    [InlineData(1U, Errno.ENOTTY)]
    [InlineData(2U, Errno.None)]
    [InlineData(0xC004_5877U, Errno.EOPNOTSUPP)]
    [InlineData(0x4004_9409U, Errno.EBADF)]
    [InlineData(0xC020_660BU, Errno.EOPNOTSUPP)]
    [InlineData(0x5452U, Errno.None)]
    [InlineData(0x5421U, Errno.None)]
    [InlineData(0x5451U, Errno.None)]
    [InlineData(0x5450U, Errno.None)]
    public void Ioctls(uint request, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        foreach (string node in new[] { "dev/mem", "dev/port" })
        {
            Assert.Equal((CallResult)expected, kernel.Ioctl(kernel.OpenNode(node), request, TestProcess.Buffer, new TestProcess()));
        }

        Assert.Equal(Errno.EBADF, kernel.Ioctl(null, request, TestProcess.Buffer, new TestProcess()).Error);
    }

    [Fact]
    public void IoctlsThatTakeAnIntReadItAndFaultOnABadPointer()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        IOpenFile file = kernel.Mem();
        Assert.Equal((CallResult)0, kernel.Ioctl(file, 0x5421, process.Put(1, 0, 0, 0), process));
        Assert.True((file.Flags & OpenFlags.NonBlocking) != 0);
        Assert.Equal(Errno.ENOTTY, kernel.Ioctl(file, 0x5452, process.Put(1, 0, 0, 0), process).Error);
        Assert.Equal(Errno.EFAULT, kernel.Ioctl(file, 0x5421, 8, process).Error);
        Assert.Equal(Errno.EFAULT, kernel.Ioctl(file, 2, 8, process).Error);
        Assert.Equal((CallResult)0, kernel.Ioctl(file, 2, TestProcess.Buffer, process));
        Assert.Equal([0, 0x10, 0, 0], process.At(TestProcess.Buffer, 4).ToArray());
    }

    [Theory]
    [InlineData(FileCall.Fsync, new long[0], Errno.EINVAL)]
    [InlineData(FileCall.Fdatasync, new long[0], Errno.EINVAL)]
    [InlineData(FileCall.Ftruncate, new long[] { 4096 }, Errno.EINVAL)]
    [InlineData(FileCall.Truncate, new long[] { 0 }, Errno.EINVAL)]
    [InlineData(FileCall.Fallocate, new long[] { 0, 0, 4096 }, Errno.ENODEV)]
    [InlineData(FileCall.Fadvise, new long[] { 0, 0, 4 }, Errno.None)]
    [InlineData(FileCall.Readahead, new long[] { 0, 4096 }, Errno.EINVAL)]
    [InlineData(FileCall.SyncFileRange, new long[] { 0, 4096, 2 }, Errno.ESPIPE)]
    [InlineData(FileCall.Syncfs, new long[0], Errno.None)]
    [InlineData(FileCall.Flock, new long[] { 6 }, Errno.None)]
    [InlineData(FileCall.Fcntl, new long[] { 6, 0 }, Errno.None)]
    [InlineData(FileCall.Fcntl, new long[] { 4, 0x402 }, Errno.None)]
    [InlineData(FileCall.Fcntl, new long[] { 4, 0x4002 }, Errno.EINVAL)]
    [InlineData(FileCall.Fcntl, new long[] { 1031, 4096 }, Errno.EBADF)]
    [InlineData(FileCall.Fcntl, new long[] { 1024, 0 }, Errno.EINVAL)]
    [InlineData(FileCall.Fcntl, new long[] { 1033, 1 }, Errno.EINVAL)]
    [InlineData(FileCall.Fcntl, new long[] { 8, 1 }, Errno.None)]
    [InlineData(FileCall.Getdents, new long[0], Errno.ENOTDIR)]
    [InlineData(FileCall.Fchdir, new long[0], Errno.ENOTDIR)]
    [InlineData(FileCall.EpollAdd, new long[0], Errno.EPERM)]
    [InlineData(FileCall.SpliceFrom, new long[] { 0, 16 }, Errno.EINVAL)]
    [InlineData(FileCall.SendfileTo, new long[] { 0, 16 }, Errno.EINVAL)]
    [InlineData(FileCall.CopyFileRange, new long[0], Errno.EINVAL)]
    [InlineData(FileCall.Tee, new long[0], Errno.EINVAL)]
    public void CallsOnTheDescriptor(FileCall call, long[] arguments, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal((CallResult)expected, kernel.Call(kernel.Mem(), call, arguments));
        Assert.Equal((CallResult)expected, kernel.Call(kernel.OpenNode("dev/port"), call, arguments));
        Assert.Equal(call == FileCall.Truncate ? Errno.EINVAL : Errno.EBADF, kernel.Call(null, call, arguments).Error);
    }

    [Theory]
    [InlineData(FileCall.Fadvise, Errno.ENOSYS)]
    [InlineData(FileCall.Flock, Errno.ENOSYS)]
    public void AKernelBuiltWithoutThemMissesCalls(FileCall call, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(AdviseSyscalls: false, FileLocking: false));
        Assert.Equal(expected, kernel.Call(kernel.Mem(), call, 0, 0, 4).Error);
        Assert.Equal(Errno.EACCES, kernel.Call(kernel.Mem(), FileCall.Fcntl, 6, 0).Error);
    }

    [Fact]
    public void FcntlChangesTheFlagsThatItMayAndShowsThem()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.Mem();
        Assert.Equal((CallResult)0, kernel.Call(file, FileCall.Fcntl, 4, (long)(OpenFlags.Append | OpenFlags.Sync)));
        Assert.Equal((CallResult)(long)(OpenFlags.ReadWrite | OpenFlags.Append), kernel.Call(file, FileCall.Fcntl, 3));
    }

    [Fact]
    public void SpliceWorkedThroughReadAndWriteBefore510()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, 1, 2, 3, 4);
        var old = machine.Linux(new FlavourOptions(StrictDevmem: false), "linux-4.15-x86_64");
        var process = new TestProcess();
        IOpenFile file = old.Mem();
        Assert.Equal((CallResult)4, old.Splice(file, FileCall.SpliceFrom, process, TestProcess.Buffer, 4, 0x10_0000));
        Assert.Equal([1, 2, 3, 4], process.At(TestProcess.Buffer, 4).ToArray());
        Assert.Equal((CallResult)4, old.Splice(file, FileCall.SendfileTo, process, TestProcess.Buffer, 4, 0x10_0010));
        Assert.Equal([1, 2, 3, 4], machine.Peek(0x10_0010, 4));
        Assert.Equal(Errno.EBADF, old.Splice(old.Mem(OpenFlags.ReadOnly), FileCall.SpliceTo, process, TestProcess.Buffer, 4, 0).Error);
        var now = machine.Linux();
        Assert.Equal(Errno.EINVAL, now.Splice(now.Mem(), FileCall.SpliceFrom, process, TestProcess.Buffer, 4, 0x10_0000).Error);
    }

    [Theory]
    [InlineData("linux-6.1-x86_64", Errno.EOVERFLOW, 75)]
    [InlineData("linux-6.1-alpha", Errno.EOVERFLOW, 112)]
    [InlineData("linux-6.1-alpha", Errno.EAGAIN, 35)]
    [InlineData("linux-6.1-alpha", Errno.EINVAL, 22)]
    [InlineData("tru64-5.1", Errno.EFAULT, 14)]
    public void ErrorsHaveTheNumbersOfTheirArchitecture(string profile, Errno error, int expected)
    {
        using TestMachine machine = TestMachine.Pc();
        Assert.Equal(expected, machine.Kernel(profile).NumberOf(error));
    }
}
