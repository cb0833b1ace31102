using System.Runtime.InteropServices;

namespace Kmem.Ir;

/// <summary>A way out of a block and the block that stands there.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct Successor
{
    /// <summary>Virtual address.</summary>
    public ulong Pc;

    /// <summary>The block; null until it is linked.</summary>
    public CodeBlock* Target;
}

/// <summary>Where a guest instruction begins in its block.</summary>
/// <param name="Operation">Index of its first micro-op.</param>
/// <param name="Offset">Offset in bytes from the block's first instruction.</param>
[StructLayout(LayoutKind.Sequential)]
public readonly record struct InstructionMark(int Operation, int Offset);

/// <summary>A straight run of guest instructions, lifted; lives in native memory until its cache is emptied.</summary>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CodeBlock
{
    /// <summary>Successors kept for a block: two for branches, all for jumps.</summary>
    public const int SuccessorCount = 8;

    /// <summary>Virtual address of the first instruction.</summary>
    public ulong Pc;

    /// <summary>Physical address of the first instruction.</summary>
    public ulong Physical;

    /// <summary>Physical address of the page in which its only instruction ends; ~0 where it ends in its own.</summary>
    public ulong NextPhysical;

    /// <summary>Mode bits under which it was lifted.</summary>
    public uint Context;

    /// <summary>Guest instructions in it.</summary>
    public int Instructions;

    /// <summary>Length in bytes of guest code.</summary>
    public int Length;

    /// <summary>Number of micro-ops.</summary>
    public int OperationCount;

    /// <summary>Micro-ops; the last one is a terminator.</summary>
    public MicroOp* Operations;

    /// <summary>Where each instruction begins.</summary>
    public InstructionMark* Marks;

    /// <summary>Translated code; 0 while there is none.</summary>
    public nint Entry;

    /// <summary>Epoch in which its mapping was last found valid.</summary>
    public uint Epoch;

    /// <summary>Bits of the epoch that count: none for code whose mapping can't change, <see cref="CpuState.GlobalEpoch"/> for code in global pages, all for other code and for a block that is dead.</summary>
    public uint EpochMask;

    /// <summary>How often it was executed by the interpreter.</summary>
    public int Executions;

    /// <summary>Number in its cache.</summary>
    public int Id;

    /// <summary>Successors: [0] falls through or is the target of a plain jump, [1] is a branch's target.</summary>
    public Successor Successor0, Successor1, Successor2, Successor3, Successor4, Successor5, Successor6, Successor7;

    /// <summary>Index of the instruction that a micro-op belongs to.</summary>
    /// <param name="operation">Index of the micro-op.</param>
    public readonly int InstructionOf(int operation)
    {
        int low = 0, high = Instructions - 1;
        while (low < high)
        {
            int middle = (low + high + 1) >>> 1;
            if (Marks[middle].Operation <= operation)
            {
                low = middle;
            }
            else
            {
                high = middle - 1;
            }
        }

        return low;
    }
}
