using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 4 of the Linux specification: read of /dev/mem.</summary>
public sealed class MemReadTests
{
    private const ulong T = TestMachine.RamEnd;

    private static readonly FlavourOptions Loose = new(StrictDevmem: false, IoStrictDevmem: false);

    [Theory]
    [InlineData("linux-6.1-x86_64", 0UL, 0UL, 0L, Errno.EFAULT)]
    [InlineData("linux-6.1-x86_64", 1UL, 0UL, 0L, Errno.None)]
    [InlineData("linux-6.1-x86_64", T, 0UL, 0L, Errno.None)]
    [InlineData("linux-6.1-x86_64", T + 1, 0UL, 0L, Errno.EFAULT)]
    [InlineData("linux-6.1-x86_64", T - 1, 1UL, 1L, Errno.None)]
    [InlineData("linux-6.1-x86_64", T - 1, 2UL, 0L, Errno.EFAULT)]
    [InlineData("linux-6.1-x86_64", T, 1UL, 0L, Errno.EFAULT)]
    [InlineData("linux-6.1-x86_64", 1UL << 63, 16UL, 0L, Errno.EFAULT)]
    [InlineData("linux-4.15-x86_64", 0UL, 0UL, 0L, Errno.None)]
    [InlineData("linux-4.15-x86_64", T, 0UL, 0L, Errno.None)]
    [InlineData("linux-4.15-x86_64", T + 1, 0UL, 0L, Errno.EFAULT)]
    [InlineData("linux-4.15-x86_64", T - 1, 2UL, 0L, Errno.EFAULT)]
    public void TheWholeRangeIsCheckedAgainstTheEndOfRam(string profile, ulong position, ulong count, long result, Errno error)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose, profile);
        CallResult expected = error == Errno.None ? result : error;
        Assert.Equal(expected, kernel.ReadFrom(kernel.Mem(), new TestProcess(), position, count));
    }

    [Fact]
    public void TheRangeCheckComesBeforeThePolicy()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(kernel.Mem(), process, T - 1, 2).Error);
        Assert.Equal(Errno.EPERM, kernel.ReadFrom(kernel.Mem(), process, T - 1, 1).Error);
    }

    [Fact]
    public void ReadingMovesThePositionByWhatWasReadAndPreadDoesNot()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, 1, 2, 3, 4);
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        IOpenFile file = kernel.Mem(OpenFlags.ReadWrite | OpenFlags.Append);
        Assert.Equal((CallResult)4, kernel.ReadFrom(file, process, 0x10_0000, 4));
        Assert.Equal(0x10_0004UL, file.Position);
        Assert.Equal([1, 2, 3, 4], process.At(TestProcess.Buffer, 4).ToArray());
        Assert.Equal((CallResult)2, kernel.ReadAt(file, process, TestProcess.Buffer, 2, 0x10_0002));
        Assert.Equal([3, 4], process.At(TestProcess.Buffer, 2).ToArray());
        Assert.Equal(0x10_0004UL, file.Position);
    }

    [Fact]
    public void ADeniedPageAfterGoodOnesIsAnErrorWithoutAShortCount()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        var process = new TestProcess();
        process.At(TestProcess.Buffer, 0x1_0001).Fill(0xCC);
        IOpenFile file = kernel.Mem();
        Assert.Equal(Errno.EPERM, kernel.ReadFrom(file, process, TestMachine.Rom, 0x1_0001).Error);
        Assert.Equal(TestMachine.Rom, file.Position);
        Assert.Equal(0, process.At(TestProcess.Buffer, 1)[0]);
    }

    [Fact]
    public void AFaultingBufferIsAnErrorAndKeepsWhatWasCopied()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x10_0000, [.. Enumerable.Repeat((byte)0x5A, 64)]);
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        ulong buffer = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, buffer, 16, 0x10_0000).Error);
        Assert.Equal(Enumerable.Repeat((byte)0x5A, 8), process.At(buffer, 8).ToArray());
    }

    [Fact]
    public void APageThatIsRamInPartCantBeReadWithoutStrictDevmem()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose);
        var process = new TestProcess();
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 16, 0x9_F000).Error);
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 0xA_0000, 0).Error);
        Assert.Equal((CallResult)0x9_F000, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 0x9_F000, 0));
    }

    [Fact]
    public void RegistersBelowTheEndOfRamAreTouchedInAlignedPieces()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.ReadAt(kernel.Mem(), new TestProcess(), TestProcess.Buffer, 15, (long)TestMachine.Vram + 1);
        Assert.Equal([('r', 1UL, 1), ('r', 2UL, 2), ('r', 4UL, 4), ('r', 8UL, 8)], machine.VideoMemory.Log);
    }

    [Fact]
    public void RegistersAboveTheEndOfRamAreOutOfReach()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), new TestProcess(), TestProcess.Buffer, 4, (long)TestMachine.Bar).Error);
        Assert.Empty(machine.Registers.Log);
    }

    [Fact]
    public void WithRamAbove4GiBTheSameRegistersAreReached()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(Iomem: [.. TestMachine.PcRows, new(new(0x1_0000_0000, 0x1_20FF_FFFF), "System RAM")]));
        machine.Registers.Bytes[0] = 0x42;
        var process = new TestProcess();
        Assert.Equal((CallResult)4, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 4, (long)TestMachine.Bar));
        Assert.Equal(0x42, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal(Errno.EPERM, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 4, 0xFEC0_0000).Error);
        Assert.Equal((CallResult)4, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 4, 0xFED0_0000));
    }

    [Fact]
    public void AHoleReadsWhatTheBusGives()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: false, HighMemory: "8GiB"));
        var process = new TestProcess();
        process.At(TestProcess.Buffer, 8).Fill(0xCC);
        Assert.Equal((CallResult)8, kernel.ReadAt(kernel.Mem(), process, TestProcess.Buffer, 8, 0x4000_0000));
        Assert.Equal(new byte[8], process.At(TestProcess.Buffer, 8).ToArray());
    }

    [Theory]
    [InlineData("linux-6.1-x86_64", 8192)]
    [InlineData("linux-4.15-x86_64", 16384)]
    public void ASignalStopsAReadAfterThePageInHandSince54(string profile, long expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose, profile);
        int polls = 0;
        kernel.SignalPending = () => ++polls == 2;
        IOpenFile file = kernel.Mem();
        Assert.Equal((CallResult)expected, kernel.ReadFrom(file, new TestProcess(), 0x10_0000, 16384));
        Assert.Equal(0x10_0000UL + (ulong)expected, file.Position);
        Assert.Equal(profile.Contains("6.1", StringComparison.Ordinal), kernel.SignalPending is null);
    }

    [Fact]
    public void ASignalBeforeTheCallStillReadsOnePage()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(Loose);
        kernel.SignalPending = () => true;
        Assert.Equal((CallResult)4093, kernel.ReadFrom(kernel.Mem(), new TestProcess(), 0x10_0003, 16384));
    }
}
