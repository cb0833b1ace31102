using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Engine.Code;
using Kmem.Ir;
using Kmem.Machine.Time;
using Kmem.Memory;
using Kmem.Plugins.Buses;
using Kmem.Plugins.CpuX86;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Testing;

namespace Kmem.CpuX86.Tests;

/// <summary>An x86 CPU with RAM at physical 0, for single instructions and short programs.</summary>
internal sealed unsafe class X86Bench : IDisposable
{
    /// <summary>Bytes of RAM from physical 0.</summary>
    public const ulong MemoryLength = 8 << 20;

    private readonly TestDeviceContext _context = new();
    private readonly CodeMap _map;
    private readonly nint _memory;

    /// <summary>Creates the machine; the CPU is in its state after a reset.</summary>
    public X86Bench(EngineMode mode, string model = "max", bool hasApic = false)
    {
        Space = new AddressSpace("phys", 40, new FlatBus(new FlatBusOptions()));
        IRamBlock ram = _context.Memory.Allocate("ram", MemoryLength, [new RamPlacement(0, MemoryLength, 0)]);
        Space.Map(new RamRegion("ram", ram), 0);
        _memory = ram.Pointer;
        _context.WithSpace("phys", Space);
        Cpu = new X86Cpu(new X86Options(Ports: "", Model: model, AccessCycles: 0, Apic: hasApic), _context);
        _map = new CodeMap(_context.Memory);
        Execution = new CpuExecution(Cpu, _map, new EngineOptions { Mode = mode, Verify = true });
    }

    /// <summary>The CPU.</summary>
    public X86Cpu Cpu { get; }

    /// <summary>Its execution.</summary>
    public CpuExecution Execution { get; }

    /// <summary>Sets one of the CPU's pins.</summary>
    public void Drive(string input, bool level) => _context.Drive(input, level);

    /// <summary>The level of one of its outputs.</summary>
    public bool Output(string name) => _context.Outputs[name].Level;

    /// <summary>Guest time, which only a test moves.</summary>
    public MachineClock Time => _context.Time;

    /// <summary>The physical space.</summary>
    public AddressSpace Space { get; }

    /// <summary>The CPU's state.</summary>
    public CpuState* State => Execution.State;

    /// <summary>RAM.</summary>
    public Span<byte> Memory => new((void*)_memory, (int)MemoryLength);

    /// <summary>A slot.</summary>
    public ref ulong Slot(int number) => ref State->Slots[number];

    /// <summary>Writes bytes as a loader would that tells the CPU.</summary>
    public void Load(ulong physical, ReadOnlySpan<byte> bytes)
    {
        bytes.CopyTo(Memory[(int)physical..]);
        _map.Changed(_memory + (nint)physical, bytes.Length);
    }

    /// <summary>Reads a quadword of RAM.</summary>
    public ulong Read(ulong physical) => *(ulong*)(_memory + (nint)physical);

    /// <summary>Writes a quadword of RAM behind the CPU's back.</summary>
    public void Write(ulong physical, ulong value) => *(ulong*)(_memory + (nint)physical) = value;

    /// <inheritdoc/>
    public void Dispose()
    {
        Execution.Dispose();
        _map.Dispose();
        _context.Dispose();
    }
}
