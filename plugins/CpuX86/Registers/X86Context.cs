namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Mode bits that the meaning of instructions depends on; part of a block's identity.</summary>
[Flags]
internal enum X86Context : uint
{
    /// <summary>16-bit real mode.</summary>
    None = 0,

    /// <summary>Code has 32-bit operands and addresses by default.</summary>
    Code32 = 0x0001,

    /// <summary>64-bit code.</summary>
    Code64 = 0x0002,

    /// <summary>The stack pointer has 32 bits (SS.B).</summary>
    Stack32 = 0x0004,

    /// <summary>CS, DS, ES and SS have base 0 and limit 4 GiB - 1 and allow loads and stores as usual.</summary>
    Flat = 0x0008,

    /// <summary>CR0.PE.</summary>
    Protected = 0x0010,

    /// <summary>EFLAGS.VM.</summary>
    Virtual8086 = 0x0020,

    /// <summary>The current privilege level is 3.</summary>
    User = 0x0040,

    /// <summary>EFER.LMA: addresses and descriptors are those of long mode, be the code 16, 32 or 64 bits.</summary>
    Long = 0x0080,

    /// <summary>Interrupts are held back for the one instruction to come.</summary>
    Shadow = 0x0100,

    /// <summary>EFLAGS.TF: a trap follows the one instruction to come.</summary>
    Trap = 0x0200,

    /// <summary>Breakpoints are on in DR7, data accesses must be aligned (CR0.AM, EFLAGS.AC, level 3), or EFLAGS.RF waits for its one instruction: each is looked at.</summary>
    Debug = 0x0400,

    /// <summary>x87 and MMX instructions raise #NM (CR0.EM or CR0.TS).</summary>
    FloatingOff = 0x0800,

    /// <summary>SSE instructions may be used (CR4.OSFXSR set, CR0.EM clear); <see cref="VectorsOff"/> may still hold them back.</summary>
    Vectors = 0x1000,

    /// <summary>SSE instructions raise #NM (CR0.TS), and so does WAIT where CR0.MP is set too.</summary>
    VectorsOff = 0x2000,

    /// <summary>Paging is on.</summary>
    Paging = 0x4000,

    /// <summary>CR0.MP and CR0.TS: WAIT raises #NM.</summary>
    WaitOff = 0x8000,

    /// <summary>Number of the code segment's base and limit, see <see cref="Segmentation.CodeSegments"/>.</summary>
    CodeSegment = 0xFFFF_0000,
}
