using Kmem.Abstractions;
using Kmem.Plugins.Buses;

namespace Kmem.Memory.Tests;

/// <summary>Small spaces for tests.</summary>
internal static class TestSpaces
{
    public static readonly AccessAttributes Cpu = new(new BusMaster("cpu", MasterKind.Cpu));

    public static AddressSpace Flat(int width = 32, UnmappedReadWord read = UnmappedReadWord.Ones) => new("phys", width, new FlatBus(new FlatBusOptions(8, new UnmappedOptions(read))));

    public static AddressSpace Ports() => new("io", 16, new PortBus(new PortBusOptions()));

    public static AddressSpace Alpha() => new("phys", 44, new AlphaQuadwordBus(new AlphaQuadwordBusOptions()));

    public static RamRegion Ram(MachineMemory memory, string name, ulong length, ulong? physical = null) =>
        new(name, memory.Allocate(name, length, [new RamPlacement(0, length, physical)]));
}

/// <summary>Registers that keep what is written and remember each access.</summary>
internal sealed class RecordingRegisters : IRegionHandler
{
    public List<(string Kind, ulong Offset, int Width, ulong Value)> Accesses { get; } = [];

    public ulong Value { get; set; }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = Value >> (8 * (int)(offset & 7));
        Accesses.Add(("read", offset, width, value));
        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        Accesses.Add(("write", offset, width, value));
        return AccessResult.Ok;
    }
}

/// <summary>Remembers the cycles of a bus.</summary>
internal sealed class CycleRecorder : IBusObserver
{
    public List<BusTransaction> Cycles { get; } = [];

    public void OnTransaction(in BusTransaction transaction) => Cycles.Add(transaction);
}
