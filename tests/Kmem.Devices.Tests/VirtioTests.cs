using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Plugins.Virtio;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Virtio devices driven through their queues, in the legacy and in the modern way.</summary>
public sealed class VirtioTests : IDisposable
{
    private const ulong Table = 0x1000, Available = 0x2000, Used = 0x3000, Data = 0x4000;
    private const ushort Next = 1, Writable = 2;

    private readonly TestDeviceContext _context = new();
    private readonly byte[] _disk = new byte[64 * 512];
    private int _posted;

    public void Dispose() => _context.Dispose();

    [Fact]
    public void ADiskSmallerThanASectorIsRefused()
    {
        MachineException e = Assert.Throws<MachineException>(() => new VirtioBlock(new VirtioBlockOptions(Dma: "memory"), _context.WithDisk("disk", new MemoryBlockBackend(new byte[100]))));
        Assert.Equal("disk", e.Option);
        Assert.Contains("100 bytes, less than a sector", e.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AModernDriverWritesAndReadsSectors()
    {
        var block = new VirtioBlock(new VirtioBlockOptions(Dma: "memory"), _context.WithDisk("disk", new MemoryBlockBackend(_disk)));
        var bar = new GuestBank(block, "bar4");
        Assert.Equal(64UL, bar.Read(0x2000, 4));
        Begin(bar);
        Put(Data, [1, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        Put(Data + 0x100, [.. Enumerable.Range(0, 512).Select(i => (byte)(i * 7))]);
        Assert.Equal(1u, Post(bar, (Data, 16, false), (Data + 0x100, 512, false), (Data + 0x400, 1, true)));
        Assert.Equal(0, Get(Data + 0x400, 1)[0]);
        Assert.Equal(unchecked((byte)(100 * 7)), _disk[(5 * 512) + 100]);
        Assert.True(_context.Outputs["inta"].Level);
        Assert.Equal(1UL, bar.Read(0x1000, 1));
        Assert.False(_context.Outputs["inta"].Level);
        Put(Data, [0, 0, 0, 0, 0, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0]);
        Assert.Equal(513u, Post(bar, (Data, 16, false), (Data + 0x500, 200, true), (Data + 0x700, 312, true), (Data + 0x400, 1, true)));
        Assert.Equal(unchecked((byte)(300 * 7)), Get(Data + 0x700 + 100, 1)[0]);
    }

    [Fact]
    public void ARequestBeyondTheDiskFails()
    {
        var block = new VirtioBlock(new VirtioBlockOptions(Dma: "memory"), _context.WithDisk("disk", new MemoryBlockBackend(_disk)));
        var bar = new GuestBank(block, "bar4");
        Begin(bar);
        Put(Data, [0, 0, 0, 0, 0, 0, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0]);
        _ = Post(bar, (Data, 16, false), (Data + 0x100, 512, true), (Data + 0x400, 1, true));
        Assert.Equal(1, Get(Data + 0x400, 1)[0]);
        Put(Data, [99, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        _ = Post(bar, (Data, 16, false), (Data + 0x400, 1, true));
        Assert.Equal(2, Get(Data + 0x400, 1)[0]);
    }

    [Fact]
    public void ALegacyDriverFindsItsQueueByPageNumber()
    {
        var block = new VirtioBlock(new VirtioBlockOptions(Serial: "S1", Dma: "memory"), _context.WithDisk("disk", new MemoryBlockBackend(_disk)));
        var bar = new GuestBank(block, "bar0");
        Assert.Equal(256UL, bar.Read(0x0C, 2));
        bar.Write(0x12, 1, 3);
        bar.Write(0x08, 4, 1);
        Assert.Equal(1UL, bar.Read(0x08, 4));
        bar.Write(0x12, 1, 7);
        Put(Data, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        Describe(0x1000, 0, (Data, 16, false), (Data + 0x100, 20, true), (Data + 0x400, 1, true));
        Put(0x1000 + (256 * 16), [0, 0, 1, 0, 0, 0]);
        bar.Write(0x10, 2, 0);
        Assert.Equal("S1", Encoding.ASCII.GetString(Get(Data + 0x100, 2)));
        Assert.Equal(1UL, bar.Read(0x13, 1));
    }

    [Fact]
    public void RandomNumbersAreTheSameInEveryRun()
    {
        var first = new VirtioEntropy(new VirtioEntropyOptions(Dma: "memory"), _context);
        var bar = new GuestBank(first, "bar4");
        Begin(bar);
        Assert.Equal(64u, Post(bar, (Data, 64, true)));
        byte[] before = Get(Data, 64);
        Assert.True(before.Distinct().Count() > 16);
        first.Reset();
        _posted = 0;
        Put(Used, new byte[16]);
        Begin(bar);
        Post(bar, (Data, 64, true));
        Assert.Equal(before, Get(Data, 64));
    }

    [Fact]
    public void FramesGoOutWithoutTheirHeaderAndComeInWithOne()
    {
        var network = new Recorder();
        var adapter = new VirtioNet(new VirtioNetOptions("net", Dma: "memory"), _context.With("net", network));
        var bar = new GuestBank(adapter, "bar4");
        Assert.Equal(0x5634_1200_5452UL & 0xFFFF_FFFF, bar.Read(0x2000, 4));
        bar.Write(0x08, 4, 1);
        bar.Write(0x0C, 4, 1);
        Begin(bar, queue: 1);
        Put(Data, [.. new byte[12], 1, 2, 3, 4]);
        _ = Post(bar, 1, (Data, 16, false));
        Assert.Equal([1, 2, 3, 4], Assert.Single(network.Sent));
        _posted = 0;
        Put(Available, new byte[64]);
        Put(Used, new byte[64]);
        Begin(bar, queue: 0);
        Assert.Equal(0u, Post(bar, 0, (Data, 64, true)));
        network.Receive!(new byte[] { 9, 8, 7 });
        Assert.Equal([9, 8, 7], Get(Data + 12, 3));
        Assert.Equal([0, 0, 1, 0], Get(Used, 4));
    }

    [Fact]
    public void InterruptsAreMessagesWhenTheDriverSaysSo()
    {
        const ulong Messages = 0x8000;
        var block = new VirtioBlock(new VirtioBlockOptions(Dma: "memory"), _context.WithDisk("disk", new MemoryBlockBackend(_disk)));
        GuestBank bar = new(block, "bar4"), table = new(block, "bar1"), legacy = new(block, "bar0");
        int capability = 0x34;
        while (block.Configuration.Read(capability, 1) is var next && block.Configuration.Read((int)next, 1) != 0x11)
        {
            capability = (int)next + 1;
        }

        capability = (int)block.Configuration.Read(capability, 1);
        Assert.Equal(1UL, block.Configuration.Read(capability + 2, 2));
        Assert.Equal(1UL, table.Read(12, 4));
        Assert.Equal(64UL, legacy.Read(0x14, 4));
        table.Write(16, 4, Messages);
        table.Write(24, 4, 0x4041);
        table.Write(28, 4, 0);
        block.Configuration.Write(capability + 2, 2, 0x8000);
        Assert.Equal(64UL, legacy.Read(0x18, 4));
        bar.Write(0x16, 2, 0);
        bar.Write(0x1A, 2, 2);
        Assert.Equal(0xFFFFUL, bar.Read(0x1A, 2));
        bar.Write(0x1A, 2, 1);
        Assert.Equal(1UL, bar.Read(0x1A, 2));
        Begin(bar);
        Put(Data, [8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        _ = Post(bar, (Data, 16, false), (Data + 0x100, 20, true), (Data + 0x400, 1, true));
        Assert.Equal([0x41, 0x40, 0, 0], Get(Messages, 4));
        Assert.False(_context.Outputs["inta"].Level);

        // A masked message waits.
        Put(Messages, new byte[4]);
        table.Write(28, 4, 1);
        _ = Post(bar, (Data, 16, false), (Data + 0x100, 20, true), (Data + 0x400, 1, true));
        Assert.Equal([0, 0, 0, 0], Get(Messages, 4));
        Assert.Equal(2UL, table.Read(0x800, 1));
        table.Write(28, 4, 0);
        Assert.Equal([0x41, 0x40, 0, 0], Get(Messages, 4));
        Assert.Equal(0UL, table.Read(0x800, 1));
    }

    private void Begin(GuestBank bar, ulong queue = 0)
    {
        bar.Write(0x14, 1, 3);
        bar.Write(0x16, 2, queue);
        bar.Write(0x18, 2, 16);
        bar.Write(0x20, 4, Table);
        bar.Write(0x28, 4, Available);
        bar.Write(0x30, 4, Used);
        bar.Write(0x1C, 2, 1);
        bar.Write(0x14, 1, 0x0F);
    }

    private uint Post(GuestBank bar, params (ulong Address, uint Length, bool Writable)[] buffers) => Post(bar, 0, buffers);

    /// <summary>Offers a chain, and gives the length that the device says it wrote.</summary>
    private uint Post(GuestBank bar, ulong queue, params (ulong Address, uint Length, bool Writable)[] buffers)
    {
        Describe(Table, 0, buffers);
        Put(Available + 4 + (2 * (ulong)(_posted % 16)), [0, 0]);
        int slot = _posted++ % 16;
        Put(Available + 2, BitConverter.GetBytes((ushort)_posted));
        bar.Write(0x3000 + (4 * queue), 2, queue);
        return BinaryPrimitives.ReadUInt32LittleEndian(Get(Used + 4 + (8 * (ulong)slot) + 4, 4));
    }

    private void Describe(ulong table, int first, params (ulong Address, uint Length, bool Writable)[] buffers)
    {
        for (int i = 0; i < buffers.Length; i++)
        {
            byte[] descriptor = new byte[16];
            BinaryPrimitives.WriteUInt64LittleEndian(descriptor, buffers[i].Address);
            BinaryPrimitives.WriteUInt32LittleEndian(descriptor.AsSpan(8), buffers[i].Length);
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(12), (ushort)((i + 1 < buffers.Length ? Next : 0) | (buffers[i].Writable ? Writable : 0)));
            BinaryPrimitives.WriteUInt16LittleEndian(descriptor.AsSpan(14), (ushort)(first + i + 1));
            Put(table + (16 * (ulong)(first + i)), descriptor);
        }
    }

    private void Put(ulong address, byte[] bytes) => _context.Space("memory").WriteBlock(address, bytes, AccessAttributes.Firmware, out _);

    private byte[] Get(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        _context.Space("memory").ReadBlock(address, bytes, AccessAttributes.Firmware, out _);
        return bytes;
    }

    private sealed class Recorder : INetwork, INetworkPort
    {
        public List<byte[]> Sent { get; } = [];

        public Func<ReadOnlyMemory<byte>, bool>? Receive { get; private set; }

        public INetworkPort Attach(Func<ReadOnlyMemory<byte>, bool> receive)
        {
            Receive = receive;
            return this;
        }

        public void Send(ReadOnlySpan<byte> frame) => Sent.Add(frame.ToArray());

        public void Resume()
        {
        }
    }
}
