using Kmem.Abstractions;
using Kmem.Plugins.Keyboard;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The 8042 with its keyboard and mouse, as firmware and drivers use them.</summary>
public sealed class KeyboardTests : IDisposable
{
    private const int A = 0x04, Enter = 0x28, F7 = 0x40, Up = 0x52, Pause = 0x48;

    private readonly TestDeviceContext _context = new();
    private readonly KeyboardController _controller;

    public KeyboardTests() => _controller = new KeyboardController(new KeyboardOptions(), _context);

    private int Status => Read("status");

    private bool Irq1 => _context.Outputs["irq1"].Level;

    private bool Irq12 => _context.Outputs["irq12"].Level;

    public void Dispose() => _context.Dispose();

    [Fact]
    public void TheSelfTestsPass()
    {
        Write("status", 0xAA);
        Assert.Equal((0x1D, 0x55, 0x1C), (Status, Read("data"), Status));
        Write("status", 0xAB);
        Assert.Equal(0x00, Read("data"));
        Write("status", 0xA9);
        Assert.Equal(0x00, Read("data"));
    }

    [Fact]
    public void TheCommandByteIsReadAndWritten()
    {
        Write("status", 0x60);
        Write("data", 0x45);
        Write("status", 0x20);
        Assert.Equal(0x45, Read("data"));
        Write("status", 0xA7);
        Write("status", 0xAD);
        Write("status", 0x20);
        Assert.Equal(0x75, Read("data"));
    }

    [Fact]
    public void AResetKeyboardAcknowledgesAndPassesItsTest()
    {
        Write("data", 0xFF);
        Assert.Equal([0xFA, 0xAA], ReadAll());
        Write("data", 0xF2);
        Assert.Equal([0xFA, 0xAB, 0x83], ReadAll());
        Write("data", 0xED);
        Write("data", 0x07);
        Assert.Equal([0xFA, 0xFA], ReadAll());
        Write("data", 0xEE);
        Assert.Equal([0xEE], ReadAll());
        Write("data", 0x12);
        Assert.Equal([0xFE], ReadAll());
    }

    [Fact]
    public void EachByteHasAnInterruptOfItsOwn()
    {
        Write("data", 0xF2);
        Assert.False(Irq1);
        ReadAll();
        Assert.Equal(3, _context.Outputs["irq1"].Rises);
        Assert.Equal(0, _context.Outputs["irq12"].Rises);
    }

    [Theory]
    [InlineData(A, 1, "1C", "F01C", "1E", "9E")]
    [InlineData(Enter, 1, "5A", "F05A", "1C", "9C")]
    [InlineData(F7, 1, "83", "F083", "41", "C1")]
    [InlineData(Up, 1, "E075", "E0F075", "E048", "E0C8")]
    [InlineData(0xE1, 1, "12", "F012", "2A", "AA")]
    [InlineData(0xE6, 1, "E011", "E0F011", "E038", "E0B8")]
    [InlineData(0x46, 1, "E07C", "E0F07C", "E037", "E0B7")]
    public void AKeySendsItsCodes(int usage, int taken, string make2, string break2, string make1, string break1)
    {
        Assert.Equal(taken == 1, _controller.Key(usage, pressed: true));
        Assert.Equal(make2, Convert.ToHexString(ReadAll()));
        _controller.Key(usage, pressed: false);
        Assert.Equal(break2, Convert.ToHexString(ReadAll()));
        Write("status", 0x60);
        Write("data", 0x41);
        _controller.Key(usage, pressed: true);
        Assert.Equal(make1, Convert.ToHexString(ReadAll()));
        _controller.Key(usage, pressed: false);
        Assert.Equal(break1, Convert.ToHexString(ReadAll()));
    }

    [Fact]
    public void ScanCodeSetOneIsChosenByCommand()
    {
        Write("data", 0xF0);
        Write("data", 0x01);
        Write("data", 0xF0);
        Write("data", 0x00);
        Assert.Equal([0xFA, 0xFA, 0xFA, 0xFA, 0x01], ReadAll());
        _controller.Key(A, pressed: false);
        Assert.Equal([0x9E], ReadAll());
    }

    [Fact]
    public void AKeyboardThatIsOffOrFullTakesNoKeys()
    {
        Assert.False(_controller.Key(Pause, pressed: true));
        int taken = 0;
        while (_controller.Key(A, pressed: true))
        {
            taken++;
        }

        Assert.Equal(16, taken);
        Assert.Equal(16, ReadAll().Length);
        Write("data", 0xF5);
        ReadAll();
        Assert.False(_controller.Key(A, pressed: true));
        Write("data", 0xF4);
        ReadAll();
        Assert.True(_controller.Key(A, pressed: true));
    }

    [Fact]
    public void ADisabledPortHoldsItsBytes()
    {
        Write("status", 0xAD);
        _controller.Key(A, pressed: true);
        Assert.Empty(ReadAll());
        Write("status", 0xAE);
        Assert.Equal([0x1C], ReadAll());
    }

    [Fact]
    public void TheMouseAnswersOnItsOwnLine()
    {
        Write("status", 0xD4);
        Write("data", 0xFF);
        _context.Time.Advance(1_000_000);
        Assert.Equal((0x35 & 0x21, true, false), (Status & 0x21, Irq12, Irq1));
        Assert.Equal([0xFA, 0xAA, 0x00], ReadAll());
        Write("status", 0xD4);
        Write("data", 0xF2);
        Assert.Equal([0xFA, 0x00], ReadAll());
        Write("status", 0xD3);
        Write("data", 0x5A);
        Assert.True(Irq12);
        Assert.Equal(0x5A, Read("data"));
    }

    [Fact]
    public void TheOutputPortDrivesA20AndReset()
    {
        Assert.Equal((true, false), (_context.Outputs["a20"].Level, _context.Outputs["reset"].Level));
        Write("status", 0xD1);
        Write("data", 0x01);
        Assert.False(_context.Outputs["a20"].Level);
        Write("status", 0xFE);
        Assert.Equal((1, false), (_context.Outputs["reset"].Rises, _context.Outputs["reset"].Level));
        Write("status", 0xFF);
        Assert.Equal(1, _context.Outputs["reset"].Rises);
    }

    [Fact]
    public void BytesWithoutTimeComeAtOnceAndLatchedFlagsStay()
    {
        using var context = new TestDeviceContext();
        var controller = new KeyboardController(new KeyboardOptions(ByteTime: 0, Latched: true), context);
        IRegionHandler data = Handler(controller, "data"), status = Handler(controller, "status");
        status.Write(0, 1, 0xAA, default);
        data.Read(0, 1, out ulong value, default);
        Assert.Equal(0x55UL, value);
        status.Write(0, 1, 0x60, default);
        data.Write(0, 1, 0x21, default);
        data.Write(0, 1, 0xFF, default);
        var answer = new List<ulong>();
        for (status.Read(0, 1, out value, default); (value & 1) != 0; status.Read(0, 1, out value, default))
        {
            data.Read(0, 1, out ulong read, default);
            answer.Add(read);
        }

        Assert.Equal([0xFA, 0xAA], answer);
        Assert.Equal(0x1CUL, value);
    }

    private static IRegionHandler Handler(KeyboardController controller, string bank) => ((MmioRegion)controller.Banks.First(b => b.Name == bank).Region).Handler;

    private int Read(string bank)
    {
        Assert.Equal(AccessResult.Ok, Handler(_controller, bank).Read(0, 1, out ulong value, default));
        return (int)value;
    }

    private void Write(string bank, byte value) => Handler(_controller, bank).Write(0, 1, value, default);

    private byte[] ReadAll()
    {
        var bytes = new List<byte>();
        _context.Time.Advance(1_000_000);
        while ((Status & 1) != 0)
        {
            bytes.Add((byte)Read("data"));
            _context.Time.Advance(1_000_000);
        }

        return [.. bytes];
    }
}
