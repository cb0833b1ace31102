using Kmem.Abstractions;
using Kmem.Memory;
using Kmem.Plugins.Buses;

namespace Kmem.Benchmarks;

/// <summary>What the benchmarks measure: memory, a register and a large flat view.</summary>
internal sealed class Spaces : IDisposable
{
    public const int BulkLength = 1 << 20;

    private readonly MachineMemory _memory = new("benchmark");
    private uint _register = 1;

    public Spaces()
    {
        Flat = new AddressSpace("phys", 40, new FlatBus(new FlatBusOptions()));
        Flat.Map(new RamRegion("ram", _memory.Allocate("ram", 64 << 20, [new RamPlacement(0, 64 << 20, 0)])), 0);
        RegisterMap registers = new RegisterMap(width: 4).Add(0, "DATA", () => _register, v => _register = (uint)v);
        Flat.Map(new MmioRegion("device", 4096, registers), 0x1000_0000);
        Large = new AddressSpace("large", 40, new FlatBus(new FlatBusOptions()));
        Last = Large.Map(new MmioRegion("last", 0x1000, registers), 0x4000_0000);
        for (int i = 0; i < 999; i++)
        {
            Large.Map(new MmioRegion($"r{i}", 0x1000, registers), (ulong)i * 0x2000);
        }
    }

    public AddressSpace Flat { get; }

    public AddressSpace Large { get; }

    public IRegionMapping Last { get; }

    public AccessAttributes Cpu { get; } = new(new BusMaster("cpu", MasterKind.Cpu));

    public byte[] Buffer { get; } = new byte[BulkLength];

    /// <summary>The same guest memory without a space in between: what a plain copy reads.</summary>
    public ReadOnlySpan<byte> Source => Flat.TryGetDirect(0x10_0000, write: false, Cpu, out DirectMemory memory) ? memory.AsSpan()[..BulkLength] : [];

    /// <summary>One rebuild of the flat view of 1,000 regions.</summary>
    public void Rebuild() => Last.Address ^= 0x8000_0000;

    public void Dispose() => _memory.Dispose();
}
