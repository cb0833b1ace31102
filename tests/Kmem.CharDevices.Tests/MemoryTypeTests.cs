using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 6 of the Linux specification, step 13: two living mappings of one page may not disagree about caching.</summary>
public sealed class MemoryTypeTests
{
    private const OpenFlags Plain = OpenFlags.ReadWrite, Sync = OpenFlags.ReadWrite | OpenFlags.Sync, DataSync = OpenFlags.ReadWrite | OpenFlags.DataSync;

    [Theory]
    [InlineData(TestMachine.RamEnd, Plain, Sync, Errno.EAGAIN)]
    [InlineData(TestMachine.RamEnd, Plain, DataSync, Errno.EAGAIN)]
    [InlineData(TestMachine.RamEnd, Sync, Plain, Errno.None)]
    [InlineData(TestMachine.RamEnd, Plain, Plain, Errno.None)]
    [InlineData(0xFD20_0000UL, Plain, Sync, Errno.None)]
    [InlineData(0xFD20_0000UL, Sync, Plain, Errno.None)]
    [InlineData(TestMachine.Rom, Plain, Sync, Errno.None)]
    public void ASecondMapping(ulong offset, OpenFlags first, OpenFlags second, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(first), offset, 4096, out _).Error);
        Assert.Equal(expected, kernel.MapAt(kernel.Mem(second), offset, 4096, out _).Error);
    }

    [Fact]
    public void AMappingThatEndedIsForgotten()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(Plain), TestMachine.RamEnd, 8192, out IMapping? first);
        Assert.Equal(Errno.EAGAIN, kernel.MapAt(kernel.Mem(Sync), TestMachine.RamEnd + 4096, 4096, out _).Error);
        first!.Dispose();
        first.Dispose();
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Sync), TestMachine.RamEnd + 4096, 4096, out _).Error);
    }

    [Theory]
    [InlineData("nopat", MapCacheWord.UcByOSync)]
    [InlineData("", MapCacheWord.Wb)]
    public void NothingConflictsWithoutPageAttributesOrWhenSyncAsksForNothing(string commandLine, MapCacheWord cache)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(Cmdline: commandLine, MmapCache: cache));
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Plain), TestMachine.RamEnd, 4096, out _).Error);
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Sync), TestMachine.RamEnd, 4096, out _).Error);
    }

    [Fact]
    public void ARangeRegisterMakesItsRangeUncachedSoThatNothingConflicts()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(Mtrr: [new(new(TestMachine.RamEnd, 0x7FF_FFFF))]));
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Plain), TestMachine.RamEnd, 4096, out _).Error);
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Sync), TestMachine.RamEnd, 4096, out _).Error);
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(Plain), 0xFD20_0000, 4096, out _).Error);
        Assert.Equal(Errno.EAGAIN, kernel.MapAt(kernel.Mem(Sync), 0xFD20_0000, 4096, out _).Error);
    }
}
