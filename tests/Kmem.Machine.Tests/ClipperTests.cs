using Kmem.Abstractions;
using Kmem.Testing;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>How the chips of alpha-clipper are wired: interrupts on their way to a CPU, and PCI masters on their way to memory.</summary>
public sealed class ClipperTests : IDisposable
{
    private const ulong Ports = 0x801_FC00_0000, Acknowledge = 0x801_F800_0000, Misc = 0x801_A000_0080, Dim0 = 0x801_A000_0200, Dir0 = 0x801_A000_0280, Iic0 = 0x801_A000_0380;
    private const ulong IsaRequest = 1UL << 55;
    private const long Second = 1_000_000_000;

    private readonly RunningMachine _machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "alpha-clipper.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
    private readonly AccessAttributes _cpu = new(new BusMaster("cpu0", MasterKind.Cpu));

    public void Dispose() => _machine.Dispose();

    [Fact]
    public void TheMachineAsFirmwareLeavesItNeedsNoTimer() => Assert.Null(_machine.Clock.NextDue);

    [Fact]
    public void TheClockOfRegisterAIsTheIntervalTimer()
    {
        Port(0x70, 0x0A);
        Port(0x71, 0x26);
        Port(0x70, 0x0B);
        Port(0x71, 0x42);
        Assert.Equal(0UL, Read(Misc) & 0xF0);
        int ticks = 0;
        for (int i = 0; i < 4096; i++)
        {
            _machine.Clock.Advance(Second / 4096);
            if ((Read(Misc) & 0x10) != 0)
            {
                ticks++;
                Write(Misc, 0x10);
            }
        }

        Assert.InRange(ticks, 1023, 1024);
        Assert.Equal((ulong)(0x200_0000 - ticks), Read(Iic0));
        Assert.Equal(0UL, Read(Dir0));
    }

    [Fact]
    public void ATimerInterruptGoesThroughThePicAndIsAcknowledgedAtThePchip()
    {
        Port(0x21, 0xFA);
        Port(0x43, 0x34);
        Port(0x40, 0x9C);
        Port(0x40, 0x2E);
        Assert.Equal(0UL, Read(Dir0) & IsaRequest);
        _machine.Clock.Advance(Second / 50);
        Assert.Equal(IsaRequest, Read(Dir0));
        Assert.Equal(0x00UL, Read(Acknowledge, 4));
        Assert.Equal(0UL, Read(Dir0));
        Port(0x20, 0x20);
        _machine.Clock.Advance(Second / 50);
        Assert.Equal(IsaRequest, Read(Dir0));
    }

    [Fact]
    public void ASerialLineInterruptsOnItsLevel()
    {
        // The controllers are in their state after Linux: input 4 is a level.
        Port(0x3F9, 0x02);
        Assert.Equal(IsaRequest, Read(Dir0));
        Assert.Equal(0x04UL, Read(Acknowledge, 4));
        Port(0x20, 0x64);
        Assert.Equal(IsaRequest, Read(Dir0));
        Port(0x3F9, 0x00);
        Assert.Equal(0UL, Read(Dir0));
        Assert.Equal(0x07UL, Read(Acknowledge, 4));
    }

    [Fact]
    public void APciMasterReachesMemoryThroughTheWindowsThatLinuxLeaves()
    {
        IAddressSpace dma = _machine.Spaces["pchip0.dma"]!;
        var master = new AccessAttributes(new BusMaster("e1000", MasterKind.Dma));
        byte[] data = [.. Enumerable.Range(0, 100_001).Select(i => (byte)(i * 31))], back = new byte[data.Length];

        // The direct window at 2 GiB, off alignment at both ends.
        Assert.Equal(AccessResult.Ok, dma.WriteBlock(0x8040_0003, data, master, out int done));
        Assert.Equal(data.Length, done);
        Assert.Equal(AccessResult.Ok, _machine.MainSpace!.ReadBlock(0x40_0003, back, _cpu, out _));
        Assert.Equal(data, back);

        // Page 0 of the scatter-gather window at 8 MiB, by an entry in the table at 0x20000.
        Write(0x2_0000, (0x40_0000 >> 13 << 1) | 1);
        Assert.Equal(AccessResult.Ok, dma.ReadBlock(0x80_0003, back.AsSpan(0, 64), master, out _));
        Assert.Equal(data[..64], back[..64]);
        Assert.Equal(AccessResult.DecodeError, dma.ReadBlock(0x80_2000, back.AsSpan(0, 64), master, out _));

        // And the monster window.
        Assert.Equal(AccessResult.Ok, dma.Read(0x100_0040_0003, 1, out ulong value, master));
        Assert.Equal(data[0], value);
    }

    [Fact]
    public void AnIsaDeviceReachesMemoryThroughTheSameWindows()
    {
        var controller = (IDmaController)_machine.Devices["dma"].Instance;
        Write(0x2_0000, (0x40_0000 >> 13 << 1) | 1);
        (ulong Port, int Value)[] program = [(0x0C, 0), (0x04, 0x00), (0x04, 0x01), (0x05, 0xFF), (0x05, 0x01), (0x81, 0x80), (0x0B, 0x46), (0x0A, 0x02)];
        Array.ForEach(program, p => Port(p.Port, p.Value));
        byte[] sector = [.. Enumerable.Range(1, 512).Select(i => (byte)i)], back = new byte[512];
        Assert.Equal(512, controller.Transfer(2, sector, out bool ended));
        Assert.True(ended);
        Assert.Equal(AccessResult.Ok, _machine.MainSpace!.ReadBlock(0x40_0100, back, _cpu, out _));
        Assert.Equal(sector, back);
    }

    private void Port(ulong port, int value) => Write(Ports + port, (ulong)value, 1);

    private ulong Read(ulong address, int width = 8)
    {
        Assert.Equal(AccessResult.Ok, _machine.MainSpace!.Read(address, width, out ulong value, _cpu));
        return value;
    }

    private void Write(ulong address, ulong value, int width = 8) => Assert.Equal(AccessResult.Ok, _machine.MainSpace!.Write(address, width, value, _cpu));
}
