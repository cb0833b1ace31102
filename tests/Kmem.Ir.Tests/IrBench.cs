using System.Runtime.InteropServices;

namespace Kmem.Ir.Tests;

/// <summary>Runs micro-ops in the interpreter on a state of its own, without an engine.</summary>
internal sealed unsafe class IrBench : IDisposable
{
    /// <summary>Slots that are registers.</summary>
    public const int RegisterCount = 16;

    private readonly TlbEntry* _tlb;

    public IrBench()
    {
        State = (CpuState*)NativeMemory.AlignedAlloc((nuint)sizeof(CpuState), 64);
        *State = default;
        _tlb = (TlbEntry*)NativeMemory.AllocZeroed(1 << CpuState.TlbBits, (nuint)sizeof(TlbEntry));
        new Span<TlbEntry>(_tlb, 1 << CpuState.TlbBits).Fill(new TlbEntry { Read = TlbEntry.None, Write = TlbEntry.None });
        State->Tlb = _tlb;
        State->HotThreshold = int.MaxValue;
    }

    public CpuState* State { get; }

    public ref ulong Slot(int slot) => ref State->Slots[slot];

    /// <summary>Runs a block once.</summary>
    /// <param name="operations">Micro-ops; a <see cref="Uop.Stop"/> is added when no terminator is there.</param>
    /// <param name="taken">Index of the successor that the block left by, for blocks that branch.</param>
    public ExitReason Run(MicroOp[] operations, out int taken)
    {
        MicroOp[] all = operations.Length > 0 && UopTable.EndsBlock(operations[^1].Code) ? operations : [.. operations, new MicroOp { Code = Uop.Stop, Immediate = 0x1000 }];
        var block = new CodeBlock { Instructions = 1, OperationCount = all.Length, Executions = int.MinValue / 2 };
        (block.Successor0.Pc, block.Successor1.Pc) = (0x100, 0x200);
        State->Budget = 100;
        InstructionMark mark = default;
        fixed (MicroOp* first = all)
        {
            block.Operations = first;
            block.Marks = &mark;
            ExitReason reason = Interpreter.Run(State, &block, 12, ignoreEntry: true);
            taken = reason == ExitReason.Link ? (int)(State->Successor - &block.Successor0) : -1;
            return reason;
        }
    }

    public void Dispose()
    {
        NativeMemory.Free(_tlb);
        NativeMemory.AlignedFree(State);
    }
}
