using System.Buffers.Binary;
using Kmem.Abstractions;
using Kmem.Plugins.Ethernet;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The gigabit Ethernet controller as a driver sees it: identity, rings, offloads, filters, interrupts.</summary>
public sealed class Intel82540Tests : IDisposable
{
    private const ulong Ctrl = 0, Status = 8, Eecd = 0x10, Eerd = 0x14, Mdic = 0x20, Icr = 0xC0, Itr = 0xC4, Ics = 0xC8, Ims = 0xD0, Imc = 0xD8, Rctl = 0x100, Tctl = 0x400;
    private const ulong Rdbal = 0x2800, Rdlen = 0x2808, Rdh = 0x2810, Rdt = 0x2818, Rdtr = 0x2820, Tdbal = 0x3800, Tdlen = 0x3808, Tdh = 0x3810, Tdt = 0x3818, Rxcsum = 0x5000, Mta = 0x5200, Vfta = 0x5600;
    private const ulong ReceiveRing = 0x1000, TransmitRing = 0x2000, ReceiveBuffers = 0x4000, TransmitBuffer = 0xA000;
    private const uint Entries = 8, SetLinkUp = 0x40, VlanMode = 0x4000_0000;
    private static readonly byte[] Own = [0x52, 0x54, 0, 0x12, 0x34, 0x56], Other = [0x02, 0, 0, 0, 0, 1], Group = [0x01, 0x00, 0x5E, 0x00, 0x00, 0xFB], All = [0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF];

    private readonly TestDeviceContext _context = new();
    private readonly Cable _cable = new();
    private readonly Intel82540 _device;
    private readonly GuestBank _bar;
    private uint _tail;

    public Intel82540Tests()
    {
        _device = new Intel82540(new EthernetOptions("net", SubsystemVendor: 0x1AF4, Subsystem: 0x1100), _context.With("net", _cable));
        _bar = new GuestBank(_device, "bar0");
        _bar.Write(Ctrl, 4, SetLinkUp);
    }

    public void Dispose() => _context.Dispose();

    [Fact]
    public void ItIsWhatQemuCallsE1000()
    {
        Assert.Equal(0x100E_8086UL, _device.Configuration.Read(0, 4));
        Assert.Equal(0x0200_0003UL, _device.Configuration.Read(8, 4));
        Assert.Equal(0x1100_1AF4UL, _device.Configuration.Read(0x2C, 4));
        Assert.Equal([(0, 0x2_0000UL), (1, 64UL), (6, 0x4_0000UL)], _device.Configuration.Bars.Select(b => (b.Index, b.Region.Length)));
        Assert.Equal(0x12005452UL, _bar.Read(0x5400, 4));
        Assert.Equal(0x8000_5634UL, _bar.Read(0x5404, 4));
    }

    [Fact]
    public void TheEepromReadsTheSameInBothWays()
    {
        int sum = 0;
        for (int i = 0; i < 64; i++)
        {
            _bar.Write(Eerd, 4, 1 | ((ulong)i << 8));
            ulong answer = _bar.Read(Eerd, 4);
            Assert.NotEqual(0UL, answer & 0x10);
            ushort word = (ushort)(answer >> 16);
            Assert.Equal(word, Microwire(i));
            sum += word;
        }

        Assert.Equal(0xBABA, sum & 0xFFFF);
        Assert.Equal(0x5452, Microwire(0));
    }

    [Fact]
    public void TheTransceiverNegotiatesALink()
    {
        Assert.Equal(0x0141u, Phy(2));
        Assert.Equal(0x0C20u, Phy(3));
        Assert.Equal(2UL, _bar.Read(Status, 4) & 2);
        _bar.Write(Ims, 4, 4);
        _bar.Write(Mdic, 4, 0x1200 | (0UL << 16) | (1 << 21) | (1 << 26));
        Assert.Equal(0u, Phy(1) & 0x24);
        Assert.True(_context.Outputs["inta"].Level);
        Assert.Equal(4UL, _bar.Read(Icr, 4));
        Assert.False(_context.Outputs["inta"].Level);
        _context.Time.Advance(2_000_000);
        Assert.Equal(0x24u, Phy(1) & 0x24);
        Assert.Equal(4UL, _bar.Read(Icr, 4));
        _bar.Write(Mdic, 4, (1 << 21) | (3 << 26));
        Assert.NotEqual(0UL, _bar.Read(Mdic, 4) & (1 << 30));
    }

    [Fact]
    public void AFrameComesIntoTheRing()
    {
        BeginReceive();
        _bar.Write(Ims, 4, 0x80);
        byte[] frame = Frame(Own, 100);
        Assert.True(_cable.Receive!(frame));
        Assert.Equal(frame, Get(ReceiveBuffers, 100));
        byte[] descriptor = Get(ReceiveRing, 16);
        Assert.Equal((100, 0x07), (BinaryPrimitives.ReadUInt16LittleEndian(descriptor.AsSpan(8)), descriptor[12]));
        Assert.Equal(1UL, _bar.Read(Rdh, 4));
        Assert.True(_context.Outputs["inta"].Level);
        Assert.Equal(0x80UL, _bar.Read(Icr, 4) & 0x80);
        Assert.False(_context.Outputs["inta"].Level);

        // A short one is filled up, and a long one needs several buffers.
        Assert.True(_cable.Receive(Frame(Own, 20)));
        Assert.Equal(60, Get(ReceiveRing + 16, 16)[8]);
        _bar.Write(Rctl, 4, 0x0400_0000 | 0x2 | 0x8000 | (3 << 16));
        Assert.True(_cable.Receive(Frame(Own, 600)));
        Assert.Equal([1, 1, 7], new[] { 2, 3, 4 }.Select(i => (int)Get(ReceiveRing + (16 * (ulong)i), 16)[12]));
        Assert.Equal(600 - 512, Get(ReceiveRing + 64, 16)[8]);
    }

    [Fact]
    public void AFullRingKeepsFramesWaiting()
    {
        BeginReceive();
        for (int i = 0; i < Entries - 1; i++)
        {
            Assert.True(_cable.Receive!(Frame(Own, 100)));
        }

        Assert.False(_cable.Receive!(Frame(Own, 100)));
        Assert.Equal(0x10UL, _bar.Read(Icr, 4) & 0x10);
        int before = _cable.Resumed;
        _bar.Write(Rdt, 4, 2);
        Assert.Equal(before + 1, _cable.Resumed);
        Assert.True(_cable.Receive(Frame(Own, 100)));
        Assert.Equal(1UL, _bar.Read(0x40A0, 4));
    }

    [Theory]
    [InlineData(0u, "own", true)]
    [InlineData(0u, "other", false)]
    [InlineData(0x08u, "other", true)]
    [InlineData(0u, "all", false)]
    [InlineData(0x8000u, "all", true)]
    [InlineData(0u, "group", false)]
    [InlineData(0x10u, "group", true)]
    [InlineData(0u, "hashed", true)]
    public void TheFilterDecides(uint control, string whom, bool takes)
    {
        BeginReceive();
        _bar.Write(Rctl, 4, 0x0400_0002 | control);
        if (whom == "hashed")
        {
            // Bits 47..36 of the address.
            uint hash = 0xFB0 | (0x00u >> 4);
            _bar.Write(Mta + (4 * (hash >> 5)), 4, 1UL << (int)(hash & 31));
        }

        byte[] destination = whom switch { "own" => Own, "other" => Other, "all" => All, _ => Group };
        Assert.True(_cable.Receive!(Frame(destination, 100)));
        Assert.Equal(takes ? 1UL : 0, _bar.Read(Rdh, 4));
    }

    [Fact]
    public void VlanTagsAreTakenOffAndPutOn()
    {
        BeginReceive();
        _bar.Write(Ctrl, 4, SetLinkUp | VlanMode);
        _bar.Write(Rctl, 4, 0x0404_0002);
        byte[] tagged = [.. Own, .. Other, 0x81, 0, 0x20, 5, 8, 0, .. new byte[80]];
        Assert.True(_cable.Receive!(tagged));
        Assert.Equal(0UL, _bar.Read(Rdh, 4));
        _bar.Write(Vfta, 4, 1 << 5);
        Assert.True(_cable.Receive(tagged));
        byte[] descriptor = Get(ReceiveRing, 16);
        Assert.Equal((tagged.Length - 4, 8, 0x2005), (descriptor[8], descriptor[12] & 8, BinaryPrimitives.ReadUInt16LittleEndian(descriptor.AsSpan(14))));
        Assert.Equal([.. Own, .. Other, 8, 0], Get(ReceiveBuffers, 14));

        BeginTransmit();
        Put(TransmitBuffer, Frame(Other, 60));
        Post(60, 0x0B00_0000 | 0x4000_0000, special: 0x2007);
        Assert.Equal([0x81, 0, 0x20, 7, 8, 0], Assert.Single(_cable.Sent)[12..18]);
    }

    [Fact]
    public void ChecksumsOfWhatComesAreChecked()
    {
        BeginReceive();
        _bar.Write(Rxcsum, 4, 0x300);
        byte[] good = Tcp(200), bad = Tcp(200), header = Tcp(200);
        bad[80] ^= 1;
        header[22] ^= 1;
        Assert.True(_cable.Receive!(good) && _cable.Receive(bad) && _cable.Receive(header));
        Assert.Equal([(0x63, 0), (0x63, 0x20), (0x63, 0x40)], new[] { 0, 1, 2 }.Select(i => (Get(ReceiveRing + (16 * (ulong)i), 16)[12] & 0xFF, (int)Get(ReceiveRing + (16 * (ulong)i), 16)[13])));
    }

    [Fact]
    public void FramesGoOutInPieces()
    {
        BeginTransmit();
        _bar.Write(Ims, 4, 1);
        byte[] frame = Frame(Other, 300);
        Put(TransmitBuffer, frame);
        Post(100, 0);
        Assert.Empty(_cable.Sent);
        Post(200, 0x0B00_0000, offset: 100);
        Assert.Equal(frame, Assert.Single(_cable.Sent));
        Assert.Equal(1, Get(TransmitRing + 16 + 12, 1)[0]);
        Assert.Equal(2UL, _bar.Read(Tdh, 4));
        Assert.True(_context.Outputs["inta"].Level);
        Assert.Equal(3UL, _bar.Read(Icr, 4) & 3);
        Assert.Equal(1UL, _bar.Read(0x4080, 4));
        Assert.Equal(0UL, _bar.Read(0x4080, 4));
        Assert.Equal(304UL, _bar.Read(0x4090, 4));
    }

    [Fact]
    public void ChecksumsOfWhatGoesArePutIn()
    {
        BeginTransmit();
        byte[] right = Tcp(200), frame = [.. right];
        ushort pseudo = (ushort)~GuestLan.Sum([.. frame[26..34], 0, 6, (byte)((frame.Length - 34) >> 8), (byte)(frame.Length - 34)]);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), 0);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(50), pseudo);
        Put(TransmitBuffer, frame);
        PostContext(segments: false, payload: 0, mss: 0);
        PostData(frame.Length, 0x2B10_0000, sums: 3);
        Assert.Equal(right, Assert.Single(_cable.Sent));
    }

    [Fact]
    public void ALongPacketIsCutIntoSegments()
    {
        BeginTransmit();
        byte[] frame = Tcp(2500);
        (frame[16], frame[17], frame[24], frame[25], frame[47]) = (0, 0, 0, 0, 0x19);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(50), (ushort)~GuestLan.Sum([.. frame[26..34], 0, 6]));
        Put(TransmitBuffer, frame);
        PostContext(segments: true, payload: 2500, mss: 1000);
        PostData(frame.Length, 0x2F10_0000, sums: 3);
        Assert.Equal([1054, 1054, 554], _cable.Sent.Select(f => f.Length));
        for (int i = 0; i < 3; i++)
        {
            byte[] segment = _cable.Sent[i];
            Assert.Equal(0, GuestLan.Sum(segment.AsSpan(14, 20)));
            Assert.Equal(segment.Length - 14, BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(16)));
            Assert.Equal(0x100 + i, BinaryPrimitives.ReadUInt16BigEndian(segment.AsSpan(18)));
            Assert.Equal(7000u + (1000u * (uint)i), BinaryPrimitives.ReadUInt32BigEndian(segment.AsSpan(38)));
            Assert.Equal(i == 2 ? 0x19 : 0x10, segment[47]);
            int length = segment.Length - 34;
            Assert.Equal(0, GuestLan.Sum(segment.AsSpan(34), (uint)(ushort)~GuestLan.Sum([.. segment[26..34], 0, 6, (byte)(length >> 8), (byte)length])));
            Assert.Equal(frame[(54 + (1000 * i))..Math.Min(frame.Length, 1054 + (1000 * i))], segment[54..]);
        }

        Assert.Equal(1UL, _bar.Read(0x40F8, 4));
    }

    [Fact]
    public void InterruptsKeepTheirDistance()
    {
        _bar.Write(Itr, 4, 1000);
        _bar.Write(Ims, 4, 4);
        _bar.Write(Ics, 4, 4);
        Assert.True(_context.Outputs["inta"].Level);
        _ = _bar.Read(Icr, 4);
        _bar.Write(Ics, 4, 4);
        Assert.False(_context.Outputs["inta"].Level);
        _context.Time.Advance(255_000);
        Assert.False(_context.Outputs["inta"].Level);
        _context.Time.Advance(2_000);
        Assert.True(_context.Outputs["inta"].Level);
        _bar.Write(Imc, 4, 4);
        Assert.False(_context.Outputs["inta"].Level);
    }

    [Fact]
    public void InterruptsOfFramesCanBePutOff()
    {
        BeginReceive();
        _bar.Write(Ims, 4, 0x80);
        _bar.Write(Rdtr, 4, 100);
        _cable.Receive!(Frame(Own, 100));
        _context.Time.Advance(60_000);
        _cable.Receive(Frame(Own, 100));
        _context.Time.Advance(60_000);
        Assert.False(_context.Outputs["inta"].Level);
        _context.Time.Advance(60_000);
        Assert.True(_context.Outputs["inta"].Level);
    }

    [Fact]
    public void ThePortsReachTheSameRegisters()
    {
        var ports = new GuestBank(_device, "bar1");
        ports.Write(0, 4, 0x5400);
        Assert.Equal(0x12005452UL, ports.Read(4, 4));
        ports.Write(0, 4, Mta);
        ports.Write(4, 4, 0x1234_5678);
        Assert.Equal(0x1234_5678UL, _bar.Read(Mta, 4));
        Assert.Equal(0x34UL, _bar.Read(Mta + 2, 1));
        ports.Write(0, 4, Ctrl);
        ports.Write(4, 4, 1 << 26);
        Assert.Equal(0UL, _bar.Read(Mta, 4));
    }

    [Fact]
    public void NoRingDoesHarm()
    {
        var random = new Random(5);
        ulong[] places = [Rctl, Tctl, Rdbal, Rdlen, Rdh, Rdt, Tdbal, Tdlen, Tdh, Tdt, Ctrl, Eecd, Mdic, Rxcsum, 0x2820, 0x3820, Ims, Icr];
        byte[] noise = new byte[4096];
        for (int i = 0; i < 4000; i++)
        {
            if (i % 100 == 0)
            {
                random.NextBytes(noise);
                Put((ulong)random.Next(60_000), noise);
            }

            ulong value = random.Next(3) switch { 0 => (ulong)random.Next(64), 1 => (ulong)random.Next(0x10000), _ => (ulong)random.NextInt64(1L << 32) };
            ulong place = random.Next(10) == 0 ? (ulong)random.Next(0x20000) : places[random.Next(places.Length)];
            _bar.Write(place, 1 << random.Next(3), place == Ctrl ? value & ~(1UL << 26) : value);
            _ = _bar.Read((ulong)random.Next(0x20000), 4);
            _ = _cable.Receive!(Frame(random.Next(2) == 0 ? Own : All, random.Next(14, random.Next(20) == 0 ? 17000 : 200)));
            _context.Time.Advance(random.Next(100_000));
        }

        _device.Reset();
        _bar.Write(Ctrl, 4, SetLinkUp);
        _cable.Sent.Clear();
        BeginTransmit();
        Put(TransmitBuffer, Frame(Other, 60));
        Post(60, 0x0B00_0000);
        Assert.Single(_cable.Sent);
    }

    private static byte[] Frame(byte[] destination, int length) => [.. destination, .. Other, 8, 0, .. Enumerable.Range(0, length - 14).Select(i => (byte)(i * 3))];

    /// <summary>A frame with a TCP segment whose checksums are right.</summary>
    private static byte[] Tcp(int payload)
    {
        byte[] frame = Frame(Own, 54 + payload);
        new byte[] { 0x45, 0, (byte)((40 + payload) >> 8), (byte)(40 + payload), 1, 0, 0, 0, 64, 6, 0, 0, 10, 0, 2, 15, 10, 0, 2, 2 }.CopyTo(frame, 14);
        new byte[] { 0x12, 0x34, 0, 80, 0, 0, 0x1B, 0x58, 0, 0, 0, 0, 0x50, 0x10, 0xFF, 0xFF, 0, 0, 0, 0 }.CopyTo(frame, 34);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(24), GuestLan.Sum(frame.AsSpan(14, 20)));
        int length = frame.Length - 34;
        ushort pseudo = (ushort)~GuestLan.Sum([.. frame[26..34], 0, 6, (byte)(length >> 8), (byte)length]);
        BinaryPrimitives.WriteUInt16BigEndian(frame.AsSpan(50), GuestLan.Sum(frame.AsSpan(34), pseudo));
        return frame;
    }

    private void BeginReceive()
    {
        for (ulong i = 0; i < Entries; i++)
        {
            Put(ReceiveRing + (16 * i), [.. BitConverter.GetBytes(ReceiveBuffers + (0x800 * i)), .. new byte[8]]);
        }

        _bar.Write(Rdbal, 4, ReceiveRing);
        _bar.Write(Rdlen, 4, Entries * 16);
        _bar.Write(Rdt, 4, Entries - 1);
        _bar.Write(Rctl, 4, 0x0400_8002);
    }

    private void BeginTransmit()
    {
        _tail = 0;
        _bar.Write(Tdbal, 4, TransmitRing);
        _bar.Write(Tdlen, 4, Entries * 16);
        _bar.Write(Tctl, 4, 2);
    }

    private void Post(int length, uint command, ushort special = 0, int offset = 0) =>
        PostDescriptor([.. BitConverter.GetBytes(TransmitBuffer + (ulong)offset), .. BitConverter.GetBytes((uint)length | command), 0, 0, (byte)special, (byte)(special >> 8)]);

    private void PostData(int length, uint command, byte sums) => PostDescriptor([.. BitConverter.GetBytes(TransmitBuffer), .. BitConverter.GetBytes((uint)length | command), 0, sums, 0, 0]);

    private void PostContext(bool segments, int payload, ushort mss) => PostDescriptor(
        [14, 24, 33, 0, 34, 50, 0, 0, .. BitConverter.GetBytes((uint)payload | 0x2300_0000 | (segments ? 0x0400_0000u : 0)), 0, 54, (byte)mss, (byte)(mss >> 8)]);

    private void PostDescriptor(byte[] descriptor)
    {
        Put(TransmitRing + (16 * _tail), descriptor);
        _tail = (_tail + 1) % Entries;
        _bar.Write(Tdt, 4, _tail);
    }

    private uint Phy(int register)
    {
        _bar.Write(Mdic, 4, ((ulong)register << 16) | (1 << 21) | (2 << 26));
        ulong answer = _bar.Read(Mdic, 4);
        Assert.Equal(1UL << 28, answer & (5UL << 28));
        return (uint)answer & 0xFFFF;
    }

    private ushort Microwire(int address)
    {
        void Pin(ulong pins) => _bar.Write(Eecd, 4, pins | 0x42);
        Pin(0);
        for (int bit = 8; bit >= 0; bit--)
        {
            ulong data = ((0x180u | (uint)address) >> bit & 1) << 2;
            Pin(data);
            Pin(data | 1);
        }

        ushort word = 0;
        for (int bit = 0; bit < 16; bit++)
        {
            Pin(0);
            Pin(1);
            word = (ushort)((word << 1) | (ushort)((_bar.Read(Eecd, 4) >> 3) & 1));
        }

        _bar.Write(Eecd, 4, 0);
        return word;
    }

    private void Put(ulong address, byte[] bytes) => _context.Space("phys").WriteBlock(address, bytes, AccessAttributes.Firmware, out _);

    private byte[] Get(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        _context.Space("phys").ReadBlock(address, bytes, AccessAttributes.Firmware, out _);
        return bytes;
    }

    private sealed class Cable : INetwork, INetworkPort
    {
        public List<byte[]> Sent { get; } = [];

        public Func<ReadOnlyMemory<byte>, bool>? Receive { get; private set; }

        public int Resumed { get; private set; }

        public INetworkPort Attach(Func<ReadOnlyMemory<byte>, bool> receive)
        {
            Receive = receive;
            return this;
        }

        public void Send(ReadOnlySpan<byte> frame) => Sent.Add(frame.ToArray());

        public void Resume() => Resumed++;
    }
}
