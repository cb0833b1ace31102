using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Memory;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

public sealed class CompositionTests
{
    private static readonly AccessAttributes Cpu = new(new BusMaster("cpu", MasterKind.Cpu));

    public static TheoryData<string> Machines => [.. Directory.EnumerateFiles(SolutionFolders.Machines, "*.yaml").Select(f => Path.GetFileName(f)!).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Machines))]
    public void EveryMachineBuildsAndItsChecksHold(string name)
    {
        string path = Path.Combine(SolutionFolders.Machines, name);
        BuildResult result = MachineFactory.Load(path, catalog: SolutionFolders.Plugins());
        Assert.True(result.Machine is not null, string.Join('\n', result.Diagnostics.Sorted));
        using RunningMachine machine = result.Machine;
        var diagnostics = new DiagnosticBag();
        Assert.True(new MachineChecker(path, new LoadOptions(), SolutionFolders.Plugins()).Check(machine, diagnostics) > 0);
        Assert.Empty(diagnostics.Sorted);
    }

    [Fact]
    public void ABankSplitAroundTheHoleIsOneMemoryAtItsPhysicalAddresses()
    {
        BuildResult result = MachineFactory.Load(
            Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), new LoadOptions { Parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["ram"] = "6GiB" } }, catalog: SolutionFolders.Plugins());
        using RunningMachine machine = result.Machine!;
        IRamBlock ram = machine.Memory.Blocks.First(b => b.Name == "dram");
        Assert.Equal([(0UL, 3UL << 30, 0UL), (3UL << 30, 3UL << 30, 4UL << 30)], ram.Extents.Select(e => (e.BlockOffset, e.Length, e.FileOffset)));
        Assert.All(ram.Extents, e => Assert.Equal(machine.Memory.RamFile, e.FileDescriptor));
        machine.MainSpace!.Write(4UL << 30, 4, 0x1234, Cpu);
        machine.MainSpace.Read(4UL << 30, 4, out ulong value, Cpu);
        Assert.Equal(0x1234UL, value);
    }

    [Fact]
    public void PamRegistersReRouteReadsAndWritesApart()
    {
        var blank = new LoadOptions { Parameters = new Dictionary<string, string>(StringComparer.Ordinal) { ["bios"] = "" } };
        using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), blank, catalog: SolutionFolders.Plugins()).Machine!;
        AddressSpace phys = machine.Spaces["phys"], io = machine.Spaces["io"];
        void Pam0(ulong value)
        {
            io.Write(0xCF8, 4, 0x8000_0058, Cpu);
            io.Write(0xCFD, 1, value, Cpu);
        }

        Assert.Equal("dram", phys.Decode(0xF0000).Region?.Name);
        Pam0(0x00);
        Assert.Equal("bios", phys.Decode(0xF0000).Region?.Name);
        Pam0(0x20);
        phys.Write(0xF0000, 1, 0x77, Cpu);
        phys.Read(0xF0000, 1, out ulong value, Cpu);
        Assert.Equal(0xFFUL, value);
        Pam0(0x10);
        phys.Read(0xF0000, 1, out value, Cpu);
        Assert.Equal(0x77UL, value);
        phys.Write(0xF0000, 1, 0x11, Cpu);
        phys.Read(0xF0000, 1, out value, Cpu);
        Assert.Equal(0x77UL, value);
    }

    [Fact]
    public void ABarMovesAndDisappearsWithItsEnableBit()
    {
        using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
        AddressSpace phys = machine.Spaces["phys"], io = machine.Spaces["io"];
        void Configure(uint register, int width, ulong value)
        {
            io.Write(0xCF8, 4, 0x8000_1000 | (register & 0xFC), Cpu);
            io.Write(0xCFC + (register & 3), width, value, Cpu);
        }

        Assert.Equal("vga.bar0", phys.Decode(0xFD00_0000).Region?.Name);
        Configure(0x10, 4, 0xFFFF_FFFF);
        io.Read(0xCFC, 4, out ulong size, Cpu);
        Assert.Equal(0xFF00_0008UL, size);
        Configure(0x10, 4, 0xE000_0000);
        Assert.Equal("vga.bar0", phys.Decode(0xE000_0000).Region?.Name);
        Assert.Null(phys.Decode(0xFD00_0000).Region);
        Configure(0x04, 2, 0);
        Assert.Null(phys.Decode(0xE000_0000).Region);
    }

    [Fact]
    public void SeveralDriversOfALevelLineAreCombinedByOr()
    {
        using RunningMachine machine = Tests.Machines.Good("""
            kmem: 1
            spaces: {phys: {type: bus.flat, width: 32}}
            devices:
              a: {type: mmio.registers, set: {registers: [{name: R, offset: 0, irq: out, irq-mask: 1}]}, map: [{space: phys, at: 0}]}
            """);
        Assert.False(machine.Lines["a.out"]);
        machine.Spaces["phys"].Write(0, 4, 3, Cpu);
        Assert.True(machine.Lines["a.out"]);
        machine.Spaces["phys"].Write(0, 4, 2, Cpu);
        Assert.False(machine.Lines["a.out"]);
    }

    [Fact]
    public void ResetPutsTheMachineIntoTheStateThatFirmwareLeaves()
    {
        using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
        AddressSpace io = machine.Spaces["io"];
        io.Write(0xCF8, 4, 0x8000_1004, Cpu);
        io.Write(0xCFC, 2, 0, Cpu);
        Assert.Null(machine.Spaces["phys"].Decode(0xFD00_0000).Region);
        machine.Reset();
        Assert.Equal("vga.bar0", machine.Spaces["phys"].Decode(0xFD00_0000).Region?.Name);
    }

    [Fact]
    public void TheLostUpdateMachineLosesItsUpdateEveryTime()
    {
        for (int run = 0; run < 3; run++)
        {
            using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "lost-update.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
            AddressSpace phys = machine.Spaces["phys"];
            phys.Write(0x801_0000_0000, 8, 0x1000, Cpu);
            phys.Write(0x801_0000_0008, 8, 1, Cpu);
            phys.Write(0x801_0000_0010, 8, 1, Cpu);
            phys.Write(0x1007, 1, 0xAA, Cpu);
            phys.Read(0x1000, 8, out ulong value, Cpu);
            phys.Read(0x801_0000_0018, 8, out ulong count, Cpu);
            Assert.Equal((0xAA00_0000_0000_0000UL, 1UL), (value, count));
            Assert.Contains("lost update at 0x1000", Assert.Single(machine.Log.Lines).Message, StringComparison.Ordinal);
        }
    }
}
