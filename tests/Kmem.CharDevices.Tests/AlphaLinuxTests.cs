using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 7 of the Alpha specification: Linux 6.1 on Alpha.</summary>
public sealed class AlphaLinuxTests
{
    private const ulong Ram = 128 << 20, Scratch = 0x30_C000;

    [Theory]
    [InlineData(0UL, 0UL, 0L, Errno.None)]
    [InlineData(Ram, 0UL, 0L, Errno.None)]
    [InlineData(Ram + 1, 0UL, 0L, Errno.EFAULT)]
    [InlineData(Ram - 8, 8UL, 8L, Errno.None)]
    [InlineData(Ram - 8, 9UL, 0L, Errno.EFAULT)]
    [InlineData(1UL << 43, 8UL, 0L, Errno.EFAULT)]
    [InlineData(0xFFFF_FC00_0031_0000, 8UL, 0L, Errno.EFAULT)]
    [InlineData(0xFFFF_FFFF_FFFF_E000, 8UL, 0L, Errno.EFAULT)]
    public void TheWholeRangeIsCheckedAgainstTheEndOfRam(ulong position, ulong count, long result, Errno error)
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("linux-6.1-alpha");
        CallResult expected = error == Errno.None ? result : error;
        Assert.Equal(expected, kernel.ReadFrom(kernel.Mem(), new TestProcess(TestProcess.AlphaLimit), position, count));
    }

    [Fact]
    public void ConsoleAndPalMemoryCanBeReadAndWritten()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("linux-6.1-alpha");
        Assert.Equal((CallResult)3, kernel.WriteTo(kernel.Mem(), new TestProcess(), 0x8001, 1, 2, 3));
        Assert.Equal([0, 1, 2, 3, 0], machine.Peek(0x8000, 5));
    }

    [Theory]
    [InlineData(Scratch + 4096, 8192UL, Errno.EINVAL)]
    [InlineData(Ram - 8192, 16384UL, Errno.None)]
    [InlineData(1UL << 43, 8192UL, Errno.None)]
    [InlineData(1UL << 45, 8192UL, Errno.None)]
    [InlineData(1UL << 62, 8192UL, Errno.None)]
    [InlineData(0xFFFF_FFFF_FFFF_E000, 8192UL, Errno.EINVAL)]
    [InlineData(0xFFFF_FFFF_FFFF_E000, 16384UL, Errno.EINVAL)]
    [InlineData(0UL, 1UL << 43, Errno.ENOMEM)]
    [InlineData(Scratch, 0UL, Errno.EINVAL)]
    public void MappingHasNoLimitButAlignmentAndWrap(ulong offset, ulong length, Errno expected)
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("linux-6.1-alpha");
        Assert.Equal(expected, kernel.MapAt(kernel.Mem(), offset, length, out _).Error);
    }

    [Fact]
    public void APageFrameHas32Bits()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(0x40, 0x42);
        var kernel = machine.Kernel("linux-6.1-alpha");
        kernel.MapAt(kernel.Mem(), 1UL << 45, 8192, out IMapping? mapping);
        mapping!.Load(0x40, 1, out ulong value);
        Assert.Equal(0x42UL, value);
    }

    [Fact]
    public void LoadsAndStoresThatNobodyAnswersAreMachineChecks()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("linux-6.1-alpha");
        kernel.MapAt(kernel.Mem(), 0x4000_0000, 8192, out IMapping? mapping, MapProtection.Read | MapProtection.Write);
        Assert.Equal(MappingFault.MachineCheck, mapping!.Load(0, 8, out _));
        Assert.Equal(MappingFault.MachineCheck, mapping.Store(0, 8, 0x55));
        kernel.MapAt(kernel.Mem(), TestMachine.AlphaRegisters, 8192, out mapping);
        Assert.Equal(MappingFault.MachineCheck, mapping!.Load(0x80, 1, out _));
        Assert.Equal(MappingFault.None, mapping.Load(0x80, 8, out _));
    }

    [Fact]
    public void TheKernelFixesUnalignedAccessesWithQuadwords()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(Scratch, [.. Enumerable.Range(0, 24).Select(i => (byte)i)]);
        var kernel = machine.Kernel("linux-6.1-alpha");
        kernel.MapAt(kernel.Mem(), Scratch, 8192, out IMapping? mapping, MapProtection.Read | MapProtection.Write);
        mapping!.Load(1, 8, out ulong quad);
        mapping.Load(5, 2, out ulong word);
        mapping.Load(7, 4, out ulong straddling);
        Assert.Equal((0x0807_0605_0403_0201UL, 0x0605UL, 0x0A09_0807UL), (quad, word, straddling));
        Assert.Equal(MappingFault.None, mapping.Store(6, 4, 0xAABB_CCDD));
        Assert.Equal([5, 0xDD, 0xCC, 0xBB, 0xAA, 10], machine.Peek(Scratch + 5, 6));
    }

    [Fact]
    public void APartialQuadwordReachesRamAlone()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(Scratch, [.. Enumerable.Repeat((byte)0xFF, 16)]);
        var kernel = machine.Kernel("linux-6.1-alpha");
        Assert.Equal((CallResult)5, kernel.WriteTo(kernel.Mem(), new TestProcess(), Scratch + 6, 1, 2, 3, 4, 5));
        Assert.Equal([0xFF, 1, 2, 3, 4, 5, 0xFF], machine.Peek(Scratch + 5, 7));
    }

    [Fact]
    public void AWriteFaultsShortAndAReadWithAnError()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("linux-6.1-alpha");
        var process = new TestProcess(TestProcess.AlphaLimit);
        ulong edge = TestProcess.LonelyPage + TestProcess.LonelyLength - 8;
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, edge, 16, (long)Scratch).Error);
        Assert.Equal((CallResult)8, kernel.WriteAt(kernel.Mem(), process, edge, 16, (long)Scratch));
        Assert.Equal(Errno.EFAULT, kernel.ReadAt(kernel.Mem(), process, 0xFFFF_FC00_0031_0000, 8, (long)Scratch).Error);
    }
}
