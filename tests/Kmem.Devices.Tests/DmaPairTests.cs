using Kmem.Abstractions;
using Kmem.Plugins.Dma8237;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The two 8237A as a floppy's driver programs them.</summary>
public sealed class DmaPairTests : IDisposable
{
    private const int Bytes = 0, Words = 1, Pages = 2;

    private readonly TestDeviceContext _context = new();
    private readonly DmaPair _dma;

    public DmaPairTests() => _dma = new DmaPair(new DmaPairOptions("memory"), _context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AddressesAndCountsGoThroughTheFlipFlop()
    {
        Write(Bytes, 0x0C, 0);
        Write(Bytes, 4, 0x34);
        Write(Bytes, 4, 0x12);
        Write(Bytes, 5, 0xFF);
        Write(Bytes, 5, 0x01);
        Assert.Equal([0x34, 0x12, 0xFF, 0x01], [Read(Bytes, 4), Read(Bytes, 4), Read(Bytes, 5), Read(Bytes, 5)]);
        _ = Read(Bytes, 4);
        Write(Bytes, 0x0C, 0);
        Assert.Equal(0x34, Read(Bytes, 4));
    }

    [Fact]
    public void AfterResetEveryChannelIsMaskedAndTheRestIsZero()
    {
        Assert.Equal(0xFF, Read(Bytes, 9));
        Assert.All([0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15], port => Assert.Equal(0, Read(Bytes, port)));
    }

    [Fact]
    public void MasksAreSetOneByOneTogetherOrCleared()
    {
        Write(Bytes, 10, 2);
        Assert.Equal(0xFB, Read(Bytes, 9));
        Write(Bytes, 10, 6);
        Write(Bytes, 15, 5);
        Assert.Equal(0xF5, Read(Bytes, 9));
        Write(Bytes, 14, 0);
        Assert.Equal(0xF0, Read(Bytes, 9));
        Write(Bytes, 13, 0);
        Assert.Equal(0xFF, Read(Bytes, 9));
    }

    [Fact]
    public void ReadsOfADeviceEndUpInMemory()
    {
        Program(channel: 2, mode: 0x46, address: 0x2000, count: 511, page: 0x00);
        byte[] sector = [.. Enumerable.Range(0, 512).Select(i => (byte)(i * 7))];
        Assert.Equal(512, _dma.Transfer(2, sector, out bool ended));
        Assert.True(ended);
        Assert.Equal(sector, Memory(0x2000, 512));
        Assert.Equal((0x04, 0x00), (Read(Bytes, 8), Read(Bytes, 8)));
        Assert.Equal(0, _dma.Transfer(2, sector, out _));
    }

    [Fact]
    public void WritesToADeviceComeFromMemoryInPieces()
    {
        _context.Space("memory").WriteBlock(0x1100, [1, 2, 3, 4, 5], default, out _);
        Program(channel: 1, mode: 0x49, address: 0x1100, count: 4, page: 0);
        byte[] first = new byte[3], second = new byte[8];
        Assert.Equal((3, false), (_dma.Transfer(1, first, out bool early), early));
        Assert.Equal((2, true), (_dma.Transfer(1, second, out bool ended), ended));
        Assert.Equal([1, 2, 3, 4, 5], [.. first, .. second[..2]]);
    }

    [Fact]
    public void AnAutomaticChannelStartsAgain()
    {
        Program(channel: 3, mode: 0x57, address: 0x3000, count: 1, page: 0);
        Assert.Equal(2, _dma.Transfer(3, [1, 2, 3], out bool ended));
        Assert.True(ended);
        Assert.Equal(2, _dma.Transfer(3, [4, 5], out _));
        Assert.Equal([4, 5], Memory(0x3000, 2));
    }

    [Fact]
    public void AChannelCanCountDown()
    {
        Program(channel: 0, mode: 0x64, address: 0x4003, count: 3, page: 0);
        Assert.Equal(4, _dma.Transfer(0, [1, 2, 3, 4], out _));
        Assert.Equal([4, 3, 2, 1], Memory(0x4000, 4));
    }

    [Fact]
    public void AnAddressWrapsWithinItsPage()
    {
        Program(channel: 0, mode: 0x44, address: 0xFFFE, count: 3, page: 0);
        Assert.Equal(4, _dma.Transfer(0, [1, 2, 3, 4], out _));
        Assert.Equal([1, 2], Memory(0xFFFE, 2));
        Assert.Equal([3, 4], Memory(0, 2));
    }

    [Fact]
    public void AVerifyMovesNothingAndCounts()
    {
        Program(channel: 2, mode: 0x42, address: 0x5000, count: 1, page: 0);
        Assert.Equal(2, _dma.Transfer(2, [9, 9], out bool ended));
        Assert.True(ended);
        Assert.Equal([0, 0], Memory(0x5000, 2));
    }

    [Fact]
    public void WordChannelsLeaveTheLowestAddressLineOut()
    {
        // Channel 5: 0x6000 / 2.
        Write(Words, 0x18, 0);
        Write(Words, 0x04, 0x00);
        Write(Words, 0x04, 0x30);
        Write(Words, 0x06, 0x01);
        Write(Words, 0x06, 0x00);
        Write(Words, 0x16, 0x45);
        Write(Words, 0x14, 0x01);
        Assert.Equal(4, _dma.Transfer(5, [1, 2, 3, 4, 5], out _));
        Assert.Equal([1, 2, 3, 4], Memory(0x6000, 4));
    }

    [Fact]
    public void DisabledMaskedAndCascadedChannelsMoveNothing()
    {
        Assert.Equal(0, _dma.Transfer(2, [1], out _));
        Program(channel: 2, mode: 0xC6, address: 0, count: 9, page: 0);
        Assert.Equal(0, _dma.Transfer(2, [1], out _));
        Program(channel: 2, mode: 0x46, address: 0, count: 9, page: 0);
        Write(Bytes, 8, 0x04);
        Assert.Equal(0, _dma.Transfer(2, [1], out _));
        Assert.Equal(0, _dma.Transfer(4, [1], out _));
        Assert.Equal(0, _dma.Transfer(8, [1], out _));
    }

    [Fact]
    public void PagesStandAtTheirPortsAndNothingBetweenThem()
    {
        int[] ports = [1, 2, 3, 7, 9, 10, 11, 15];
        Assert.All(ports, p => Write(Pages, p, 0x40 + p));
        Assert.All(ports, p => Assert.Equal(0x40 + p, Read(Pages, p)));
        Assert.All([0, 4, 5, 6, 8, 12, 13, 14], p => Assert.Equal(AccessResult.DecodeError, Bank(Pages).Read((ulong)p, 1, out _, default)));
    }

    private void Program(int channel, int mode, int address, int count, int page)
    {
        Write(Bytes, 0x0C, 0);
        Write(Bytes, 2 * channel, address & 0xFF);
        Write(Bytes, 2 * channel, address >> 8);
        Write(Bytes, (2 * channel) + 1, count & 0xFF);
        Write(Bytes, (2 * channel) + 1, count >> 8);
        Write(Pages, channel switch { 0 => 7, 1 => 3, 2 => 1, _ => 2 }, page);
        Write(Bytes, 0x0B, (mode & 0xFC) | channel);
        Write(Bytes, 0x0A, channel);
    }

    private byte[] Memory(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Equal(AccessResult.Ok, _context.Space("memory").ReadBlock(address, bytes, default, out _));
        return bytes;
    }

    private IRegionHandler Bank(int bank) => ((MmioRegion)_dma.Banks[bank].Region).Handler;

    private int Read(int bank, int port)
    {
        Assert.Equal(AccessResult.Ok, Bank(bank).Read((ulong)port, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(int bank, int port, int value) => Assert.Equal(AccessResult.Ok, Bank(bank).Write((ulong)port, 1, (ulong)value, default));
}
