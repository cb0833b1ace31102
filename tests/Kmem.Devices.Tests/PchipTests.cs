using Kmem.Abstractions;
using Kmem.Plugins.Typhoon;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The Pchip of the 21272: registers, acknowledge cycles, and memory as PCI masters see it.</summary>
public sealed class PchipTests : IDisposable
{
    private const ulong Wsba0 = 0x000, Wsba1 = 0x040, Wsba2 = 0x080, Wsba3 = 0x0C0, Wsm0 = 0x100, Wsm1 = 0x140, Wsm2 = 0x180, Tba0 = 0x200, Tba1 = 0x240, Tba2 = 0x280;
    private const ulong Pctl = 0x300, Perror = 0x3C0, PerrMask = 0x400, PerrSet = 0x440;
    private const ulong Page = 0x2000;

    private readonly TestDeviceContext _context;
    private readonly Vector _vector = new();
    private readonly Pchip _chip;

    public PchipTests()
    {
        _context = new TestDeviceContext().With("pic", _vector);
        _chip = new Pchip(new PchipOptions("phys", "pic"), _context);
    }

    private IAddressSpace Dma => _context.Spaces["dma"];

    private IAddressSpace Memory => _context.Space("phys");

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AReadOfFourBytesIsAnAcknowledgeCycle()
    {
        IAddressSpace iack = _context.Spaces["iack"];
        Assert.Equal(AccessResult.Ok, iack.Read(0, 4, out ulong value, default));
        Assert.Equal((0x24UL, 1), (value, _vector.Cycles));
        Assert.Equal(AccessResult.Ok, iack.Read(0x3FF_FFFC, 4, out _, AccessAttributes.Debug));
        Assert.Equal(1, _vector.Cycles);
        foreach (int width in (int[])[1, 2, 8])
        {
            Assert.Equal(AccessResult.Misaligned, iack.Read(0, width, out _, default));
        }

        Assert.Equal(1, _vector.Cycles);
        Assert.Equal(26, iack.Width);
    }

    [Fact]
    public void WindowRegistersKeepTheBitsThatExist()
    {
        foreach (ulong offset in (ulong[])[Wsba0, Wsba3, Wsm0, Tba0])
        {
            Write(offset, ulong.MaxValue);
        }

        Assert.Equal((0xFFF0_0003UL, 0x80_FFF0_0003UL, 0xFFF0_0000UL, 0x7_FFFF_FC00UL), (Read(Wsba0), Read(Wsba3), Read(Wsm0), Read(Tba0)));
        Write(Wsba3, 0);
        Assert.Equal(2UL, Read(Wsba3));
    }

    [Fact]
    public void WithoutAWindowNobodyAnswers()
    {
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x8000_0000, 4, out _, default));
        Assert.Equal(AccessResult.DecodeError, Dma.Write(0x100_0000_0000, 4, 0, default));
    }

    [Fact]
    public void ADirectWindowAddsItsBase()
    {
        LinuxWindows();
        Dma.Write(0x8000_1234, 4, 0xCAFE_F00D, default);
        Assert.Equal(0xCAFE_F00DUL, ReadMemory(0x1234, 4));
        Write(Tba2, 0x0000_0000);
        Assert.Equal(AccessResult.Ok, Dma.Read(0x8000_1234, 2, out ulong value, default));
        Assert.Equal(0xF00DUL, value);
    }

    [Fact]
    public void AScatterGatherWindowReadsItsEntriesFromMemory()
    {
        LinuxWindows();

        // Pages 0 and 1 of the window at 8 MiB lie at 0x6000 and 0x2000.
        WriteMemory(0xA000, (0x6000 / Page << 1) | 1);
        WriteMemory(0xA008, (0x2000 / Page << 1) | 1);
        byte[] data = [.. Enumerable.Range(0, 0x2800).Select(i => (byte)(i * 13))];
        Assert.Equal(AccessResult.Ok, Dma.WriteBlock(0x80_0400, data, default, out int done));
        Assert.Equal(data.Length, done);
        Assert.Equal(data[..0x1C00], Block(0x6400, 0x1C00));
        Assert.Equal(data[0x1C00..], Block(0x2000, 0xC00));
        byte[] back = new byte[data.Length];
        Assert.Equal(AccessResult.Ok, Dma.ReadBlock(0x80_0400, back, default, out done));
        Assert.Equal(data, back);
    }

    [Fact]
    public void AnAccessAcrossAPageGoesToBothPages()
    {
        LinuxWindows();
        WriteMemory(0xA000, (0x6000 / Page << 1) | 1);
        WriteMemory(0xA008, (0x2000 / Page << 1) | 1);
        Assert.Equal(AccessResult.Ok, Dma.Write(0x80_1FFE, 4, 0x4433_2211, default));
        Assert.Equal((0x2211UL, 0x4433UL), (ReadMemory(0x7FFE, 2), ReadMemory(0x2000, 2)));
        Assert.Equal(AccessResult.Ok, Dma.Read(0x80_1FFE, 4, out ulong value, default));
        Assert.Equal(0x4433_2211UL, value);
    }

    [Fact]
    public void AnInvalidEntryStopsTheTransferAndIsReported()
    {
        LinuxWindows();
        WriteMemory(0xA000, (0x6000 / Page << 1) | 1);
        Write(PerrMask, 1 << 4);
        byte[] data = new byte[0x3000];
        Assert.Equal(AccessResult.DecodeError, Dma.WriteBlock(0x80_0000, data, default, out int done));
        Assert.Equal(0x2000, done);
        Assert.Equal((0x80_2000UL << 16) | 0x10, Read(Perror));
        Assert.True(_context.Outputs["err"].Level);
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x80_4000, 4, out _, default));
        Assert.Equal((0x80_2000UL << 16) | 0x11, Read(Perror));
        Write(Perror, 0x11);
        Assert.Equal(0UL, Read(Perror));
        Assert.False(_context.Outputs["err"].Level);
    }

    [Fact]
    public void APeekReportsNoError()
    {
        LinuxWindows();
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x80_0000, 4, out _, AccessAttributes.Debug));
        Assert.Equal(0UL, Read(Perror));
    }

    [Fact]
    public void TheFirstWindowThatFitsWins()
    {
        Write(Wsba0, 0x8000_0001);
        Write(Tba0, 0x0000);
        Write(Wsba1, 0x8000_0001);
        Write(Tba1, 0x10_0000);
        Dma.Write(0x8000_0010, 1, 0x5A, default);
        Assert.Equal(0x5AUL, ReadMemory(0x10, 1));
    }

    [Fact]
    public void TheMonsterWindowShowsAllOfMemory()
    {
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x100_0000_1000, 8, out _, default));
        Write(Pctl, 0x40);
        Dma.Write(0x100_0000_1000, 8, 0x1122_3344_5566_7788, default);
        Assert.Equal(0x1122_3344_5566_7788UL, ReadMemory(0x1000, 8));
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x108_0000_0000, 8, out _, default));
    }

    [Fact]
    public void TheHoleIsNotMemory()
    {
        Write(Wsba0, 1);
        Assert.Equal(AccessResult.Ok, Dma.Read(0x0_9000, 4, out _, default));
        Write(Pctl, 0x20);
        Assert.Equal(AccessResult.Ok, Dma.Read(0x0_9000, 4, out _, default));
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0x8_0000, 4, out _, default));
        Assert.Equal(AccessResult.DecodeError, Dma.Read(0xF_FFFC, 4, out _, default));
    }

    [Fact]
    public void ErrorsCanBeSetForATest()
    {
        Write(PerrSet, 0x20);
        Assert.Equal(0x20UL, Read(Perror));
        Assert.False(_context.Outputs["err"].Level);
        Write(PerrMask, 0x20);
        Assert.True(_context.Outputs["err"].Level);
    }

    /// <summary>The windows that Linux 6.1 programs, with its tables put where the test's memory is.</summary>
    private void LinuxWindows()
    {
        Write(Wsba0, 0x0080_0003);
        Write(Wsm0, 0x0070_0000);
        Write(Tba0, 0xA000);
        Write(Wsba1, 0x4000_0003);
        Write(Wsm1, 0x07F0_0000);
        Write(Tba1, 0x4_0000);
        Write(Wsba2, 0x8000_0001);
        Write(Wsm2, 0x7FF0_0000);
        Write(Tba2, 0);
    }

    private IRegionHandler Bank => ((MmioRegion)_chip.Banks[0].Region).Handler;

    private byte[] Block(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Equal(AccessResult.Ok, Memory.ReadBlock(address, bytes, default, out _));
        return bytes;
    }

    private ulong ReadMemory(ulong address, int width)
    {
        Assert.Equal(AccessResult.Ok, Memory.Read(address, width, out ulong value, default));
        return value;
    }

    private void WriteMemory(ulong address, ulong value) => Assert.Equal(AccessResult.Ok, Memory.Write(address, 8, value, default));

    private ulong Read(ulong offset)
    {
        Assert.Equal(AccessResult.Ok, Bank.Read(offset, 8, out ulong value, default));
        return value;
    }

    private void Write(ulong offset, ulong value) => Assert.Equal(AccessResult.Ok, Bank.Write(offset, 8, value, default));

    /// <summary>Counts the acknowledge cycles.</summary>
    private sealed class Vector : IInterruptAcknowledge
    {
        public int Cycles { get; private set; }

        public byte Acknowledge()
        {
            Cycles++;
            return PeekVector();
        }

        public byte PeekVector() => 0x24;
    }
}
