using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Plugins.Floppy;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The floppy controller as SeaBIOS and Linux drive it.</summary>
public sealed class FloppyTests : IDisposable
{
    private readonly TestDeviceContext _context = new();
    private readonly byte[] _disk = new byte[1_474_560];
    private readonly OneShotDma _dma = new();
    private readonly FloppyController _controller;
    private readonly GuestBank _registers;

    public FloppyTests()
    {
        _controller = new FloppyController(new FloppyOptions(Dma: "dma"), _context.With("dma", _dma).WithDisk("drive-a", new MemoryBlockBackend(_disk)));
        _registers = new GuestBank(_controller, "registers");
    }

    private bool Irq => _context.Outputs["irq"].Level;

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AResetEndsWithFourStatuses()
    {
        _registers.Write(2, 1, 0x00);
        Assert.Equal(0UL, _registers.Read(4, 1));
        _registers.Write(2, 1, 0x0C);
        Wait();
        Assert.True(Irq);
        for (byte drive = 0; drive < 4; drive++)
        {
            Send(0x08);
            Assert.Equal([(byte)(0xC0 | drive), 0], Result(2));
        }

        Send(0x08);
        Assert.Equal([0x80], Result(1));
    }

    [Fact]
    public void ASectorIsReadThroughDma()
    {
        // Cylinder 1, head 1, sector 3 of 18.
        int at = ((((1 * 2) + 1) * 18) + 2) * 512;
        _disk[at] = 0xAB;
        _dma.Wanted = 512;
        Send(0x0F, 0x04, 1);
        Wait();
        Send(0x08);
        Assert.Equal([0x24, 1], Result(2));
        Send(0xE6, 0x04, 1, 1, 3, 2, 18, 0x1B, 0xFF);
        Assert.Equal(0x10UL, _registers.Read(4, 1));
        Wait();
        Assert.Equal(0xAB, _dma.Bytes[0]);
        Assert.Equal([0x04, 0, 0, 1, 1, 4, 2], Result(7));
        Assert.False(Irq);
    }

    [Fact]
    public void SeveralSectorsAreWrittenAcrossTheTracksEnd()
    {
        _dma.Wanted = 1024;
        _dma.Source = [.. Enumerable.Range(0, 1024).Select(i => (byte)(i >> 4))];
        Send(0xC5, 0x00, 0, 0, 18, 2, 18, 0x1B, 0xFF);
        Wait();
        Assert.Equal(0, Result(7)[0] & 0xC0);
        Assert.Equal([_dma.Source[300], _dma.Source[1000]], [_disk[(17 * 512) + 300], _disk[(18 * 512) + 488]]);
    }

    [Fact]
    public void AnEmptyDriveIsNotReadyAndItsLineTellsOfAChange()
    {
        var input = new GuestBank(_controller, "dir");
        Assert.Equal(0x80UL, input.Read(0, 1) & 0x80);
        Send(0x07, 0);
        Wait();
        Assert.Equal(0UL, input.Read(0, 1) & 0x80);
        Send(0x4A, 1);
        Wait();
        Assert.Equal(0x49, Result(7)[0]);
    }

    private void Send(params byte[] command) => Array.ForEach(command, b => _registers.Write(5, 1, b));

    private byte[] Result(int count) => [.. Enumerable.Range(0, count).Select(_ => (byte)_registers.Read(5, 1))];

    private void Wait() => _context.Time.Advance(500_000_000);

    private sealed class OneShotDma : IDmaController
    {
        public int Wanted { get; set; }

        public byte[] Source { get; set; } = [];

        public List<byte> Bytes { get; } = [];

        public int Transfer(int channel, Span<byte> data, out bool terminalCount)
        {
            int part = Math.Min(data.Length, Wanted);
            if (Source.Length > 0)
            {
                Source.AsSpan(Source.Length - Wanted, part).CopyTo(data);
            }

            Bytes.AddRange(data[..part]);
            Wanted -= part;
            terminalCount = Wanted == 0;
            return channel == 2 ? part : 0;
        }
    }
}
