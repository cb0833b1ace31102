using Kmem.Abstractions;
using Kmem.CharDevices.Tests.Fixtures;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests;

/// <summary>Each sentence of the two manual pages from which this product began: kmem(7) of Tru64 UNIX and mem(4) of Linux.</summary>
public sealed class SeedManualTests
{
    private const ulong Kseg = TestMachine.Kseg, Io = Kseg + (1UL << 40), Registers = Io + 0x1_A000_0000, Flash = Io + 0x1_0000_0000;

    [Fact]
    public void TheKmemCharacterSpecialDeviceProvidesAccessToMappedKernelMemory()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(0x40_0000, 1, 2, 3, 4, 5, 6, 7, 8);
        var kernel = machine.Kernel("tru64-5.1");
        var process = new TestProcess();
        Assert.Equal((CallResult)8, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, Kseg + 0x40_0000, 8));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], process.At(TestProcess.Buffer, 8).ToArray());
        Assert.Equal((CallResult)8, kernel.WriteTo(kernel.OpenNode("dev/kmem"), process, Kseg + 0x40_0000, 8, 7, 6, 5, 4, 3, 2, 1));
        Assert.Equal([8, 7, 6, 5, 4, 3, 2, 1], machine.Peek(0x40_0000, 8));
    }

    [Fact]
    public void ByteAddressesInKmemAreEquivalentToMappedKernelMemoryAddresses()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Ranges.Add(new KernelRange(0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_8000_FFFF, KernelRangeKind.Text, 0x30_0000));
        machine.Poke(0x30_0123, 0x42);
        var kernel = machine.Kernel("tru64-5.1");
        var process = new TestProcess();
        foreach (ulong address in new[] { 0xFFFF_FFFF_8000_0123, Kseg + 0x30_0123 })
        {
            process.At(TestProcess.Buffer, 1)[0] = 0;
            Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, address, 1));
            Assert.Equal(0x42, process.At(TestProcess.Buffer, 1)[0]);
        }
    }

    [Theory]
    [InlineData(0xFFFF_FE00_0000_0000)]
    [InlineData(Kseg + (128 << 20))]
    [InlineData(Kseg + (1UL << 40))]
    [InlineData(0xFFFF_FFFF_FFFF_E000)]
    public void ReferencesToUnmappedAddressesWillReturnAnError(ulong address)
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1");
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(file, new TestProcess(), address, 8).Error);
        Assert.Equal(Errno.EFAULT, kernel.WriteTo(file, new TestProcess(), address, 1, 2, 3).Error);
    }

    [Theory]
    [InlineData(0UL)]
    [InlineData(0x1_2000_0000UL)]
    [InlineData(0x3FF_FFFF_FFF8UL)]
    public void ReferencesToUserSpaceAddressesWillReturnAnError(ulong address)
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1");
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal(Errno.EFAULT, kernel.ReadFrom(file, new TestProcess(), address, 8).Error);
        Assert.Equal(Errno.EFAULT, kernel.WriteTo(file, new TestProcess(), address, 1).Error);
    }

    [Theory]
    [InlineData("dev/kmem", Kseg)]
    [InlineData("dev/mem", 0UL)]
    public void WriteAccessesToConsoleOrPalMemoryWillReturnAnError(string node, ulong origin)
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Poke(0x8000, 0x11);
        var kernel = machine.Kernel("tru64-5.1");
        IOpenFile file = kernel.OpenNode(node);
        var process = new TestProcess();
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, process, origin + 0x8000, 1, 2, 3, 4, 5, 6, 7, 8).Error);
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, process, origin + 0x8000, 1).Error);
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, process, origin + TestMachine.PalEnd - 1, 1).Error);
        Assert.Equal(0x11, machine.Peek(0x8000, 1)[0]);
        Assert.Equal((CallResult)1, kernel.ReadFrom(file, process, origin + 0x8000, 1));
        Assert.Equal((CallResult)1, kernel.WriteTo(file, process, origin + TestMachine.PalEnd, 1));
    }

    [Fact]
    public void WriteAccessesToMemoryProtectedAgainstWritesWillReturnAnError()
    {
        using TestMachine machine = TestMachine.Alpha();
        var range = new KernelRange(0xFFFF_FFFF_8000_0000, 0xFFFF_FFFF_8000_FFFF, KernelRangeKind.Text, 0x30_0000);
        machine.Ranges.Add(range);
        machine.ReadOnlyRanges.Add(range);
        var kernel = machine.Kernel("tru64-5.1");
        IOpenFile file = kernel.OpenNode("dev/kmem");
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, new TestProcess(), range.Start, 1).Error);
        Assert.Equal((CallResult)1, kernel.ReadFrom(file, new TestProcess(), range.Start, 1));
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, new TestProcess(), Flash, 1, 2, 3, 4, 5, 6, 7, 8).Error);
        Assert.Equal(Errno.EACCES, kernel.WriteTo(file, new TestProcess(), Flash + 3, 1).Error);
        Assert.Equal((CallResult)1, kernel.ReadFrom(file, new TestProcess(), Flash, 1));
    }

    [Fact]
    public void MemoryIsReadAndWrittenInAlignedQuadwords()
    {
        using TestMachine machine = TestMachine.Alpha();
        var log = new TransactionLog();
        var kernel = machine.Kernel("tru64-5.1");
        machine.Physical.Observer = log;
        kernel.ReadFrom(kernel.OpenNode("dev/kmem"), new TestProcess(), Kseg + 0x40_0003, 10);
        kernel.WriteTo(kernel.OpenNode("dev/kmem"), new TestProcess(), Kseg + 0x40_0008, new byte[16]);
        Assert.Equal(
            [(BusCycle.Read, 0x40_0000UL, 8), (BusCycle.Read, 0x40_0008UL, 8), (BusCycle.Write, 0x40_0008UL, 8), (BusCycle.Write, 0x40_0010UL, 8)],
            log.Cycles);
    }

    [Fact]
    public void WritingFewerThanAllTheBytesInAnAlignedQuadwordIsAReadModifyWrite()
    {
        using TestMachine machine = TestMachine.Alpha();
        var log = new TransactionLog();
        var kernel = machine.Kernel("tru64-5.1");
        machine.Physical.Observer = log;
        kernel.WriteTo(kernel.OpenNode("dev/kmem"), new TestProcess(), Kseg + 0x40_0001, 1, 2, 3);
        Assert.Equal([(BusCycle.ModifyRead, 0x40_0000UL, 8), (BusCycle.ModifyWrite, 0x40_0000UL, 8)], log.Cycles);
    }

    [Fact]
    public void TheReadModifyWriteIsNotProtectedAgainstWritesToTheSameQuadword()
    {
        using TestMachine machine = TestMachine.Alpha();
        List<BusHazard> hazards = [];
        machine.Physical.HazardDetected += hazards.Add;
        var other = new BusMaster("dma", MasterKind.Dma);
        var kernel = machine.Kernel("tru64-5.1");
        machine.Physical.RequestBus(other, () => machine.Physical.Write(0x40_0000, 8, 0xFFFF_FFFF_FFFF_FFFF, new AccessAttributes(other)));
        Assert.Equal((CallResult)1, kernel.WriteTo(kernel.OpenNode("dev/kmem"), new TestProcess(), Kseg + 0x40_0002, 0x42));
        Assert.Equal([0, 0, 0x42, 0, 0, 0, 0, 0], machine.Peek(0x40_0000, 8));
        BusHazard hazard = Assert.Single(hazards);
        Assert.Equal((0x40_0000UL, "dma", "frontend"), (hazard.Address, hazard.Victim?.Name, hazard.Writer.Name));
    }

    [Fact]
    public void DeviceRegistersAreAccessedAsAlignedQuadwordsThroughKmem()
    {
        using TestMachine machine = TestMachine.Alpha();
        machine.Registers.Bytes[0x80] = 0x11;
        var kernel = machine.Kernel("tru64-5.1");
        var process = new TestProcess();
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.OpenNode("dev/kmem"), process, Registers + 0x80, 1));
        Assert.Equal(0x11, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal((CallResult)2, kernel.WriteTo(kernel.OpenNode("dev/kmem"), process, Registers + 0x42, 1, 2));
        Assert.Equal([('r', 0x80UL, 8), ('r', 0x40UL, 8), ('w', 0x40UL, 8)], machine.Registers.Log);
    }

    [Fact]
    public void TheKmemFileIsNotAvailableAsAMemoryMappedFile()
    {
        using TestMachine machine = TestMachine.Alpha();
        var kernel = machine.Kernel("tru64-5.1");
        Assert.Equal(Errno.ENODEV, kernel.MapAt(kernel.OpenNode("dev/kmem"), Kseg, 8192, out _).Error);
        Assert.Equal(Errno.ENODEV, kernel.MapAt(kernel.Mem(), 0, 8192, out _).Error);
    }

    [Fact]
    public void DevMemIsACharacterDeviceFileThatIsAnImageOfMainMemory()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x12_3456, 1, 2, 3);
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: false));
        var process = new TestProcess();
        Assert.Equal(0x2000, kernel.Status(kernel.Mem()).Mode & 0xF000);
        Assert.Equal((CallResult)3, kernel.ReadFrom(kernel.Mem(), process, 0x12_3456, 3));
        Assert.Equal([1, 2, 3], process.At(TestProcess.Buffer, 3).ToArray());
    }

    [Fact]
    public void ItMayBeUsedToPatchTheSystem()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: false));
        Assert.Equal((CallResult)2, kernel.WriteTo(kernel.Mem(), new TestProcess(), 0x12_3456, 0x90, 0x90));
        Assert.Equal([0x90, 0x90], machine.Peek(0x12_3456, 2));
    }

    [Fact]
    public void ByteAddressesInDevMemAreInterpretedAsPhysicalMemoryAddresses()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.VideoMemory.Bytes[2] = 0x41;
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.Mem(), process, TestMachine.Vram + 2, 1));
        Assert.Equal(0x41, process.At(TestProcess.Buffer, 1)[0]);
    }

    [Fact]
    public void ReferencesToNonexistentLocationsCauseErrorsToBeReturned()
    {
        using TestMachine machine = TestMachine.Pc();
        foreach (string profile in new[] { "linux-6.1-x86_64", "linux-4.15-x86_64" })
        {
            var kernel = machine.Linux(profile: profile);
            Assert.Equal(Errno.EFAULT, kernel.ReadFrom(kernel.Mem(), new TestProcess(), 0x4000_0000, 1).Error);
            Assert.Equal(Errno.EFAULT, kernel.WriteTo(kernel.Mem(), new TestProcess(), 0x4000_0000, 1).Error);
        }
    }

    [Fact]
    public void ReadOnlyAndWriteOnlyBitsAnswerAsTheirDeviceDoes()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Physical.Map(new MmioRegion("bits", 8, new ReadOnlyAndWriteOnly()), 0xB_9000, priority: 3);
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal((CallResult)8, kernel.WriteTo(kernel.Mem(), process, 0xB_9000, [.. Enumerable.Repeat((byte)0xFF, 8)]));
        Assert.Equal((CallResult)8, kernel.ReadFrom(kernel.Mem(), process, 0xB_9000, 8));
        Assert.Equal([0x5A, 0, 0, 0, 0, 0, 0, 0], process.At(TestProcess.Buffer, 8).ToArray());
    }

    [Fact]
    public void StrictDevmemLimitsTheAreasRamIsRefusedAndPciRegionsAreNot()
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: true));
        Assert.Equal(Errno.EPERM, kernel.ReadFrom(kernel.Mem(), new TestProcess(), 0x20_0000, 1).Error);
        Assert.Equal(Errno.EPERM, kernel.MapAt(kernel.Mem(), 0x20_0000, 4096, out _).Error);
        Assert.Equal(Errno.None, kernel.MapAt(kernel.Mem(), TestMachine.Bar, 4096, out IMapping? mapping).Error);
        Assert.Equal(MappingFault.None, mapping!.Load(0, 4, out _));
    }

    [Theory]
    [InlineData("dev/mem", 1, 0b110_110_000)]
    [InlineData("dev/kmem", 2, 0b110_100_000)]
    [InlineData("dev/port", 4, 0b110_110_000)]
    public void TheNodesAreTypicallyCreatedForRootAndTheGroupKmem(string path, int minor, int mode)
    {
        using TestMachine machine = TestMachine.Pc();
        Assert.Contains(new DeviceNode(path, 1, minor, mode, 0, 15), machine.Linux().Nodes);
    }

    [Fact]
    public void DevKmemIsTheSameAsDevMemExceptThatKernelVirtualMemoryIsAccessed()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.Poke(0x20_0000, 0x42);
        var kernel = machine.Linux(new FlavourOptions(StrictDevmem: false), "linux-4.15-x86_64");
        var process = new TestProcess();
        foreach ((string node, ulong address) in new[] { ("dev/mem", 0x20_0000UL), ("dev/kmem", 0xFFFF_8800_0020_0000UL) })
        {
            process.At(TestProcess.Buffer, 1)[0] = 0;
            Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.OpenNode(node), process, address, 1));
            Assert.Equal(0x42, process.At(TestProcess.Buffer, 1)[0]);
        }
    }

    [Theory]
    [InlineData(true, Errno.None)]
    [InlineData(false, Errno.ENXIO)]
    public void KmemIsAvailableOnlyIfItsOptionIsEnabled(bool devkmem, Errno expected)
    {
        using TestMachine machine = TestMachine.Pc();
        var kernel = machine.Linux(new FlavourOptions(Devkmem: devkmem), "linux-4.15-x86_64");
        DeviceNode node = kernel.Nodes.Single(n => n.Path == "dev/kmem");
        Assert.Equal(expected, kernel.Open(new OpenRequest(node, OpenFlags.ReadOnly, Credentials.Root), out _).Error);
    }

    [Fact]
    public void DevPortIsSimilarButTheIoPortsAreAccessed()
    {
        using TestMachine machine = TestMachine.Pc();
        machine.PortRegisters.Bytes[0x71] = 0x26;
        var kernel = machine.Linux();
        var process = new TestProcess();
        Assert.Equal((CallResult)1, kernel.ReadFrom(kernel.OpenNode("dev/port"), process, 0x71, 1));
        Assert.Equal(0x26, process.At(TestProcess.Buffer, 1)[0]);
        Assert.Equal((CallResult)1, kernel.WriteTo(kernel.OpenNode("dev/port"), process, 0x80, 0x42));
        Assert.Equal(0x42, machine.PortRegisters.Bytes[0x80]);
    }

    private sealed class TransactionLog : IBusObserver
    {
        public List<(BusCycle Cycle, ulong Address, int Width)> Cycles { get; } = [];

        public void OnTransaction(in BusTransaction transaction) => Cycles.Add((transaction.Cycle, transaction.Address, transaction.Width));
    }

    /// <summary>Byte 0 is read-only, the others are write-only.</summary>
    private sealed class ReadOnlyAndWriteOnly : IRegionHandler
    {
        public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
        {
            value = offset == 0 ? 0x5Aul : 0;
            return AccessResult.Ok;
        }

        public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes) => AccessResult.Ok;
    }
}
