using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kmem.Ir;

/// <summary>Why code stopped and what the dispatch loop must do.</summary>
public enum ExitReason
{
    /// <summary>A link to the next block must be made; <see cref="CpuState.Successor"/> says which.</summary>
    Link = 0,

    /// <summary>The next block must be looked up by <see cref="CpuState.Pc"/>.</summary>
    Indirect = 1,

    /// <summary>The instruction at <see cref="CpuState.Pc"/> must be interpreted: translated code can't do it.</summary>
    Side = 2,

    /// <summary>The budget ends before the next block does.</summary>
    Budget = 3,

    /// <summary>The instruction at <see cref="CpuState.Pc"/> raised <see cref="CpuState.Fault"/>.</summary>
    Fault = 4,

    /// <summary>Something needs a look at this instruction boundary.</summary>
    Attention = 5,

    /// <summary>The block in <see cref="CpuState.Next"/> was executed often enough to be translated.</summary>
    Hot = 6,

    /// <summary>The block in <see cref="CpuState.Next"/> has translated code.</summary>
    Compiled = 7,

    /// <summary>The instruction has done a part of its work and must be carried out again, after a look at whatever wants attention.</summary>
    Again = 8,
}

/// <summary>What code and dispatch loop share about one CPU, in native memory: header, then slots.</summary>
/// <remarks>Slots hold guest registers first (numbers given by the CPU's plugin), then the temporaries of the block that runs.</remarks>
[StructLayout(LayoutKind.Sequential)]
public unsafe struct CpuState
{
    /// <summary>The bits of <see cref="Epoch"/> that count for code in global pages.</summary>
    public const uint GlobalEpoch = 0xFFFF_0000;

    /// <summary>Number of slots.</summary>
    public const int SlotCount = 1024;

    /// <summary>log2 of the number of TLB entries of a mode.</summary>
    public const int TlbBits = 13;

    /// <summary>Guest instructions left until the dispatch loop must be asked.</summary>
    public long Budget;

    /// <summary>Virtual address of the next instruction; valid outside of blocks alone.</summary>
    public ulong Pc;

    /// <summary>Entries of the present mode.</summary>
    public TlbEntry* Tlb;

    /// <summary>A byte for each 64 bytes of host memory that holds RAM: not zero where there are translated instructions. Biased, so that host address / 64 is the index.</summary>
    public byte* CodeLines;

    /// <summary>First virtual address of the window through which RAM is reached without translation.</summary>
    public ulong LinearBase;

    /// <summary>Length of that window in bytes; 0 while the present mode has none.</summary>
    public ulong LinearLength;

    /// <summary>The window's length for accesses at any address: the same where a reserve lies behind it, so that none of them leaves it; else 0.</summary>
    public ulong SpanLength;

    /// <summary>Host address of the window's first byte.</summary>
    public nint LinearHost;

    /// <summary>Where links between blocks are valid: changes with every change of a mapping of code; the low half alone where no global one has changed.</summary>
    public uint Epoch;

    /// <summary>Mode bits that the meaning of instructions depends on; part of a block's identity.</summary>
    public uint Context;

    /// <summary>Not zero when the dispatch loop must be asked at the next instruction boundary; set by register accesses.</summary>
    public int Attention;

    /// <summary>Executions after which a block is reported as hot.</summary>
    public int HotThreshold;

    /// <summary>The CPU's own number of the fault that the last instruction raised; 0 for none.</summary>
    public int Fault;

    /// <summary>Virtual address that faulted, or what else the fault's kind says.</summary>
    public ulong FaultAddress;

    /// <summary>A second word of the fault.</summary>
    public ulong FaultDetail;

    /// <summary>Where the slow path stood in the block: its micro-op.</summary>
    public MicroOp* Current;

    /// <summary>The block that runs in the interpreter.</summary>
    public CodeBlock* Block;

    /// <summary>The block that an exit speaks of.</summary>
    public CodeBlock* Next;

    /// <summary>The successor that an exit speaks of.</summary>
    public Successor* Successor;

    /// <summary>Direct-mapped table from virtual addresses to blocks.</summary>
    public CodeBlock** Jumps;

    /// <summary>Slow path of a load: state, address, width in bytes, place for the value. Gives false at a fault.</summary>
    public delegate*<CpuState*, ulong, int, ulong*, bool> SlowLoad;

    /// <summary>Slow path of a store: state, address, width in bytes (0 for nothing but the faults of one byte), value. Gives false at a fault.</summary>
    public delegate*<CpuState*, ulong, int, ulong, bool> SlowStore;

    /// <summary>Handle of the managed object behind the CPU.</summary>
    public nint Owner;

    /// <summary>Instructions executed so far plus <see cref="Budget"/>: what the count will be when the budget is used up.</summary>
    public ulong ExecutedAtZero;

    /// <summary>Slots.</summary>
    public fixed ulong Slots[SlotCount];

    /// <summary>log2 of the number of entries of the table of jumps.</summary>
    public const int JumpBits = 12;

    /// <summary>The managed object behind the CPU.</summary>
    public readonly object? Managed => GCHandle.FromIntPtr(Owner).Target;

    /// <summary>Index of a virtual address in the table of jumps.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static int JumpIndex(ulong pc) => (int)((pc >> 2) ^ (pc >> 14)) & ((1 << JumpBits) - 1);
}
