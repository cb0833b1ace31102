using Kmem.Engine;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.CpuX86.Tests.Systems;

/// <summary>A machine in real mode that carries out one instruction with a HLT behind it; every exception ends at a HLT of its own.</summary>
internal sealed unsafe class RealBench : IDisposable
{
    /// <summary>What <see cref="Run"/> returns where no exception came.</summary>
    public const int None = -1;

    /// <summary>The code segment's selector; the instruction stands at <see cref="CodeAt"/> in it.</summary>
    public const ushort Code = 0x1000;

    /// <summary>Offset of the instruction.</summary>
    public const ulong CodeAt = 0x100;

    /// <summary>Selectors of the data, extra and stack segments.</summary>
    public const ushort Data = 0x2000, Extra = 0x3000, Stack = 0x4000;

    private const ulong Handlers = 0x500;

    /// <summary>Creates it.</summary>
    public RealBench(EngineMode mode, string model = "max")
    {
        Bench = new X86Bench(mode, model);
        Start();
    }

    /// <summary>The machine.</summary>
    public X86Bench Bench { get; }

    /// <summary>A general register's low word.</summary>
    public ushort this[int slot] => (ushort)Bench.Slot(slot);

    /// <summary>The word at an offset of a segment.</summary>
    public ushort Word(ushort segment, ushort offset) => (ushort)(Bench.Memory[(segment << 4) + offset] | (Bench.Memory[(segment << 4) + (ushort)(offset + 1)] << 8));

    /// <summary>Puts the CPU into its first state: all registers zero but for SP, which is 1000h.</summary>
    public void Start()
    {
        X86Bench bench = Bench;
        bench.Cpu.Reset();
        bench.Execution.Restart();
        for (int i = 0; i < 8; i++)
        {
            bench.Slot(i) = i == X86Slots.Rsp ? 0x1000UL : 0;
        }

        bench.Slot(X86Slots.Attributes + X86Slots.Cs) = SegmentAttributes.RealData;
        bench.Cpu.SetRealSegment(X86Slots.Cs, Code);
        bench.Cpu.SetRealSegment(X86Slots.Ds, Data);
        bench.Cpu.SetRealSegment(X86Slots.Es, Extra);
        bench.Cpu.SetRealSegment(X86Slots.Ss, Stack);
        bench.Slot(X86Slots.IdtrLimit) = 0x3FF;
        bench.Cpu.SetEflags(Eflags.Fixed);
        for (uint i = 0; i < 32; i++)
        {
            bench.Load(i * 4, [(byte)i, 0, (byte)(Handlers >> 4), 0]);
            bench.Load(Handlers + i, [0xF4]);
        }
    }

    /// <summary>Carries out an instruction in the present state.</summary>
    /// <returns>The exception's number, or <see cref="None"/>.</returns>
    public int Run(params byte[] bytes)
    {
        Bench.Load((Code << 4) + CodeAt, [.. bytes, 0xF4]);
        Bench.Cpu.UpdateContext();
        Bench.Cpu.SetIp(CodeAt);
        for (int k = 0; k < 4 && Bench.Execution.Stopped is null && !Bench.Execution.IsWaiting; k++)
        {
            Bench.Execution.Run(50);
        }

        return Bench.Slot(X86Slots.Selector + X86Slots.Cs) == Handlers >> 4 ? (int)Bench.Cpu.Ip - 1 : None;
    }

    /// <inheritdoc/>
    public void Dispose() => Bench.Dispose();
}
