using Kmem.Abstractions;
using Kmem.Plugins.Spi;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The SPI host interface of an ICH7, and where an ICH9 differs, in front of a flash, driven as software does: opcode menu, address, data, go.</summary>
public sealed class IchLpcTests : IDisposable
{
    private const ulong Rcrb = 0xFED1_C000, SpiBar = Rcrb + 0x3020, Status = SpiBar, Control = SpiBar + 2, Address = SpiBar + 4, Data = SpiBar + 8;
    private const int BiosControl = 0xDC, RootBase = 0xF0, Second = 1_000_000_000;
    private const ulong CycleDone = 4, Blocked = 8, Go = 2, Atomic = 4, WithData = 1 << 14, LockDown = 0x8000;

    // Places in the menu: 0 PP, 1 READ, 2 SE, 3 RDSR, 4 WRSR, 5 RDID; prefixes WREN and EWSR.
    private const int Program = 0, Read = 1, Erase = 2, ReadStatus = 3, JedecId = 5;

    private readonly TestDeviceContext _context = new();
    private readonly TestDeviceContext _flashContext = new();
    private readonly IchLpc _lpc;

    public IchLpcTests()
    {
        _context.With("flash", new SpiNorFlash(new SpiNorFlashOptions(EraseTime: Second), _flashContext));
        _lpc = new IchLpc(new IchLpcOptions("flash", "memory", IchGeneration.Ich7), _context);
        _lpc.Configuration.Write(RootBase, 4, Rcrb | 1);
        Write(SpiBar + 0x54, 2, 0x5006);
        Write(SpiBar + 0x56, 2, 0b00_00_01_00_11_10_11);
        Write(SpiBar + 0x58, 4, 0x0520_0302);
        Write(SpiBar + 0x5C, 4, 0x0000_9F01);
        _lpc.Configuration.Write(BiosControl, 1, 1);
    }

    public void Dispose()
    {
        _context.Dispose();
        _flashContext.Dispose();
    }

    [Fact]
    public void TheBridgeIsAnIch7ThatBootsFromSpi()
    {
        Assert.Equal(0x27B8_8086UL, _lpc.Configuration.Read(0, 4));
        Assert.Equal(1UL, (ReadAt(Rcrb + 0x3410, 4) >> 10) & 3);
    }

    [Fact]
    public void TheRootBaseMovesTheBlockAndItsEnableBitTakesItAway()
    {
        _lpc.Configuration.Write(RootBase, 4, 0xFEC1_0001);
        Assert.Equal((0x0520_0302UL, 0xFFFF_FFFFUL), (ReadAt(0xFEC1_3078, 4), ReadAt(SpiBar + 0x58, 4)));
        _lpc.Configuration.Write(RootBase, 4, 0xFEC1_0000);
        Assert.Equal(0xFFFF_FFFFUL, ReadAt(0xFEC1_3078, 4));
    }

    [Fact]
    public void ACycleReadsTheJedecId()
    {
        Assert.Equal(CycleDone, Run(JedecId, count: 3));
        Assert.Equal(0x14_40EFUL, ReadAt(Data, 4) & 0xFF_FFFF);
    }

    [Fact]
    public void AnAtomicCycleSendsThePrefixFirst()
    {
        Write(Data, 4, 0x4433_2211);
        Assert.Equal(CycleDone, Run(Program, address: 0x1234, count: 4));
        Write(Data, 4, 0);
        _ = Run(Read, address: 0x1233, count: 6);
        Assert.Equal(0xFFFF_FFFFUL, ReadAt(Data, 4));
        Write(Data, 4, 0x4433_2211);
        _ = Run(Program, Atomic, 0x1234, 4);
        _ = Run(Read, address: 0x1233, count: 6);
        Assert.Equal((0x3322_11FFUL, 0xFF44UL), (ReadAt(Data, 4), ReadAt(Data + 4, 2)));
    }

    [Fact]
    public void AnAtomicErasureEndsWhenTheChipIsReady()
    {
        Assert.Equal(1UL, Run(Erase, Atomic, 0));
        Write(Control, 2, Go);
        Assert.Equal(1UL | Blocked, ReadAt(Status, 2));
        _flashContext.Time.Advance(Second);
        Assert.Equal(CycleDone | Blocked, ReadAt(Status, 2));
        Write(Status, 2, CycleDone | Blocked);
        Assert.Equal(0UL, ReadAt(Status, 2));
    }

    [Fact]
    public void WithoutBIOSWENothingIsWritten()
    {
        _lpc.Configuration.Write(BiosControl, 1, 0);
        Assert.Equal(Blocked, Run(Program, Atomic, 0, 1));
        Write(Status, 2, Blocked);
        Assert.Equal(CycleDone, Run(ReadStatus, count: 1));
    }

    [Fact]
    public void ProtectedRangesAndTheBottomOfTheFlashAreBlocked()
    {
        Write(SpiBar + 0x60, 4, 0x8000_0000 | (0x0FFUL << 12) | 0x0F0);   // 0F0000h to 0FFFFFh
        Assert.Equal(Blocked, Run(Program, Atomic, 0x0F_1000, 1));
        Write(Status, 2, Blocked);
        Assert.Equal(CycleDone, Run(Read, address: 0x0F_1000, count: 1));
        Write(Status, 2, CycleDone);
        Write(SpiBar + 0x50, 4, 0x08_0000);
        Assert.Equal(Blocked, Run(Read, address: 0x07_FFFF, count: 1));
    }

    [Fact]
    public void TheLockHoldsMenuAndRangesUntilReset()
    {
        Write(Status, 2, LockDown);
        Write(Status, 2, 0);
        Write(SpiBar + 0x58, 4, 0);
        Write(SpiBar + 0x60, 4, 0x8000_0000);
        Assert.Equal((LockDown, 0x0520_0302UL, 0UL), (ReadAt(Status, 2), ReadAt(SpiBar + 0x58, 4), ReadAt(SpiBar + 0x60, 4)));
        _lpc.Reset();
        _lpc.Configuration.Write(RootBase, 4, Rcrb | 1);
        Assert.Equal(0UL, ReadAt(Status, 2));
    }

    [Fact]
    public void TheLockEnableOfBiosControlStays()
    {
        _lpc.Configuration.Write(BiosControl, 1, 2);
        _lpc.Configuration.Write(BiosControl, 1, 1);
        Assert.Equal(3UL, _lpc.Configuration.Read(BiosControl, 1));
        _lpc.Reset();
        Assert.Equal(0UL, _lpc.Configuration.Read(BiosControl, 1));
    }

    [Fact]
    public void AnIch9HasTheSameCyclesAtOtherPlaces()
    {
        const ulong Bar = Rcrb + 0x3800, Flags = Bar + 0x04, Ssfs = Bar + 0x90;
        IchLpc ich9 = Ich9();
        Assert.Equal(0x2918_8086UL, ich9.Configuration.Read(0, 4));
        Write(Ssfs, 4, 0x0000_0200 | (WithData << 8) | (2 << 16) | CycleDone | Blocked);   // SSFS and SSFC in one: RDID, 3 bytes
        Assert.Equal((CycleDone, 0x14_40EFUL), (ReadAt(Ssfs, 1), ReadAt(Bar + 0x10, 4)));
        Write(Flags, 2, LockDown);
        Write(Bar + 0x98, 4, 0);
        Assert.Equal((LockDown | 0x2000, 0x9FUL), (ReadAt(Flags, 2), ReadAt(Bar + 0x98, 4)));
    }

    [Fact]
    public void AnIch9ProtectsFromReadsToo()
    {
        const ulong Bar = Rcrb + 0x3800, Ssfs = Bar + 0x90, AccessError = 0x10;
        _ = Ich9();
        Write(Bar + 0x74, 4, 0x8000 | (0x0FUL << 16) | 0x0F);   // 00F000h to 00FFFFh
        Write(Bar + 0x98, 4, 0x03);
        Write(Bar + 0x96, 2, 2);
        Write(Bar + 0x08, 4, 0xF000);
        Write(Ssfs, 4, 0x0000_0200 | (WithData << 8));
        Assert.Equal(Blocked | AccessError, ReadAt(Ssfs, 1));
        Write(Ssfs, 1, Blocked | AccessError);
        Write(Bar + 0x08, 4, 0xE000);
        Write(Ssfs, 4, 0x0000_0200 | (WithData << 8));
        Assert.Equal(CycleDone, ReadAt(Ssfs, 1));
    }

    private IchLpc Ich9()
    {
        _lpc.Configuration.Write(RootBase, 4, 0);
        var ich9 = new IchLpc(new IchLpcOptions("flash", "memory"), _context);
        ich9.Configuration.Write(RootBase, 4, Rcrb | 1);
        Write(Rcrb + 0x3898, 4, 0x9F);
        return ich9;
    }

    private ulong Run(int opcode, ulong flags = 0, ulong address = 0, int count = 0)
    {
        Write(Address, 4, address);
        Write(Status, 2, CycleDone);
        Write(Control, 2, Go | flags | ((ulong)opcode << 4) | (count > 0 ? WithData | ((ulong)(count - 1) << 8) : 0));
        return ReadAt(Status, 2);
    }

    private ulong ReadAt(ulong address, int width)
    {
        Assert.Equal(AccessResult.Ok, _context.Spaces["memory"].Read(address, width, out ulong value, new AccessAttributes(new BusMaster("guest", MasterKind.Cpu))));
        return value;
    }

    private void Write(ulong address, int width, ulong value) =>
        Assert.Equal(AccessResult.Ok, _context.Spaces["memory"].Write(address, width, value, new AccessAttributes(new BusMaster("guest", MasterKind.Cpu))));
}
