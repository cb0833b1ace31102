using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Section 6 of the Linux specification: mmap of /dev/mem.</summary>
public sealed class MapTests
{
    private const ulong Bios = TestMachine.Rom;

    private static readonly FlavourOptions Loose = new(StrictDevmem: false, IoStrictDevmem: false);

    [Theory]
    [InlineData(Bios + 1, 4096UL, Errno.EINVAL)]
    [InlineData(Bios, 0UL, Errno.EINVAL)]
    [InlineData(Bios, 1UL << 47, Errno.ENOMEM)]
    [InlineData(Bios, ulong.MaxValue, Errno.ENOMEM)]
    [InlineData(Bios, 1UL << 46, Errno.EINVAL)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 8192UL, Errno.EOVERFLOW)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 4096UL, Errno.EINVAL)]
    [InlineData((1UL << 40) - 4096, 4096UL, Errno.None)]
    [InlineData((1UL << 40) - 4096, 8192UL, Errno.EINVAL)]
    [InlineData(1UL << 40, 4096UL, Errno.EINVAL)]
    [InlineData(0x1_0000_0000UL, 1UL << 32, Errno.None)]
    [InlineData(TestMachine.RamEnd, 4096UL, Errno.None)]
    public void OffsetAndLength(ulong offset, ulong length, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.MapAt(kernel.Mem(), offset, length, out _).Error);
    }

    [Fact]
    public void AnUnalignedOffsetComesBeforeTheDescriptorAndThatBeforeTheLength()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.EINVAL, kernel.MapAt(null!, Bios + 1, 4096, out _).Error);
        Assert.Equal(Errno.EBADF, kernel.MapAt(null!, Bios, 0, out _).Error);
    }

    [Theory]
    [InlineData(0x0, Errno.EINVAL)]
    [InlineData(0x3, Errno.None)]
    [InlineData(0x8_0003, Errno.EOPNOTSUPP)]
    [InlineData(0x4000_0003, Errno.None)]
    [InlineData(0x10_0003, Errno.EOPNOTSUPP)]
    [InlineData(0x4_0001, Errno.EINVAL)]
    [InlineData(0x101, Errno.EINVAL)]
    [InlineData(0x2001, Errno.None)]
    [InlineData(0x8001, Errno.None)]
    [InlineData(0x4001, Errno.None)]
    [InlineData(0x41, Errno.None)]
    [InlineData(0x21, Errno.None)]
    public void Flags(int flags, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.MapAt(kernel.Mem(), Bios, 4096, out _, flags: (MapFlags)flags).Error);
    }

    [Fact]
    public void AFixedAddressMustBeAlignedAndFit()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.EINVAL, kernel.Map(kernel.Mem(), new MapRequest(0x1000_0001, 4096, MapProtection.Read, MapFlags.Shared | MapFlags.Fixed, Bios), out _).Error);
        Assert.Equal(Errno.ENOMEM, kernel.Map(kernel.Mem(), new MapRequest(TestProcess.X86Limit, 4096, MapProtection.Read, MapFlags.Shared | MapFlags.Fixed, Bios), out _).Error);
    }

    [Theory]
    [InlineData(OpenFlags.ReadOnly, MapFlags.Shared, MapProtection.Write, Errno.EACCES)]
    [InlineData(OpenFlags.ReadOnly, MapFlags.Private, MapProtection.Write, Errno.None)]
    [InlineData(OpenFlags.ReadOnly, MapFlags.Shared, MapProtection.None, Errno.None)]
    [InlineData(OpenFlags.WriteOnly, MapFlags.Shared, MapProtection.None, Errno.EACCES)]
    [InlineData(OpenFlags.WriteOnly, MapFlags.Private, MapProtection.Write, Errno.EACCES)]
    public void AccessOfTheDescriptor(OpenFlags open, MapFlags flags, MapProtection protection, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.MapAt(kernel.Mem(open), Bios, 4096, out _, protection, flags).Error);
    }

    [Theory]
    [InlineData(0x10_0000UL, 4096UL)]
    [InlineData(0xF_F000UL, 8192UL)]
    [InlineData(0xF_F000UL, 4097UL)]
    [InlineData(TestMachine.RamEnd - 4096, 8192UL)]
    public void RamAbove1MiBIsRefusedInOneWayOrAnother(ulong offset, ulong length)
    {
        using TestMachine machine = TestMachine.Pc();
        var strict = machine.Linux();
        Assert.Equal(Errno.EPERM, strict.MapAt(strict.Mem(), offset, length, out _).Error);
        var loose = machine.Linux(Loose);
        Assert.Equal(Errno.EINVAL, loose.MapAt(loose.Mem(), offset, length, out _).Error);
        var nopat = machine.Linux(Loose with { Cmdline = "nopat" });
        Assert.Equal(Errno.None, nopat.MapAt(nopat.Mem(), offset, length, out _).Error);
    }

    [Fact]
    public void ABusyPageIsRefusedWithIoStrictDevmem()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.EPERM, kernel.MapAt(kernel.Mem(), 0xFEC0_0000, 4096, out _).Error);
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(), 0xFED0_0000, 4096, out _).Error);
    }

    [Fact]
    public void LowRamIsMappedWithItsTrueContents()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x9_F010, 0x42);
        var kernel = machine.Linux();
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(), 0, 0x10_0000, out IMapping? mapping).Error);
        Assert.Equal(MappingFault.None, mapping!.Load(0x9_F010, 1, out ulong value));
        Assert.Equal(0x42UL, value);
    }

    [Fact]
    public void LengthIsRoundedUpToPagesAndAccessesEndThere()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(), Bios, 4097, out IMapping? mapping);
        Assert.Equal(8192UL, mapping!.Length);
        Assert.Equal(MappingFault.None, mapping.Load(8191, 1, out _));
        Assert.Equal(MappingFault.SegmentationFault, mapping.Load(8189, 4, out _));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(4)]
    [InlineData(8)]
    public void EveryWidthReachesTheRegisterAsItIs(int width)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(), TestMachine.Bar, 4096, out IMapping? mapping, MapProtection.Read | MapProtection.Write);
        Assert.Equal(MappingFault.None, mapping!.Store(16, width, 0x1122_3344_5566_7788));
        Assert.Equal(MappingFault.None, mapping.Load(16, width, out ulong value));
        Assert.Equal(0x1122_3344_5566_7788 & (ulong.MaxValue >> (64 - (8 * width))), value);
        Assert.Equal([('w', 16UL, width), ('r', 16UL, width)], machine.Registers.Log);
    }

    [Fact]
    public void ProtectionDecidesAboutLoadsAndStores()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        IOpenFile file = kernel.Mem();
        kernel.MapAt(file, Bios, 4096, out IMapping? none, MapProtection.None);
        kernel.MapAt(file, Bios, 4096, out IMapping? read, MapProtection.Read);
        kernel.MapAt(file, Bios, 4096, out IMapping? write, MapProtection.Write);
        Assert.Equal(MappingFault.SegmentationFault, none!.Load(0, 1, out _));
        Assert.Equal(MappingFault.SegmentationFault, read!.Store(0, 1, 1));
        Assert.Equal(MappingFault.None, write!.Store(0, 1, 1));
        Assert.Equal(MappingFault.None, write.Load(0, 1, out _));
    }

    [Fact]
    public void APrivateStoreStaysPrivate()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Registers.Bytes[0] = 0x78;
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(), TestMachine.Bar, 8192, out IMapping? mapping, MapProtection.Read | MapProtection.Write, MapFlags.Private);
        Assert.Equal(MappingFault.None, mapping!.Store(0xFFE, 4, 0xDEAD_BEEF));
        mapping.Load(0xFFE, 4, out ulong own);
        mapping.Load(0, 4, out ulong kept);
        Assert.Equal((0xDEAD_BEEFUL, 0x78UL), (own, kept));
        Assert.Equal(0, machine.Registers.Bytes[0xFFE]);
        Assert.DoesNotContain(machine.Registers.Log, l => l.Kind == 'w');
    }

    [Fact]
    public void LaterCallsOnAMappingOfAReadOnlyDescriptor()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(OpenFlags.ReadOnly), Bios, 8192, out IMapping? mapping);
        Assert.Equal(Errno.EACCES, mapping!.Protect(0, 4096, MapProtection.Read | MapProtection.Write));
        Assert.Equal(Errno.None, mapping.Protect(0, 4096, MapProtection.None));
        Assert.Equal(MappingFault.SegmentationFault, mapping.Load(0, 1, out _));
        Assert.Equal(MappingFault.None, mapping.Load(4096, 1, out _));
        Assert.Equal(MappingFault.SegmentationFault, mapping.Load(4094, 4, out _));
        Assert.Equal(Errno.EINVAL, mapping.Protect(1, 4096, MapProtection.Read));
        Assert.Equal(Errno.ENOMEM, mapping.Protect(4096, 8192, MapProtection.Read));
        Assert.Equal(Errno.None, mapping.Sync());
        Assert.Equal(Errno.None, mapping.Lock());
        byte[] pages = [9, 9];
        Assert.Equal(Errno.None, mapping.Resident(pages));
        Assert.Equal(new byte[2], pages);
        Assert.Equal(Errno.EFAULT, mapping.Resize(16384, mayMove: true));
        Assert.Equal(Errno.None, mapping.Resize(4096, mayMove: false));
        Assert.Equal(4096UL, mapping.Length);
    }

    [Theory]
    [InlineData(4, Errno.EINVAL)]
    [InlineData(3, Errno.None)]
    [InlineData(10, Errno.None)]
    [InlineData(11, Errno.EINVAL)]
    public void Advice(int advice, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(), Bios, 4096, out IMapping? mapping);
        Assert.Equal(expected, mapping!.Advise(advice));
        var small = machine.Linux(new FlavourOptions(AdviseSyscalls: false));
        small.MapAt(small.Mem(), Bios, 4096, out mapping);
        Assert.Equal(Errno.ENOSYS, mapping!.Advise(advice));
    }

    [Fact]
    public void SyncOfAWritableSharedMappingAsksTheDriverThatHasNone()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        kernel.MapAt(kernel.Mem(), Bios, 4096, out IMapping? mapping);
        Assert.Equal(Errno.EINVAL, mapping!.Sync());
    }

    [Theory]
    [InlineData(0UL, 4096UL, OpenFlags.ReadWrite, MapProtection.Read, Errno.ENODEV)]
    [InlineData(0UL, 4096UL, OpenFlags.ReadOnly, MapProtection.Write, Errno.EACCES)]
    [InlineData(0UL, 4096UL, OpenFlags.WriteOnly, MapProtection.Read, Errno.EACCES)]
    [InlineData(1UL, 4096UL, OpenFlags.ReadWrite, MapProtection.Read, Errno.EINVAL)]
    [InlineData(0UL, 0UL, OpenFlags.ReadWrite, MapProtection.Read, Errno.EINVAL)]
    [InlineData(1UL << 63, 4096UL, OpenFlags.ReadWrite, MapProtection.Read, Errno.ENODEV)]
    [InlineData(0xFFFF_FFFF_FFFF_F000, 8192UL, OpenFlags.ReadWrite, MapProtection.Read, Errno.EOVERFLOW)]
    public void PortsCantBeMapped(ulong offset, ulong length, OpenFlags open, MapProtection protection, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(expected, kernel.MapAt(kernel.OpenNode("dev/port", open), offset, length, out _, protection).Error);
    }

    [Fact]
    public void ZeroIsMappedAsMemoryAndNullIsNot()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux();
        Assert.Equal(Errno.None, kernel.MapAt(kernel.OpenNode("dev/zero"), 0, 8192, out IMapping? mapping, MapProtection.Read | MapProtection.Write).Error);
        Assert.Equal(MappingFault.None, mapping!.Store(8, 8, 5));
        mapping.Load(8, 8, out ulong value);
        Assert.Equal(5UL, value);
        Assert.Null(mapping.Space);
        Assert.Equal(Errno.ENODEV, kernel.MapAt(kernel.OpenNode("dev/null"), 0, 8192, out _).Error);
        Assert.Equal(Errno.ENODEV, kernel.MapAt(kernel.OpenNode("dev/full"), 0, 8192, out _).Error);
    }
}
