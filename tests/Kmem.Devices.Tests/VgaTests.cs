using Kmem.Abstractions;
using Kmem.Plugins.Display;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The registers of a VGA and what its graphics controller does between the bus and the planes.</summary>
public sealed class VgaTests : IDisposable
{
    private const int SequencerPort = 0x3C4, GraphicsPort = 0x3CE, ControllerPort = 0x3D4, AttributePort = 0x3C0, StatusPort = 0x3DA;
    private const int TextWindow = 0x1_8000;

    private readonly TestDeviceContext _context = new();
    private readonly Vga _vga;

    public VgaTests() => _vga = new Vga(_context);

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TextGoesToPlanesZeroAndOneAndComesBackAsAScreen()
    {
        Assert.True(_vga.TrySetFirmwareState("mode", 3));
        Type(0, "Hello", 0x1F);
        Type((24 * 80) + 75, "\u00C4\u00B3end", 0x07);
        ScreenText screen = _vga.ReadScreen()!;
        Assert.Equal((80, 25), (screen.Columns, screen.Rows));
        Assert.Equal("Hello", screen.Row(0));
        Assert.Equal("─│end", screen.Row(24).TrimStart());
        Assert.Equal(0x1F, screen.Attributes[4]);
        Assert.Equal((0, 0), screen.Cursor);
        Assert.Equal((ulong)'H' | 0x1F00, Read(TextWindow, 2));
    }

    [Fact]
    public void TheStartAddressScrollsTheScreenAndTheCursorMoves()
    {
        _vga.TrySetFirmwareState("mode", 3);
        Type(80, "second row", 7);
        Set(ControllerPort, 0x0D, 80);
        Set(ControllerPort, 0x0F, 80 + 83);
        ScreenText screen = _vga.ReadScreen()!;
        Assert.Equal(("second row", (3, 1)), (screen.Row(0), screen.Cursor!.Value));
        Set(ControllerPort, 0x0A, 0x20);
        Assert.Null(_vga.ReadScreen()!.Cursor);
    }

    [Fact]
    public void AFontGoesToPlaneTwoAndLeavesTheTextAlone()
    {
        _vga.TrySetFirmwareState("mode", 3);
        Type(0, "AB", 7);
        Set(SequencerPort, 2, 4);
        Set(SequencerPort, 4, 7);
        Set(GraphicsPort, 4, 2);
        Set(GraphicsPort, 5, 0);
        Set(GraphicsPort, 6, 4);
        Write(0x41 * 32, 0x18, 1);
        Write(1, 0x24, 1);
        Assert.Equal((0x18UL, 0x24UL), (Read(0x41 * 32, 1), Read(1, 1)));
        Set(SequencerPort, 2, 3);
        Set(SequencerPort, 4, 2);
        Set(GraphicsPort, 4, 0);
        Set(GraphicsPort, 5, 0x10);
        Set(GraphicsPort, 6, 0x0E);
        Assert.Equal("AB", _vga.ReadScreen()!.Row(0));
    }

    [Fact]
    public void TheWindowIsWhereItsMapSaysAndNowhereElse()
    {
        _vga.TrySetFirmwareState("mode", 3);
        Assert.Equal(0xFFUL, Read(0, 1));
        Set(GraphicsPort, 6, 0x0A);
        Write(0x1_0000, 'x', 1);
        Assert.Equal(('x', 0xFFUL), ((char)Read(0x1_0000, 1), Read(TextWindow, 1)));
        Out(0x3C2, 0x65);
        Assert.Equal(0xFFUL, Read(0x1_0000, 1));
    }

    [Fact]
    public void WriteModeZeroRotatesSetsAndMasks()
    {
        Planar();
        Set(GraphicsPort, 3, 4);
        Write(0, 0x12, 1);
        Assert.Equal([0x21, 0x21, 0x21, 0x21], Planes(0));
        Set(GraphicsPort, 3, 0);
        Set(GraphicsPort, 0, 0b0101);
        Set(GraphicsPort, 1, 0b0011);
        Write(1, 0x3C, 1);
        Assert.Equal([0xFF, 0x00, 0x3C, 0x3C], Planes(1));
        Set(GraphicsPort, 1, 0);
        Set(GraphicsPort, 8, 0x0F);
        _ = Read(1, 1);
        Write(1, 0x55, 1);
        Assert.Equal([0xF5, 0x05, 0x35, 0x35], Planes(1));
    }

    [Theory]
    [InlineData(1, 0x0C)]
    [InlineData(2, 0x3F)]
    [InlineData(3, 0x33)]
    public void TheFunctionCombinesWithTheLatches(int function, byte expected)
    {
        Planar();
        Write(0, 0x3C, 1);
        _ = Read(0, 1);
        Set(GraphicsPort, 3, (byte)(function << 3));
        Write(0, 0x0F, 1);
        Assert.Equal([expected, expected, expected, expected], Planes(0));
    }

    [Fact]
    public void WriteModeOneCopiesTheLatches()
    {
        Planar();
        Fill(0, 0x11, 0x22, 0x33, 0x44);
        Set(GraphicsPort, 5, 1);
        _ = Read(0, 1);
        Write(9, 0xEE, 1);
        Assert.Equal([0x11, 0x22, 0x33, 0x44], Planes(9));
    }

    [Fact]
    public void WriteModeTwoTakesAColourAndModeThreeABitMask()
    {
        Planar();
        Set(GraphicsPort, 5, 2);
        Set(GraphicsPort, 8, 0xF0);
        Write(0, 0x0A, 1);
        Assert.Equal([0x00, 0xF0, 0x00, 0xF0], Planes(0));
        Set(GraphicsPort, 5, 3);
        Set(GraphicsPort, 8, 0xFF);
        Set(GraphicsPort, 0, 0x05);
        _ = Read(0, 1);
        Write(0, 0x18, 1);
        Assert.Equal([0x18, 0xE0, 0x18, 0xE0], Planes(0));
    }

    [Fact]
    public void ReadModeOneFindsAColour()
    {
        Planar();
        Fill(0, 0xF0, 0xCC, 0x00, 0x00);
        Set(GraphicsPort, 5, 8);
        Set(GraphicsPort, 2, 0x03);
        Set(GraphicsPort, 7, 0x0F);
        Assert.Equal(0xC0UL, Read(0, 1));
        Set(GraphicsPort, 7, 0x01);
        Assert.Equal(0xF0UL, Read(0, 1));
    }

    [Fact]
    public void InChainFourTheLowAddressBitsChooseThePlane()
    {
        Planar();
        Set(SequencerPort, 4, 0x0E);
        Write(0x10, 0x4433_2211, 4);
        Assert.Equal(0x4433_2211UL, Read(0x10, 4));
        Set(SequencerPort, 4, 0x06);
        Assert.Equal([0x11, 0x22, 0x33, 0x44], Planes(0x10));
    }

    [Fact]
    public void TheAttributePortTakesIndexAndDataInTurn()
    {
        _vga.TrySetFirmwareState("mode", 3);
        In(StatusPort);
        Out(AttributePort, 0x11);
        Out(AttributePort, 0x2A);
        Out(AttributePort, 0x13);
        In(StatusPort);
        Out(AttributePort, 0x11);
        Assert.Equal(0x2A, In(AttributePort + 1));
    }

    [Fact]
    public void TheColourIndexMovesOnAfterThreeParts()
    {
        Out(0x3C8, 10);
        foreach (byte value in new byte[] { 1, 2, 3, 0xFF, 5, 6 })
        {
            Out(0x3C9, value);
        }

        Out(0x3C7, 10);
        Assert.Equal([1, 2, 3, 0x3F, 5, 6], Enumerable.Range(0, 6).Select(_ => In(0x3C9)));
        Assert.Equal(3, In(0x3C7));
    }

    [Fact]
    public void TheControllersFirstRegistersCanBeProtected()
    {
        _vga.TrySetFirmwareState("mode", 3);
        Set(ControllerPort, 0, 0x11);
        Assert.Equal(0x5F, Get(ControllerPort, 0));
        Set(ControllerPort, 0x11, 0x0E);
        Set(ControllerPort, 0, 0x11);
        Assert.Equal(0x11, Get(ControllerPort, 0));
        Assert.Equal(0xFF, In(0x3B5));
    }

    [Fact]
    public void RetraceComesAndGoesWithTime()
    {
        Out(0x3C2, 0x67);
        var seen = new HashSet<int>();
        for (int i = 0; i < 2000; i++)
        {
            seen.Add(In(StatusPort) & 9);
            _context.Time.Advance(10_000);
        }

        Assert.Equal([0, 1, 9], seen.Order());
    }

    [Fact]
    public void ACardWithoutTimingRetracesAtEverySecondRead()
    {
        using var context = new TestDeviceContext();
        IRegionHandler ports = ((MmioRegion)new CirrusPci(new CirrusOptions(Alternates: true), context).Banks.First(b => b.Name == "ports").Region).Handler;
        ports.Write(0x3C2 - 0x3B0, 1, 0x67, default);
        var seen = new List<ulong>();
        foreach (AccessAttributes attributes in (AccessAttributes[])[default, default, AccessAttributes.Debug, default])
        {
            ports.Read(StatusPort - 0x3B0, 1, out ulong value, attributes);
            seen.Add(value);
        }

        Assert.Equal([9, 0, 9, 9], seen);
    }

    [Fact]
    public void TheCirrusCardHasTheSameScreen()
    {
        using var context = new TestDeviceContext();
        var card = new CirrusPci(new CirrusOptions(0x1AF4, 0x1100), context);
        Assert.Null(card.ReadScreen());
        Assert.True(card.TrySetFirmwareState("mode", 3));
        ((MmioRegion)card.Banks.First(b => b.Name == "window").Region).Handler.Write(TextWindow, 4, 0x0742_0741, default);
        Assert.Equal("AB", card.ReadScreen()!.ToString());
        Assert.Equal(0x00B8_1013UL, card.Configuration.Read(0, 4));
    }

    private IRegionHandler Handler(string bank) => ((MmioRegion)_vga.Banks.First(b => b.Name == bank).Region).Handler;

    private int In(int port)
    {
        Handler("ports").Read((ulong)(port - 0x3B0), 1, out ulong value, default);
        return (int)value;
    }

    private void Out(int port, byte value) => Handler("ports").Write((ulong)(port - 0x3B0), 1, value, default);

    private void Set(int port, byte index, byte value) => Handler("ports").Write((ulong)(port - 0x3B0), 2, (ulong)(index | (value << 8)), default);

    private int Get(int port, byte index)
    {
        Out(port, index);
        return In(port + 1);
    }

    private ulong Read(int offset, int width)
    {
        Handler("window").Read((ulong)offset, width, out ulong value, default);
        return value;
    }

    private void Write(int offset, uint value, int width) => Handler("window").Write((ulong)offset, width, value, default);

    private void Type(int cell, string text, byte attribute)
    {
        foreach (char character in text)
        {
            Write(TextWindow + (2 * cell++), (byte)character | ((uint)attribute << 8), 2);
        }
    }

    /// <summary>All four planes side by side at 0xA0000, as in 16-colour graphics.</summary>
    private void Planar()
    {
        Out(0x3C2, 0x67);
        Set(SequencerPort, 2, 0x0F);
        Set(SequencerPort, 4, 0x06);
        Set(GraphicsPort, 6, 0x05);
        Set(GraphicsPort, 7, 0x0F);
        Set(GraphicsPort, 8, 0xFF);
    }

    private void Fill(int offset, params byte[] planes)
    {
        for (int plane = 0; plane < 4; plane++)
        {
            Set(SequencerPort, 2, (byte)(1 << plane));
            Write(offset, planes[plane], 1);
        }

        Set(SequencerPort, 2, 0x0F);
    }

    private byte[] Planes(int offset)
    {
        int mode = Get(GraphicsPort, 5);
        Set(GraphicsPort, 5, 0);
        byte[] planes = [.. Enumerable.Range(0, 4).Select(p =>
        {
            Set(GraphicsPort, 4, (byte)p);
            return (byte)Read(offset, 1);
        })];
        Set(GraphicsPort, 5, (byte)mode);
        return planes;
    }
}
