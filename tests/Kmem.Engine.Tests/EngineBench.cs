using Kmem.Abstractions;
using Kmem.Engine.Code;
using Kmem.Ir;
using Kmem.Memory;
using Kmem.Plugins.Buses;

namespace Kmem.Engine.Tests;

/// <summary>One or more test CPUs on a megabyte of RAM, with registers at <see cref="Device"/>.</summary>
internal sealed unsafe class EngineBench : IDisposable
{
    /// <summary>Physical address of the registers.</summary>
    public const ulong Device = 0x20_0000;

    private readonly MachineMemory _memory = new("engine-test");
    private readonly IRamBlock _ram;
    private readonly CodeMap _map;

    public EngineBench(EngineOptions options, int cpus = 1, int blockLimit = 64)
    {
        Space = new AddressSpace("phys", 32, new FlatBus(new FlatBusOptions(8, new UnmappedOptions(UnmappedReadWord.MachineCheck, UnmappedWriteWord.MachineCheck))));
        _ram = _memory.Allocate("ram", 1 << 20, [new RamPlacement(0, 1 << 20, 0)]);
        Space.Map(new RamRegion("ram", _ram), 0);
        Space.Map(new MmioRegion("registers", 0x1000, Registers), Device);
        _map = new CodeMap(_memory);
        Space.MemoryWritten += _map.Changed;
        for (int i = 0; i < cpus; i++)
        {
            var cpu = new TestCpu(Space, $"cpu{i}") { BlockLimit = blockLimit };
            Cpus.Add(cpu);
            Executions.Add(new CpuExecution(cpu, _map, options with { Verify = true }));
        }

        Registers.Bench = this;
    }

    public AddressSpace Space { get; }

    public List<TestCpu> Cpus { get; } = [];

    public List<CpuExecution> Executions { get; } = [];

    public TestRegisters Registers { get; } = new();

    public TestCpu Cpu => Cpus[0];

    public CpuExecution Execution => Executions[0];

    public CpuState* State => Execution.State;

    public ref ulong Slot(int slot, int cpu = 0) => ref Executions[cpu].State->Slots[slot];

    /// <summary>Writes a program behind the CPU's back; before anything runs.</summary>
    public void Program(ulong physical, params Instruction[] instructions)
    {
        foreach (Instruction instruction in instructions)
        {
            uint word = Cpus[0].Add(instruction);
            foreach (TestCpu other in Cpus.Skip(1))
            {
                other.Add(instruction);
            }

            *(uint*)(_ram.Pointer + (nint)physical) = word;
            physical += 4;
        }
    }

    /// <summary>A quadword of RAM.</summary>
    public ref ulong Memory(ulong physical) => ref *(ulong*)(_ram.Pointer + (nint)physical);

    /// <summary>Runs from an address.</summary>
    public void Run(ulong pc, long instructions, int cpu = 0)
    {
        Executions[cpu].State->Pc = pc;
        Executions[cpu].Run(instructions);
    }

    /// <summary>Whether there is translated code for an address.</summary>
    public bool IsTranslated(ulong pc) => Execution.Cache.Find(pc, pc, State->Context) is var block && block != null && block->Entry != 0;

    public void Dispose()
    {
        Executions.ForEach(e => e.Dispose());
        _map.Dispose();
        _memory.Dispose();
    }
}

/// <summary>Registers: a read gives the count of instructions; a write of 1 raises the CPU's line, of 0 lowers it.</summary>
internal sealed class TestRegisters : IRegionHandler
{
    public EngineBench Bench { get; set; } = null!;

    public int Accesses { get; private set; }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        Accesses++;
        value = Bench.Execution.Executed;
        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        Accesses++;
        Bench.Cpu.Line = value != 0;
        return AccessResult.Ok;
    }
}
