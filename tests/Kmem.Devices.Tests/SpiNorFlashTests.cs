using Kmem.Abstractions;
using Kmem.Plugins.Spi;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The SPI NOR flash, instruction by instruction.</summary>
public sealed class SpiNorFlashTests : IDisposable
{
    private const byte WriteEnable = 0x06, ReadStatus = 0x05, WriteStatus = 0x01;
    private const int Size = 0x10_0000, Second = 1_000_000_000;

    private readonly TestDeviceContext _context = new TestDeviceContext().WithImage("image", [1, 2, 3]);
    private readonly SpiNorFlash _flash;

    public SpiNorFlashTests() => _flash = new SpiNorFlash(new SpiNorFlashOptions(Size, "image"), _context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TheIdsAreThoseOfAW25Q80()
    {
        Assert.Equal([0xEF, 0x40, 0x14, 0xEF], Ask(4, 0x9F));
        Assert.Equal([0xEF, 0x13, 0xEF], Ask(3, 0x90, 0, 0, 0));
        Assert.Equal([0x13, 0xEF], Ask(2, 0x90, 0, 0, 1));
        Assert.Equal([0x13], Ask(1, 0xAB, 0, 0, 0));
    }

    [Fact]
    public void TheImageLiesAtTheEndAndReadingWrapsAround()
    {
        Assert.Equal([0xFF, 1, 2, 3, 0xFF], Ask(5, 0x03, 0x0F, 0xFF, 0xFC));
        Assert.Equal([0xFF, 1, 2, 3], Ask(4, 0x0B, 0x0F, 0xFF, 0xFC, 0x00));
    }

    [Fact]
    public void ProgrammingNeedsWriteEnableEachTimeAndOnlyClearsBits()
    {
        Send(0x02, 0, 1, 0, 0x0F);
        Assert.Equal([0xFF], Ask(1, 0x03, 0, 1, 0));
        Send(WriteEnable);
        Assert.Equal([0x02], Ask(1, ReadStatus));
        Send(0x02, 0, 1, 0, 0x0F);
        Assert.Equal([0x00], Ask(1, ReadStatus));
        Send(WriteEnable);
        Send(0x02, 0, 1, 0, 0xF3);
        Assert.Equal([0x03], Ask(1, 0x03, 0, 1, 0));
    }

    [Fact]
    public void WriteDisableTakesTheEnableBack()
    {
        Send(WriteEnable);
        Send(0x04);
        Send(0x02, 0, 0, 0, 0);
        Assert.Equal([0xFF], Ask(1, 0x03, 0, 0, 0));
    }

    [Fact]
    public void APageWrapsInItself()
    {
        Send(WriteEnable);
        Send(0x02, 0, 1, 0xFF, 0xAA, 0xBB);
        Assert.Equal([0xBB], Ask(1, 0x03, 0, 1, 0));
        Assert.Equal([0xAA, 0xFF], Ask(2, 0x03, 0, 1, 0xFF));
    }

    [Theory]
    [InlineData(0x20, 0x1000)]
    [InlineData(0x52, 0x8000)]
    [InlineData(0xD8, 0x1_0000)]
    public void ErasureTakesTheWholeAlignedBlockAndNoMore(byte instruction, int length)
    {
        foreach (int at in new[] { length - 1, length, (2 * length) - 1, 2 * length })
        {
            Send(WriteEnable);
            Send([0x02, .. Address(at), 0]);
        }

        Send(instruction, 1, 0x80, 0);
        Assert.Equal([0], Ask(1, [0x03, .. Address(length)]));
        Send(WriteEnable);
        Send([instruction, .. Address(length + 5)]);
        Assert.Equal([0, 0xFF], Ask(2, [0x03, .. Address(length - 1)]));
        Assert.Equal([0xFF, 0], Ask(2, [0x03, .. Address((2 * length) - 1)]));
    }

    [Theory]
    [InlineData(0xC7)]
    [InlineData(0x60)]
    public void AChipEraseTakesItAll(byte instruction)
    {
        Send(WriteEnable);
        Send(instruction);
        Assert.Equal([0xFF, 0xFF, 0xFF], Ask(3, 0x03, 0x0F, 0xFF, 0xFD));
    }

    [Fact]
    public void ProtectedBlocksStayAndAChipEraseWithThemDoesNothing()
    {
        Send(WriteEnable);
        Send(WriteStatus, 0x04);   // BP0: the upper 64 KiB
        Assert.Equal([0x04], Ask(1, ReadStatus));
        Send(WriteEnable);
        Send(0xC7);
        Send(0x20, 0x0F, 0xF0, 0);
        Assert.Equal([1, 2, 3], Ask(3, 0x03, 0x0F, 0xFF, 0xFD));
        Send(0x02, 0x0E, 0xFF, 0, 0x11);
        Assert.Equal([0x11], Ask(1, 0x03, 0x0E, 0xFF, 0));
    }

    [Fact]
    public void ThePinHoldsTheStatusRegisterOnlyTogetherWithItsBit()
    {
        _context.Drive("wp", true);
        Send(WriteEnable);
        Send(WriteStatus, 0x80);
        Assert.Equal([0x80], Ask(1, ReadStatus));
        Send(WriteEnable);
        Send(WriteStatus, 0x00);
        Assert.Equal([0x82], Ask(1, ReadStatus));
        _context.Drive("wp", false);
        Send(WriteStatus, 0x00);
        Assert.Equal([0x00], Ask(1, ReadStatus));
    }

    [Fact]
    public void WhileItErasesItAnswersOnlyForItsStatus()
    {
        using var context = new TestDeviceContext();
        var slow = new SpiNorFlash(new SpiNorFlashOptions(Size, EraseTime: Second), context);
        slow.Transfer([WriteEnable], []);
        slow.Transfer([0x20, 0, 0, 0], []);
        Assert.Equal([0x01], Ask(slow, 1, ReadStatus));
        Assert.Equal([0xFF, 0xFF, 0xFF], Ask(slow, 3, 0x9F));
        context.Time.Advance(Second);
        Assert.Equal([0x00], Ask(slow, 1, ReadStatus));
        Assert.Equal([0xEF], Ask(slow, 1, 0x9F));
    }

    [Fact]
    public void PoweredDownItTakesOnlyTheRelease()
    {
        Send(0xB9);
        Assert.Equal([0xFF], Ask(1, 0x9F));
        Send(0xAB);
        Assert.Equal([0xEF], Ask(1, 0x9F));
    }

    private static byte[] Address(int address) => [(byte)(address >> 16), (byte)(address >> 8), (byte)address];

    private static byte[] Ask(SpiNorFlash flash, int count, params byte[] sent)
    {
        byte[] received = new byte[count];
        flash.Transfer(sent, received);
        return received;
    }

    private byte[] Ask(int count, params byte[] sent) => Ask(_flash, count, sent);

    private void Send(params byte[] sent) => _flash.Transfer(sent, []);
}
