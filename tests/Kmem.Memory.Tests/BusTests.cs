using Kmem.Abstractions;
using Xunit;
using static Kmem.Memory.Tests.TestSpaces;

namespace Kmem.Memory.Tests;

public sealed class BusTests : IDisposable
{
    private readonly MachineMemory _memory = new("test");

    public void Dispose() => _memory.Dispose();

    [Fact]
    public void AFlatBusSplitsAnUnalignedRegisterAccessIntoAlignedPieces()
    {
        AddressSpace space = Flat();
        var registers = new RecordingRegisters();
        space.Map(new MmioRegion("registers", 0x100, registers), 0);
        space.Write(0x3, 4, 0xDDCCBBAA, Cpu);
        Assert.Equal([("write", 3UL, 1, 0xAAUL), ("write", 4UL, 2, 0xCCBBUL), ("write", 6UL, 1, 0xDDUL)], registers.Accesses);
    }

    [Fact]
    public void AnAccessAcrossTheEndOfMemoryGetsTheHolesValueForTheRest()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        space.Write(0xFFE, 2, 0x1234, Cpu);
        space.Read(0xFFE, 4, out ulong value, Cpu);
        Assert.Equal(0xFFFF1234UL, value);
    }

    [Fact]
    public void APortCycleWiderThanTheBusBecomesSeveral()
    {
        AddressSpace space = Ports();
        var registers = new RecordingRegisters();
        space.Map(new MmioRegion("device", 8, registers), 0x100);
        space.Write(0x100, 8, 0x1122334455667788, Cpu);
        Assert.Equal([("write", 0UL, 4, 0x55667788UL), ("write", 4UL, 4, 0x11223344UL)], registers.Accesses);
    }

    [Fact]
    public void AnAlphaReadsWholeQuadwords()
    {
        AddressSpace space = Alpha();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        space.Write(0x8, 8, 0x1122334455667788, Cpu);
        var recorder = new CycleRecorder();
        space.Observer = recorder;
        space.Read(0xA, 2, out ulong value, Cpu);
        Assert.Equal(0x5566UL, value);
        BusTransaction cycle = Assert.Single(recorder.Cycles);
        Assert.Equal((BusCycle.Read, 8UL, 8), (cycle.Cycle, cycle.Address, cycle.Width));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(7, 1)]
    [InlineData(2, 2)]
    [InlineData(4, 4)]
    public void APartialWriteIsAReadAndAWriteOfTheQuadword(int offset, int width)
    {
        AddressSpace space = Alpha();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        space.Write(0x10, 8, ulong.MaxValue, Cpu);
        var recorder = new CycleRecorder();
        space.Observer = recorder;
        space.Write(0x10 + (ulong)offset, width, 0, Cpu);
        Assert.Equal([BusCycle.ModifyRead, BusCycle.ModifyWrite], recorder.Cycles.Select(c => c.Cycle));
        space.Observer = null;
        space.Read(0x10, 8, out ulong value, Cpu);
        Assert.Equal(~((ulong.MaxValue >> (64 - (8 * width))) << (8 * offset)), value);
    }

    [Fact]
    public void AnUpdateBetweenTheHalvesIsLostAndReported()
    {
        AddressSpace space = Alpha();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        var dma = new BusMaster("dma", MasterKind.Dma);
        BusHazard? hazard = null;
        space.HazardDetected += h => hazard = h;
        space.RequestBus(dma, () => space.Write(0x20, 8, 0x1, new AccessAttributes(dma)));
        space.Write(0x27, 1, 0xAA, Cpu);
        space.Read(0x20, 8, out ulong value, Cpu);
        Assert.Equal(0xAA00000000000000UL, value);
        Assert.Equal(("dma", "cpu", 0UL, 1UL), (hazard?.Victim?.Name, hazard?.Writer.Name, hazard?.Loaded, hazard?.Found));
    }

    [Fact]
    public void AnUpdateOfAnotherQuadwordIsNoHazard()
    {
        AddressSpace space = Alpha();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        var dma = new BusMaster("dma", MasterKind.Dma);
        int hazards = 0;
        space.HazardDetected += _ => hazards++;
        space.RequestBus(dma, () => space.Write(0x28, 8, 0x1, new AccessAttributes(dma)));
        space.Write(0x27, 1, 0xAA, Cpu);
        Assert.Equal(0, hazards);
    }

    [Theory]
    [InlineData(0, 4)]
    [InlineData(0, 1)]
    public void ChipsetRegistersTakeQuadwordsAlone(int offset, int width)
    {
        AddressSpace space = Alpha();
        space.Map(new MmioRegion("csr", 0x100, new RecordingRegisters()), 0x801_A000_0000);
        Assert.Equal(AccessResult.Misaligned, space.Read(0x801_A000_0000 + (ulong)offset, width, out _, Cpu));
        Assert.Equal(AccessResult.Ok, space.Read(0x801_A000_0000, 8, out _, Cpu));
    }

    [Fact]
    public void PciWindowsPassTheWidthThrough()
    {
        AddressSpace space = Alpha(), io = Ports();
        var registers = new RecordingRegisters { Value = 0x60 };
        io.Map(new MmioRegion("uart", 8, registers), 0x3F8);
        space.Map(new WindowRegion("io", io, 0, 0x10000), 0x801_FC00_0000);
        Assert.Equal(AccessResult.Ok, space.Read(0x801_FC00_03FD, 1, out _, Cpu));
        Assert.Equal(1, registers.Accesses[0].Width);
    }

    [Fact]
    public void NobodyAnswersIsAMachineCheckOnAnAlpha()
    {
        AddressSpace space = Alpha();
        Assert.Equal(AccessResult.DecodeError, space.Read(0x1000, 8, out _, Cpu));
        Assert.Equal(AccessResult.DecodeError, space.Write(0x1000, 8, 0, Cpu));
    }

    [Fact]
    public void AnAccessAcrossQuadwordsIsMisaligned()
    {
        AddressSpace space = Alpha();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        Assert.Equal(AccessResult.Misaligned, space.Read(0x6, 4, out _, Cpu));
    }
}
