using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Plugins.Ide;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Disks and CD-ROM drives at the registers of both controllers, as drivers program them.</summary>
public sealed class IdeTests : IDisposable
{
    private const ulong Data = 0, Error = 1, Count = 2, Low = 3, Middle = 4, High = 5, Device = 6, Status = 7;
    private const int Sectors = 1000, Blocks = 50;

    private readonly TestDeviceContext _context = new();
    private readonly byte[] _disk = new byte[Sectors * 512];
    private readonly byte[] _disc = new byte[Blocks * 2048];
    private readonly Piix3Ide _ide;

    public IdeTests()
    {
        new Random(1).NextBytes(_disk);
        new Random(2).NextBytes(_disc);
        _context.WithDisk("primary-master", new MemoryBlockBackend(_disk)).WithDisk("secondary-master", new MemoryBlockBackend(_disc, isReadOnly: true));
        _ide = new Piix3Ide(new IdeOptions("disk", "none", "disc", "none", SecondaryMasterKind: DriveKind.Cd), _context);
    }

    private bool Irq14 => _context.Outputs["irq14"].Level;

    private bool Irq15 => _context.Outputs["irq15"].Level;

    private IAddressSpace Memory => _context.Space("phys");

    public void Dispose() => _context.Dispose();

    [Fact]
    public void AResetShowsTheSignatures()
    {
        Out("primary-control", 0, 0x04);
        Assert.Equal(0x80, In("primary", Status));
        Out("primary-control", 0, 0x00);
        Settle();
        Assert.Equal([0x50, 1, 1, 1, 0, 0], [In("primary", Status), In("primary", Error), In("primary", Count), In("primary", Low), In("primary", Middle), In("primary", High)]);
        Out("secondary-control", 0, 0x04);
        Out("secondary-control", 0, 0x00);
        Settle();
        Assert.Equal([0x00, 0x14, 0xEB], [In("secondary", Status), In("secondary", Middle), In("secondary", High)]);
    }

    [Fact]
    public void ADriveThatIsNotThereReadsAsZeros()
    {
        Out("primary", Device, 0xF0);
        Out("primary", Count, 0x55);
        Assert.Equal([0, 0], [In("primary", Status), In("primary", Count)]);
        Out("primary", Status, 0xEC);
        Settle();
        Assert.False(Irq14);
        Out("primary", Device, 0xE0);
        Assert.Equal(0x50, In("primary", Status));
    }

    [Fact]
    public void IdentifyTellsSizeAndName()
    {
        Command(0xEC);
        Assert.Equal(0x80, In("primary", Status) & 0x80);
        Assert.False(Irq14);
        Settle();
        Assert.True(Irq14);
        Assert.Equal(0x58, In("primary", Status));
        Assert.False(Irq14);
        byte[] identity = ReadData("primary", 512);
        Assert.Equal(0x50, In("primary", Status));
        Assert.Equal((Sectors, Sectors), (BitConverter.ToInt32(identity, 120), (int)BitConverter.ToInt64(identity, 200)));
        Assert.StartsWith("KMEM HARDDISK ", Swapped(identity.AsSpan(54, 40)), StringComparison.Ordinal);
        Assert.Equal(0, identity.Sum(b => b) & 0xFF);
    }

    [Fact]
    public void SectorsAreReadOneInterruptEach()
    {
        Address(0xE0, 5, 3);
        Command(0x20);
        byte[] got = [.. Enumerable.Range(0, 3).SelectMany(_ => NextBlock("primary", 512))];
        Assert.Equal(_disk[(5 * 512)..(8 * 512)], got);
        Settle();
        Assert.Equal((0x50, false), (In("primary", Status), Irq14));
    }

    [Fact]
    public void SectorsAreReadInBlocksOfTheMultiple()
    {
        Out("primary", Count, 4);
        Command(0xC6);
        Settle();
        _ = In("primary", Status);
        Address(0xE0, 10, 6);
        Command(0xC4);
        byte[] got = [.. NextBlock("primary", 4 * 512), .. NextBlock("primary", 2 * 512)];
        Assert.Equal(_disk[(10 * 512)..(16 * 512)], got);
    }

    [Fact]
    public void SectorsAreWritten()
    {
        byte[] sent = new byte[1024];
        new Random(3).NextBytes(sent);
        Address(0xE0, 100, 2);
        Command(0x30);
        Settle();
        Assert.Equal((0x58, false), (In("primary", Status), Irq14));
        WriteData("primary", sent.AsSpan(0, 512));
        Settle();
        Assert.Equal((true, 0x58), (Irq14, In("primary", Status)));
        WriteData("primary", sent.AsSpan(512));
        Settle();
        Assert.Equal((true, 0x50), (Irq14, In("primary", Status)));
        Assert.Equal(sent, _disk[(100 * 512)..(102 * 512)]);
        Command(0xE7);
        Settle();
        Assert.Equal(0x50, In("primary", Status));
    }

    [Fact]
    public void AddressesOf48BitsComeInTwoHalves()
    {
        foreach ((ulong register, int first, int second) in new[] { (Count, 0, 1), (Low, 0, 0xE7), (Middle, 0, 3), (High, 0, 0) })
        {
            Out("primary", register, first);
            Out("primary", register, second);
        }

        Out("primary", Device, 0x40);
        Command(0x24);
        Assert.Equal(_disk[(999 * 512)..], NextBlock("primary", 512));
    }

    [Fact]
    public void CylindersHeadsAndSectorsCountFromTheGeometry()
    {
        Out("primary", Count, 10);
        Out("primary", Device, 0xA1);
        Command(0x91);
        Settle();
        _ = In("primary", Status);
        Out("primary", Count, 1);
        (ulong, int)[] address = [(Low, 3), (Middle, 2), (High, 0), (Device, 0xA1)];
        foreach ((ulong register, int value) in address)
        {
            Out("primary", register, value);
        }

        Command(0x20);
        int sector = (((2 * 2) + 1) * 10) + 2;
        Assert.Equal(_disk[(sector * 512)..((sector + 1) * 512)], NextBlock("primary", 512));
    }

    [Theory]
    [InlineData(0x20, 999, 2, 0x10)]
    [InlineData(0x30, 1000, 1, 0x10)]
    [InlineData(0xC8, 0xFFF_FFFF, 1, 0x10)]
    [InlineData(0xC4, 0, 1, 0x04)]
    [InlineData(0xB0, 0, 0, 0x04)]
    [InlineData(0x08, 0, 0, 0x04)]
    [InlineData(0xA1, 0, 0, 0x04)]
    [InlineData(0xFF, 0, 0, 0x04)]
    public void WhatCannotBeDoneEndsWithAnError(byte command, int address, byte count, byte error)
    {
        Address(0xE0, address, count);
        Command(command);
        Settle();
        Assert.Equal((true, 0x51, error), (Irq14, In("primary", Status), (byte)In("primary", Error)));
        Command(0xE5);
        Settle();
        Assert.Equal((0x50, 0xFF), (In("primary", Status), In("primary", Count)));
    }

    [Fact]
    public void NoInterruptArrivesWhileTheyAreSwitchedOff()
    {
        Out("primary-control", 0, 0x02);
        Command(0xEC);
        Settle();
        Assert.False(Irq14);
        Assert.Equal(0x58, In("primary-control", 0));
        Out("primary-control", 0, 0x00);
        Assert.True(Irq14);
    }

    [Fact]
    public void TheBusMasterFillsMemoryInPieces()
    {
        // Two sectors into three pieces, one of which crosses a page.
        Table(0x100, (0x0FF0, 0x200, false), (0x5002, 0x1F0, false), (0x3000, 0x10, true));
        StartDma(0x08);
        Address(0xE0, 7, 2);
        Command(0xC8);
        Settle();
        Assert.Equal((true, 0x04), (Irq14, BusMaster(2)));
        Assert.Equal(0x50, In("primary", Status));
        byte[] got = [.. Fetch(0x0FF0, 0x200), .. Fetch(0x5002, 0x1F0), .. Fetch(0x3000, 0x10)];
        Assert.Equal(_disk[(7 * 512)..(9 * 512)], got);
        BusMaster(2, 0x04);
        Assert.Equal(0, BusMaster(2));
    }

    [Fact]
    public void TheBusMasterEmptiesMemory()
    {
        byte[] sent = new byte[512];
        new Random(4).NextBytes(sent);
        Memory.WriteBlock(0x8100, sent, AccessAttributes.Debug, out _);
        Table(0x100, (0x8100, 512, true));
        Address(0xE0, 20, 1);
        Command(0xCA);
        Settle();
        Assert.False(Irq14);
        StartDma(0x00);
        Settle();
        Assert.Equal((true, 0x04), (Irq14, BusMaster(2)));
        Assert.Equal(sent, _disk[(20 * 512)..(21 * 512)]);
    }

    [Theory]
    [InlineData(1024, 0x05)]
    [InlineData(256, 0x00)]
    public void ATableOfTheWrongLengthShowsInTheBusMastersStatus(int length, int status)
    {
        Table(0x100, (0x4000, length, true));
        StartDma(0x08);
        Address(0xE0, 0, 1);
        Command(0xC8);
        Settle();
        Assert.Equal(status, BusMaster(2));
        BusMaster(0, 0);
        Assert.Equal(0, BusMaster(2) & 1);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void AfterATransferThatNeverEndsAResetLeadsToAnIdentity(bool busMasterBegins)
    {
        // What Linux does when no interrupt comes: it stops the bus master, resets the drive and asks it who it is.
        Table(0x100, (0x4000, 256, true));
        if (busMasterBegins)
        {
            StartDma(0x08);
        }

        Address(0xE0, 0, 16);
        Command(0xC8);
        Settle();
        Assert.Equal((false, 0x58), (Irq14, In("primary", Status)));
        BusMaster(0, 0);
        Out("primary-control", 0, 0x04);
        Out("primary-control", 0, 0x00);
        Settle();
        Assert.Equal((false, 0x50), (Irq14, In("primary", Status)));
        Command(0xEC);
        byte[] identity = NextBlock("primary", 512);
        Settle();
        Assert.Equal((0x50, false), (In("primary", Status), Irq14));
        Assert.Equal(0, identity.Sum(b => b) & 0xFF);
        Address(0xE0, 7, 1);
        Command(0x20);
        Assert.Equal(_disk[(7 * 512)..(8 * 512)], NextBlock("primary", 512));
        Settle();
        Assert.Equal((0x50, false), (In("primary", Status), Irq14));
    }

    [Fact]
    public void MemoryThatDoesNotAnswerIsAnErrorOfTheBusMaster()
    {
        using var context = new TestDeviceContext();
        IAddressSpace strict = context.ProvideSpace(new SpaceRequest("strict", 32, "bus.flat", new UnmappedPolicy(UnmappedRead.Error, UnmappedWrite.Error)));
        context.WithDisk("primary-master", new MemoryBlockBackend(_disk));
        var ide = new Piix3Ide(new IdeOptions("disk", Dma: strict.Name[(strict.Name.IndexOf('.', StringComparison.Ordinal) + 1)..]), context);
        IRegionHandler Bank(string name) => ((MmioRegion)ide.Banks.First(b => b.Name == name).Region).Handler;
        Bank("bar4").Write(0, 1, 0x09, default);
        Bank("primary").Write(Count, 1, 1, default);
        Bank("primary").Write(Device, 1, 0xE0, default);
        Bank("primary").Write(Status, 1, 0xC8, default);
        context.Time.Advance(10_000_000);
        Bank("bar4").Read(2, 1, out ulong status, default);
        Assert.Equal(0x02UL, status);
        Assert.False(context.Outputs["irq14"].Level);
    }

    [Fact]
    public void APacketReadsBlocksOfTheDisc()
    {
        byte[] got = Packet([0x28, 0, 0, 0, 0, 3, 0, 0, 2, 0, 0, 0], limit: 2048, pieces: 2);
        Assert.Equal(_disc[(3 * 2048)..(5 * 2048)], got);
        Assert.Equal((0x50, 0x03), (In("secondary", Status), In("secondary", Count)));
    }

    [Fact]
    public void APacketReadsByDma()
    {
        Table(0x100, (0x2000, 4096, true));
        BusMaster(0xC, 0x100, 4);
        BusMaster(8, 0x08);
        BusMaster(8, 0x09);
        Out("secondary", 1, 1);
        SendPacket([0xA8, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0], 0);
        Assert.True(Irq15);
        Assert.Equal(_disc[2048..6144], Fetch(0x2000, 4096));
        Assert.Equal((0x04, 0x50), (BusMaster(10), In("secondary", Status)));
    }

    [Fact]
    public void TheDiscSaysWhatItIs()
    {
        Assert.Equal("KMEM    CD-ROM", Encoding.ASCII.GetString(Packet([0x12, 0, 0, 0, 36, 0, 0, 0, 0, 0, 0, 0], 36, 1).AsSpan(8, 14)));
        byte[] capacity = Packet([0x25, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 8, 1);
        Assert.Equal((Blocks - 1, 2048), (BinaryPrimitives.ReadInt32BigEndian(capacity), BinaryPrimitives.ReadInt32BigEndian(capacity.AsSpan(4))));
        byte[] contents = Packet([0x43, 0, 0, 0, 0, 0, 0, 0, 12, 0, 0, 0], 12, 1);
        Assert.Equal([0, 18, 1, 1, 0, 0x14, 1, 0, 0, 0, 0, 0], contents);
    }

    [Fact]
    public void ABadPacketLeavesItsReasonInTheSense()
    {
        SendPacket([0x28, 0, 0, 0, 0, Blocks, 0, 0, 1, 0, 0, 0], 2048);
        Assert.Equal((0x51, 0x54), (In("secondary", Status), In("secondary", Error)));
        byte[] sense = Packet([0x03, 0, 0, 0, 18, 0, 0, 0, 0, 0, 0, 0], 18, 1);
        Assert.Equal((5, 0x21), (sense[2], sense[12]));
        SendPacket([0xFF, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 0);
        Assert.Equal(0x51, In("secondary", Status));
    }

    [Fact]
    public void AnEmptyDriveIsThereButNotReady()
    {
        using var context = new TestDeviceContext();
        var ide = new Piix3Ide(new IdeOptions(PrimaryMasterKind: DriveKind.Cd), context);
        IRegionHandler primary = ((MmioRegion)ide.Banks[0].Region).Handler;
        primary.Write(Status, 1, 0xA0, default);
        context.Time.Advance(1_000_000);
        for (int i = 0; i < 6; i++)
        {
            primary.Write(Data, 2, 0, default);
        }

        context.Time.Advance(1_000_000);
        primary.Read(Error, 1, out ulong error, default);
        Assert.Equal(0x24UL, error);
    }

    [Fact]
    public void ADisksCommandShowsThatADriveIsAPacketDrive()
    {
        Out("secondary", Status, 0xEC);
        Settle();
        Assert.Equal([0x51, 0x04, 0x14, 0xEB], [In("secondary", Status), In("secondary", Error), In("secondary", Middle), In("secondary", High)]);
    }

    [Fact]
    public void ACommandUnderWayGoesOnAfterLoading()
    {
        Address(0xE0, 5, 1);
        Command(0x20);
        var writer = new StateWriter();
        _ide.Save(writer);
        Settle();
        using var context = new TestDeviceContext();
        context.WithDisk("primary-master", new MemoryBlockBackend(_disk)).WithDisk("secondary-master", new MemoryBlockBackend(_disc, isReadOnly: true));
        var other = new Piix3Ide(new IdeOptions("disk", "none", "disc", "none", SecondaryMasterKind: DriveKind.Cd), context);
        other.Load(new StateReader("ide", writer.Fields));
        context.Time.Advance(1_000_000);
        Assert.True(context.Outputs["irq14"].Level);
    }

    [Fact]
    public void TheCmd646LatchesBothCablesInItsModeRegister()
    {
        using var context = new TestDeviceContext();
        context.WithDisk("primary-master", new MemoryBlockBackend(_disk)).WithDisk("secondary-master", new MemoryBlockBackend(_disc));
        var ide = new Cmd646(new IdeOptions("disk", SecondaryMaster: "disc"), context);
        IRegionHandler Bar(int index) => ((MmioRegion)ide.Configuration.Bars.First(b => b.Index == index).Region).Handler;
        Assert.Equal(0x0CUL, ide.Configuration.Read(0x51, 1));
        Bar(0).Write(Status, 1, 0xEC, default);
        context.Time.Advance(1_000_000);
        Assert.True(context.Outputs["inta"].Level);
        Assert.Equal((0x04UL, 0x04UL), (ide.Configuration.Read(0x71, 1), ide.Configuration.Read(0x50, 1)));
        Bar(4).Write(1, 1, 0x10, default);
        Assert.False(context.Outputs["inta"].Level);
        Bar(4).Write(1, 1, 0x00, default);
        Assert.True(context.Outputs["inta"].Level);
        Bar(2).Write(Status, 1, 0xEC, default);
        context.Time.Advance(1_000_000);
        Assert.Equal((0x0CUL, 0x10UL), (ide.Configuration.Read(0x71, 1), ide.Configuration.Read(0x57, 1) & 0x10));
        Bar(0).Read(Status, 1, out _, default);
        Assert.Equal((0x08UL, 0UL), (ide.Configuration.Read(0x71, 1), ide.Configuration.Read(0x50, 1) & 4));
        ide.Configuration.Write(0x57, 1, 0x10);
        Assert.Equal((0UL, false), (ide.Configuration.Read(0x71, 1), context.Outputs["inta"].Level));
        Bar(3).Read(0, 4, out ulong alternate, default);
        Assert.Equal(0x58UL, alternate >> 16);
    }

    [Fact]
    public void ADiskSmallerThanASectorIsRefused()
    {
        using var context = new TestDeviceContext();
        context.WithDisk("primary-slave", new MemoryBlockBackend(new byte[511]));
        Assert.Equal("primary-slave", Assert.Throws<MachineException>(() => new Piix3Ide(new IdeOptions(), context)).Option);
    }

    private static string Swapped(ReadOnlySpan<byte> words)
    {
        byte[] text = words.ToArray();
        for (int i = 0; i < text.Length; i += 2)
        {
            (text[i], text[i + 1]) = (text[i + 1], text[i]);
        }

        return Encoding.ASCII.GetString(text);
    }

    private IRegionHandler Bank(string name) => ((MmioRegion)_ide.Banks.First(b => b.Name == name).Region).Handler;

    private int In(string bank, ulong register)
    {
        Assert.Equal(AccessResult.Ok, Bank(bank).Read(register, 1, out ulong value, default));
        return (int)value;
    }

    private void Out(string bank, ulong register, int value) => Assert.Equal(AccessResult.Ok, Bank(bank).Write(register, 1, (ulong)value, default));

    private void Settle() => _context.Time.Advance(5_000_000);

    private void Address(int device, int address, int count)
    {
        Out("primary", Count, count & 0xFF);
        Out("primary", Low, address & 0xFF);
        Out("primary", Middle, (address >> 8) & 0xFF);
        Out("primary", High, (address >> 16) & 0xFF);
        Out("primary", Device, device | ((address >> 24) & 0xF));
    }

    private void Command(int command) => Out("primary", Status, command);

    private byte[] NextBlock(string bank, int length)
    {
        Settle();
        Assert.True(_context.Outputs[bank == "primary" ? "irq14" : "irq15"].Level);
        Assert.Equal(0x58, In(bank, Status));
        return ReadData(bank, length);
    }

    private byte[] ReadData(string bank, int length)
    {
        byte[] bytes = new byte[length];
        for (int i = 0; i < length; i += 2)
        {
            Bank(bank).Read(Data, 2, out ulong word, default);
            BinaryPrimitives.WriteUInt16LittleEndian(bytes.AsSpan(i), (ushort)word);
        }

        return bytes;
    }

    private void WriteData(string bank, ReadOnlySpan<byte> bytes)
    {
        for (int i = 0; i < bytes.Length; i += 4)
        {
            Bank(bank).Write(Data, 4, BinaryPrimitives.ReadUInt32LittleEndian(bytes[i..]), default);
        }
    }

    private void SendPacket(byte[] packet, int limit)
    {
        Out("secondary", Middle, limit & 0xFF);
        Out("secondary", High, limit >> 8);
        Out("secondary", Status, 0xA0);
        Settle();
        Assert.Equal((0x58, 0x01), (In("secondary", Status), In("secondary", Count)));
        WriteData("secondary", packet);
        Settle();
    }

    private byte[] Packet(byte[] packet, int limit, int pieces)
    {
        SendPacket(packet, limit);
        var all = new List<byte>();
        for (int i = 0; i < pieces; i++)
        {
            Assert.True(Irq15);
            Assert.Equal((0x58, 0x02), (In("secondary", Status), In("secondary", Count)));
            all.AddRange(ReadData("secondary", In("secondary", Middle) | (In("secondary", High) << 8)));
            Settle();
        }

        Assert.True(Irq15);
        return [.. all];
    }

    private void Table(uint at, params (uint Address, int Length, bool IsLast)[] pieces)
    {
        foreach ((uint address, int length, bool isLast) in pieces)
        {
            Memory.Write(at, 8, address | ((ulong)(uint)length << 32) | (isLast ? 1UL << 63 : 0), AccessAttributes.Debug);
            at += 8;
        }
    }

    private void StartDma(byte direction)
    {
        BusMaster(4, 0x100, 4);
        BusMaster(0, direction);
        BusMaster(0, (byte)(direction | 1));
    }

    private int BusMaster(ulong register)
    {
        Bank("bar4").Read(register, 1, out ulong value, default);
        return (int)value;
    }

    private void BusMaster(ulong register, uint value, int width = 1) => Bank("bar4").Write(register, width, value, default);

    private byte[] Fetch(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Memory.ReadBlock(address, bytes, AccessAttributes.Debug, out _);
        return bytes;
    }
}
