using Kmem.Abstractions;
using Kmem.Machine;
using Kmem.Memory;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>The bus master that adds again and again.</summary>
public sealed class DmaWriterTests
{
    private const ulong Registers = 0x801_0000_0000, Place = 0x1000;

    [Fact]
    public void ItAddsOnceAnIntervalUntilItIsDisarmed()
    {
        using RunningMachine machine = Build();
        AddressSpace bus = machine.Spaces["phys"];
        Write(bus, 0x00, Place);
        Write(bus, 0x08, 5);
        Write(bus, 0x28, 1000);
        Write(bus, 0x10, 2);
        for (int i = 0; i < 10; i++)
        {
            machine.Clock.Advance(1000);
            bus.GrantBus();
        }

        Assert.Equal((50UL, 10UL), (Read(bus, Place), Read(bus, Registers + 0x18)));
        Write(bus, 0x10, 0);
        machine.Clock.Advance(100_000);
        bus.GrantBus();
        Assert.Equal(50UL, Read(bus, Place));
    }

    [Fact]
    public void AnIntervalHasBounds()
    {
        using RunningMachine machine = Build();
        AddressSpace bus = machine.Spaces["phys"];
        Write(bus, 0x28, 0);
        Assert.Equal(100UL, Read(bus, Registers + 0x28));
        Write(bus, 0x28, ulong.MaxValue);
        Assert.Equal(1_000_000_000UL, Read(bus, Registers + 0x28));
    }

    private static RunningMachine Build() =>
        MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "lost-update.yaml"), catalog: SolutionFolders.Plugins()).Machine!;

    private static void Write(AddressSpace bus, ulong register, ulong value) => Assert.Equal(AccessResult.Ok, bus.Write(Registers + register, 8, value, new AccessAttributes(BusMaster.Debugger)));

    private static ulong Read(AddressSpace bus, ulong address)
    {
        Assert.Equal(AccessResult.Ok, bus.Read(address, 8, out ulong value, AccessAttributes.Debug));
        return value;
    }
}
