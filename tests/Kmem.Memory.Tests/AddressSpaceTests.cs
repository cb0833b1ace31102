using Kmem.Abstractions;
using Kmem.Plugins.Buses;
using Xunit;
using static Kmem.Memory.Tests.TestSpaces;

namespace Kmem.Memory.Tests;

public sealed class AddressSpaceTests : IDisposable
{
    private readonly MachineMemory _memory = new("test");

    public void Dispose() => _memory.Dispose();

    [Theory]
    [InlineData(1, 0x88UL)]
    [InlineData(2, 0x7788UL)]
    [InlineData(4, 0x55667788UL)]
    [InlineData(8, 0x1122334455667788UL)]
    public void MemoryGivesBackTheLowBytesOfWhatWasWritten(int width, ulong expected)
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "ram", 0x1000), 0x4000);
        space.Write(0x4003, 8, 0x1122334455667788, Cpu);
        Assert.Equal(AccessResult.Ok, space.Read(0x4003, width, out ulong value, Cpu));
        Assert.Equal(expected, value);
    }

    [Fact]
    public void TheHigherPriorityAnswersAndTheLowerShowsAroundIt()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "low", 0x3000), 0);
        var registers = new RecordingRegisters { Value = 0x42 };
        space.Map(new MmioRegion("high", 0x1000, registers), 0x1000, priority: 1);
        Assert.Equal(["low", "high", "low"], space.GetFlatView().Select(r => r.Region.Name));
        space.Read(0x1000, 1, out ulong value, Cpu);
        Assert.Equal(0x42UL, value);
    }

    [Fact]
    public void EqualPrioritiesMayNotOverlap()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "a", 0x2000), 0);
        RamRegion b = Ram(_memory, "b", 0x1000);
        MapConflictException error = Assert.Throws<MapConflictException>(() => space.Map(b, 0x1000));
        Assert.Equal(0x1000UL, error.Address);
        Assert.Equal(["a"], space.GetFlatView().Select(r => r.Region.Name));
    }

    [Fact]
    public void AFailedTransactionLeavesEverythingAsItWas()
    {
        AddressSpace space = Flat();
        IRegionMapping a = space.Map(Ram(_memory, "a", 0x1000), 0);
        space.Map(Ram(_memory, "b", 0x1000), 0x1000);
        Assert.Throws<MapConflictException>(() => a.Address = 0x1800);
        Assert.Equal(0UL, a.Address);
        Assert.Equal([0UL, 0x1000UL], space.GetFlatView().Select(r => r.Start));
    }

    [Fact]
    public void MovesInOneTransactionMayCrossEachOther()
    {
        AddressSpace space = Flat();
        IRegionMapping a = space.Map(Ram(_memory, "a", 0x1000), 0), b = space.Map(Ram(_memory, "b", 0x1000), 0x1000);
        uint before = space.Generation;
        using (space.BeginChange())
        {
            a.Address = 0x1000;
            b.Address = 0;
        }

        Assert.Equal(["b", "a"], space.GetFlatView().Select(r => r.Region.Name));
        Assert.Equal(before + 1, space.Generation);
    }

    [Fact]
    public void ReadsAndWritesAreSwitchedApart()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        var registers = new RecordingRegisters { Value = 0x99 };
        IRegionMapping shadow = space.Map(new MmioRegion("shadow", 0x1000, registers), 0, priority: 1);
        shadow.WriteEnabled = false;
        space.Write(0x10, 1, 0x55, Cpu);
        space.Read(0x10, 1, out ulong value, Cpu);
        Assert.Equal(0x99UL, value);
        shadow.ReadEnabled = false;
        space.Read(0x10, 1, out value, Cpu);
        Assert.Equal(0x55UL, value);
    }

    [Fact]
    public void RomIgnoresRefusesOrReportsWrites()
    {
        AddressSpace space = Flat();
        IRamBlock block = _memory.Allocate("rom", 0x1000, []);
        var reported = new List<ulong>();
        space.Map(new RomRegion("ignore", block), 0);
        space.Map(new RomRegion("refuse", block, RomWrite.Refuse), 0x1000);
        space.Map(new RomRegion("report", block, RomWrite.Report, (offset, _, _) => reported.Add(offset)), 0x2000);
        Assert.Equal(AccessResult.Ok, space.Write(0x10, 4, 1, Cpu));
        Assert.Equal(AccessResult.ReadOnly, space.Write(0x1010, 4, 1, Cpu));
        Assert.Equal(AccessResult.Ok, space.Write(0x2010, 4, 1, Cpu));
        Assert.Equal([0x10UL], reported);
        space.Read(0x10, 4, out ulong value, Cpu);
        Assert.Equal(0UL, value);
    }

    [Fact]
    public void AnAliasShowsAPartOfItsTarget()
    {
        AddressSpace space = Flat();
        RamRegion ram = Ram(_memory, "ram", 0x4000);
        space.Map(ram, 0);
        space.Map(new AliasRegion("alias", ram, 0x2000, 0x1000), 0x10000);
        space.Write(0x10008, 4, 0xCAFE, Cpu);
        space.Read(0x2008, 4, out ulong value, Cpu);
        Assert.Equal(0xCAFEUL, value);
    }

    [Fact]
    public void PrioritiesInAContainerCountOnlyThere()
    {
        AddressSpace space = Flat();
        ContainerRegion container = new ContainerRegion("box", 0x3000)
            .Add(Ram(_memory, "under", 0x3000), 0, priority: 50)
            .Add(Ram(_memory, "over", 0x1000), 0x1000, priority: 100);
        space.Map(container, 0x8000);
        space.Map(Ram(_memory, "outside", 0x1000), 0x9000, priority: 1);
        Assert.Equal(["under", "outside", "under"], space.GetFlatView().Select(r => r.Region.Name));
    }

    [Fact]
    public void AWindowHasTheHolesOfTheSpaceBehindIt()
    {
        AddressSpace outer = Flat(read: UnmappedReadWord.Zeros), inner = Flat();
        inner.Map(Ram(_memory, "ram", 0x1000), 0x2000);
        outer.Map(Ram(_memory, "below", 0x10000), 0);
        outer.Map(new WindowRegion("window", inner, 0, 0x8000), 0, priority: 1);
        outer.Read(0, 4, out ulong hole, Cpu);
        Assert.Equal(0xFFFFFFFFUL, hole);
        outer.Write(0x2004, 4, 0x1234, Cpu);
        inner.Read(0x2004, 4, out ulong value, Cpu);
        Assert.Equal(0x1234UL, value);
    }

    [Fact]
    public void AFallthroughWindowLetsLowerPrioritiesAnswerInItsHoles()
    {
        AddressSpace outer = Flat(), inner = Flat();
        RamRegion ram = Ram(_memory, "inner", 0x1000);
        outer.Map(Ram(_memory, "below", 0x10000), 0);
        outer.Map(new WindowRegion("window", inner, 0, 0x8000) { Fallthrough = true }, 0, priority: 1);
        Assert.Equal("below", outer.Decode(0x2000).Region?.Name);
        IRegionMapping mapping = inner.Map(ram, 0x2000);
        Assert.Equal("inner", outer.Decode(0x2000).Region?.Name);
        mapping.Dispose();
        Assert.Equal("below", outer.Decode(0x2000).Region?.Name);
    }

    [Fact]
    public void AChangeBehindAWindowIsAnnouncedInFrontOfIt()
    {
        AddressSpace outer = Flat(), inner = Flat();
        outer.Map(new WindowRegion("window", inner, 0, 0x8000), 0);
        int announced = 0;
        outer.Changed += _ => announced++;
        inner.Map(Ram(_memory, "ram", 0x1000), 0);
        Assert.Equal(1, announced);
    }

    [Fact]
    public void ASparseWindowTakesLengthAndLaneFromTheAddress()
    {
        AddressSpace outer = Flat(40), io = Ports();
        var registers = new RecordingRegisters { Value = 0x60 };
        io.Map(new MmioRegion("uart", 8, registers), 0x3F8);
        outer.Map(new WindowRegion("sparse", io, 0, 1UL << 21) { Kind = WindowKind.Sparse }, 0x100000);

        // Port 0x3FD as a byte: address shifted by 5, length code 0; the byte comes in lane 1.
        outer.Read(0x100000 + (0x3FD << 5), 4, out ulong value, Cpu);
        Assert.Equal(("read", 5UL, 1), (registers.Accesses[0].Kind, registers.Accesses[0].Offset, registers.Accesses[0].Width));
        Assert.Equal(0UL, value & 0xFF);
        outer.Write(0x100000 + (0x3FC << 5) + (1 << 3), 4, 0xABCD, Cpu);
        Assert.Equal(("write", 4UL, 2, 0xABCDUL), registers.Accesses[1]);
    }

    [Fact]
    public void DirectPointersFollowWindowsAndEndWithTheirRegion()
    {
        AddressSpace outer = Flat(), inner = Flat();
        inner.Map(Ram(_memory, "ram", 0x3000), 0x1000);
        outer.Map(new WindowRegion("window", inner, 0x1000, 0x2000), 0x8000);
        Assert.True(outer.TryGetDirect(0x8100, write: true, Cpu, out DirectMemory memory));
        Assert.Equal(0x1F00UL, memory.Length);
        memory.AsSpan()[0] = 0x77;
        inner.Read(0x1100, 1, out ulong value, Cpu);
        Assert.Equal(0x77UL, value);
        Assert.False(outer.TryGetDirect(0x7000, write: false, Cpu, out _));
    }

    [Fact]
    public void AnAreaRefusesMastersWithoutTheRight()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "ram", 0x4000), 0);
        space.AddArea(new FirmwareArea("pal", 0x1000, 0x1FFF, "pal").Allow(MasterKind.CharDevice, AreaRights.Read));
        var device = new AccessAttributes(new BusMaster("mem", MasterKind.CharDevice));
        Assert.Equal(AccessResult.ReadOnly, space.Write(0x1800, 4, 1, device));
        Assert.Equal(AccessResult.Ok, space.Write(0x1800, 4, 1, Cpu));
        Assert.False(space.TryGetDirect(0x1800, write: true, device, out _));
        Assert.True(space.TryGetDirect(0x0800, write: true, device, out DirectMemory memory));
        Assert.Equal(0x800UL, memory.Length);
        Assert.True(space.TryGetDirect(0x1800, write: false, device, out _));
    }

    [Fact]
    public void BlocksStopAtTheFirstErrorAndCountWhatWasDone()
    {
        AddressSpace space = new("phys", 32, new FlatBus(new FlatBusOptions(8, new UnmappedOptions(UnmappedReadWord.Error, UnmappedWriteWord.Error))));
        space.Map(Ram(_memory, "ram", 0x1000), 0);
        Assert.Equal(AccessResult.DecodeError, space.ReadBlock(0xFF0, new byte[32], Cpu, out int done));
        Assert.Equal(16, done);
        Assert.Equal(AccessResult.DecodeError, space.WriteBlock(0xFFC, new byte[8], Cpu, out done));
        Assert.Equal(4, done);
    }

    [Fact]
    public void TheLastAddressOfTheWidestSpaceAnswers()
    {
        AddressSpace space = Flat(63);
        space.Map(Ram(_memory, "top", 0x1000), (1UL << 63) - 0x1000);
        space.Write((1UL << 63) - 8, 8, 0x1234, Cpu);
        space.Read((1UL << 63) - 8, 8, out ulong value, Cpu);
        Assert.Equal(0x1234UL, value);
        space.Read((1UL << 63) - 4, 8, out value, Cpu);
        Assert.Equal(0xFFFFFFFF_00000000UL, value);
        Assert.Equal(AccessResult.Ok, space.Read(ulong.MaxValue, 1, out value, Cpu));
        Assert.Equal(0xFFUL, value);
    }

    [Fact]
    public void DecodeNamesTheLosersWithTheirReasons()
    {
        AddressSpace space = Flat();
        space.Map(Ram(_memory, "low", 0x1000), 0);
        space.Map(Ram(_memory, "high", 0x1000), 0, priority: 5);
        AddressDecode decode = space.Decode(0x10);
        Assert.Equal("high", decode.Region?.Name);
        Assert.Equal([("high", true), ("low", false)], decode.Steps.Select(s => (s.Mapping.Region.Name, s.Wins)));
        Assert.Contains("priority 0 is below 5", decode.Steps[1].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public void EightGibibytesOfUntouchedRamCostLittle()
    {
        long before = Environment.WorkingSet;
        AddressSpace space = Flat(40);
        space.Map(Ram(_memory, "ram", 8UL << 30, 0), 0);
        space.Write((8UL << 30) - 8, 8, 1, Cpu);
        Assert.True(Environment.WorkingSet - before < 100L << 20);
    }
}
