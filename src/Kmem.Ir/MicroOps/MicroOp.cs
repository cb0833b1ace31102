using System.Runtime.InteropServices;

namespace Kmem.Ir;

/// <summary>What the interpreter has seen at a memory access; tells the translator which path to take.</summary>
[Flags]
public enum SiteFlags : byte
{
    /// <summary>Nothing special: inside the linear window where there is one.</summary>
    None = 0,

    /// <summary>RAM through the TLB.</summary>
    Tlb = 1,

    /// <summary>Registers, faults or code pages: the slow path.</summary>
    Slow = 2,

    /// <summary>Must not rely on the page of an access near by, nor on the lines beside its own.</summary>
    Single = 4,
}

/// <summary>One operation on slots, 16 bytes.</summary>
[StructLayout(LayoutKind.Sequential)]
public struct MicroOp
{
    /// <summary>Highest number of a slot.</summary>
    public const int MaxSlot = CpuState.SlotCount - 1;

    /// <summary>What it does.</summary>
    public Uop Code;

    /// <summary>What was seen here.</summary>
    public SiteFlags Site;

    /// <summary>Slot of the result.</summary>
    public ushort D;

    /// <summary>Slot of the first operand.</summary>
    public ushort A;

    /// <summary>Slot of the second operand, or a number in a table.</summary>
    public ushort B;

    /// <summary>Immediate operand, displacement or address.</summary>
    public ulong Immediate;
}
