using Kmem.Engine;
using Kmem.Fuzz.Alpha;
using Kmem.Ir;
using Kmem.Plugins.CpuAlpha;
using Xunit;

namespace Kmem.CpuAlpha.Tests.Memory;

/// <summary>Which address faults how.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, part II-B, chapter 3; the order is valid, access, fault-on.</remarks>
public sealed unsafe class PageTablesTests : IDisposable
{
    private const int NotValid = 0, AccessViolation = 1, FaultOnRead = 2, FaultOnExecute = 3, FaultOnWrite = 4, None = -1;
    private const ulong Page = 0x50_0000, Level1 = 0x1_0000, Level2 = 0x1_2000, Level3 = 0x1_4000, Frame = 0x30_0000;

    private readonly AlphaBench _bench = new(new EngineOptions { Mode = EngineMode.Interpret });

    public void Dispose() => _bench.Dispose();

    private int Fault(ulong address, MemoryAccess access, bool isUser) => _bench.Cpu.TranslateAs(address, access, isUser).Fault - 1;

    [Theory]
    [InlineData(0x0000, MemoryAccess.Load, true, NotValid)]
    [InlineData(0x3300, MemoryAccess.Load, true, NotValid)]
    [InlineData(0x330E, MemoryAccess.Store, true, NotValid)]
    [InlineData(0x0001, MemoryAccess.Load, true, AccessViolation)]
    [InlineData(0x1101, MemoryAccess.Load, true, AccessViolation)]
    [InlineData(0x1101, MemoryAccess.Load, false, None)]
    [InlineData(0x0201, MemoryAccess.Load, true, None)]
    [InlineData(0x0201, MemoryAccess.Load, false, AccessViolation)]
    [InlineData(0x0201, MemoryAccess.Store, true, AccessViolation)]
    [InlineData(0x2001, MemoryAccess.Store, true, None)]
    [InlineData(0x2001, MemoryAccess.Load, true, AccessViolation)]
    [InlineData(0x1001, MemoryAccess.Store, false, None)]
    [InlineData(0x1001, MemoryAccess.Store, true, AccessViolation)]
    [InlineData(0x0201, MemoryAccess.Fetch, true, None)]
    [InlineData(0x0101, MemoryAccess.Fetch, true, AccessViolation)]
    [InlineData(0x0101, MemoryAccess.Fetch, false, None)]
    [InlineData(0x3303, MemoryAccess.Load, true, FaultOnRead)]
    [InlineData(0x3303, MemoryAccess.Store, true, None)]
    [InlineData(0x3303, MemoryAccess.Fetch, true, None)]
    [InlineData(0x3305, MemoryAccess.Store, true, FaultOnWrite)]
    [InlineData(0x3305, MemoryAccess.Load, true, None)]
    [InlineData(0x3309, MemoryAccess.Fetch, false, FaultOnExecute)]
    [InlineData(0x3309, MemoryAccess.Load, false, None)]
    [InlineData(0x110F, MemoryAccess.Load, true, AccessViolation)]
    [InlineData(0x030F, MemoryAccess.Store, true, AccessViolation)]
    [InlineData(0x330F, MemoryAccess.Store, false, FaultOnWrite)]
    [InlineData(0x3371, MemoryAccess.Load, true, None)]
    public void LastLevelDecides(ulong bits, MemoryAccess access, bool isUser, int expected)
    {
        _bench.Write(Level3 + (Page >> 13 << 3), (Frame >> 13 << 32) | bits);
        Assert.Equal(expected, Fault(Page + 0x18, access, isUser));
        if (expected == None)
        {
            Assert.Equal(Frame + 0x18, _bench.Cpu.TranslateAs(Page + 0x18, access, isUser).Physical);
        }
    }

    [Theory]
    [InlineData(Level1, 0x100, NotValid)]
    [InlineData(Level1, 0x001, AccessViolation)]
    [InlineData(Level2, 0x100, NotValid)]
    [InlineData(Level2, 0x201, AccessViolation)]
    public void UpperLevelsMustBeValidAndReadableByTheKernel(ulong table, ulong bits, int expected)
    {
        _bench.Write(table, (_bench.Read(table) & ~0xFFFFUL) | bits);
        Assert.Equal(expected, Fault(0x2000, MemoryAccess.Load, isUser: false));
    }

    [Theory]
    [InlineData(0x0000_0400_0000_0000)]
    [InlineData(0x0000_0800_0000_0000)]
    [InlineData(0x8000_0000_0000_0000)]
    [InlineData(0xFFFF_FBFF_FFFF_FFFF)]
    [InlineData(0xFFFF_F000_0000_0000)]
    public void AddressThatIsNotSignExtendedIsAnAccessViolation(ulong address)
    {
        Assert.Equal(AccessViolation, Fault(address, MemoryAccess.Load, isUser: false));
        Assert.Equal(AccessViolation, Fault(address, MemoryAccess.Store, isUser: true));
    }

    [Theory]
    [InlineData(0xFFFF_FC00_0000_1238, 0x1238)]
    [InlineData(0xFFFF_FCFF_FFFF_FFF8, 0xFF_FFFF_FFF8)]
    [InlineData(0xFFFF_FD00_0000_0010, 0x800_0000_0010)]
    [InlineData(0xFFFF_FDFC_0000_03F8, 0x8FC_0000_03F8)]
    public void KsegIsPhysicalMemoryForTheKernelAlone(ulong address, ulong physical)
    {
        TranslatedAddress translated = _bench.Cpu.TranslateAs(address, MemoryAccess.Store, isUser: false);
        Assert.Equal((0, physical, true), (translated.Fault, translated.Physical, translated.IsFixed));
        Assert.Equal(AccessViolation, Fault(address, MemoryAccess.Load, isUser: true));
    }

    [Fact]
    public void HighHalfIsWalkedToo()
    {
        // The last entry of the first level maps the tables themselves.
        _bench.Write(Level1 + (1023 * 8), (Level1 >> 13 << 32) | 0x101);
        Assert.Equal(Level3 + 0x10, _bench.Cpu.TranslateAs(0xFFFF_FFFE_0000_0010, MemoryAccess.Load, isUser: false).Physical);
    }
}
