namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Numbers of the slots in which registers live: the one place with offsets.</summary>
/// <remarks>
/// General registers hold 64 bits; in 16- and 32-bit code the upper halves of the first eight are zero. Segment registers are numbered as their encoding:
/// ES, CS, SS, DS, FS, GS.
/// </remarks>
internal static class X86Slots
{
    /// <summary>RAX, RCX, RDX, RBX, RSP, RBP, RSI, RDI, R8 to R15.</summary>
    public const int Rax = 0, Rcx = 1, Rdx = 2, Rbx = 3, Rsp = 4, Rbp = 5, Rsi = 6, Rdi = 7;

    /// <summary>R11, where SYSCALL keeps the flags.</summary>
    public const int R11 = 11;

    /// <summary>First and second operand, or what else <see cref="FlagKind"/> says the arithmetic flags follow from.</summary>
    public const int FlagA = 16, FlagB = 17;

    /// <summary>What the arithmetic flags follow from, see <see cref="Lifting.FlagKind"/>.</summary>
    public const int FlagKind = 18;

    /// <summary>All flags but the arithmetic ones CF, PF, AF, ZF, SF, OF, which are zero here.</summary>
    public const int Eflags = 19;

    /// <summary>Reads as zero.</summary>
    public const int Zero = 20;

    /// <summary>Linear base addresses of the six segments.</summary>
    public const int SegmentBase = 21;

    /// <summary>First offset that may not be read through a segment; 0 where each access must be looked at.</summary>
    public const int ReadEnd = 27;

    /// <summary>First offset that may not be written through a segment; 0 where each access must be looked at.</summary>
    public const int WriteEnd = 33;

    /// <summary>Selectors of the six segments, then LDTR and TR.</summary>
    public const int Selector = 39;

    /// <summary>Limits in bytes of the six segments, then LDTR and TR: the last valid offset of an expand-up segment.</summary>
    public const int SegmentLimit = 47;

    /// <summary>Attributes of the six segments, then LDTR and TR: bits 8 to 23 of a descriptor's second word, at their place.</summary>
    public const int Attributes = 55;

    /// <summary>Linear base addresses of LDTR and TR.</summary>
    public const int LdtrBase = 63, TrBase = 64;

    /// <summary>The descriptor table registers.</summary>
    public const int GdtrBase = 65, GdtrLimit = 66, IdtrBase = 67, IdtrLimit = 68;

    /// <summary>Control registers.</summary>
    public const int Cr0 = 69, Cr2 = 70, Cr3 = 71, Cr4 = 72, Cr8 = 73;

    /// <summary>Extended feature enable register.</summary>
    public const int Efer = 74;

    /// <summary>Debug registers 0 to 7.</summary>
    public const int Dr0 = 75;

    /// <summary>Low halves of XMM0 to XMM15.</summary>
    public const int XmmLow = 83;

    /// <summary>High halves of XMM0 to XMM15.</summary>
    public const int XmmHigh = 99;

    /// <summary>SSE control and status.</summary>
    public const int Mxcsr = 115;

    /// <summary>Significands of the physical registers 0 to 7 of the x87; MM0 to MM7 are the same bits.</summary>
    public const int X87Significand = 116;

    /// <summary>Sign and exponent of the physical registers 0 to 7 of the x87, in bits 15 to 0.</summary>
    public const int X87Exponent = 124;

    /// <summary>x87 control word.</summary>
    public const int X87Control = 132;

    /// <summary>x87 status word, with TOP in bits 13 to 11.</summary>
    public const int X87Status = 133;

    /// <summary>x87 tags as FXSAVE has them: bit n is set where physical register n is not empty.</summary>
    public const int X87Tags = 134;

    /// <summary>x87 last instruction's offset and selector, operand's offset and selector, and opcode.</summary>
    public const int X87InstructionPointer = 135, X87InstructionSelector = 136, X87DataPointer = 137, X87DataSelector = 138, X87Opcode = 139;

    /// <summary>Selector and offset of a far pointer between the micro-op that loads them and the helper that uses them.</summary>
    public const int FarSelector = 140, FarOffset = 141;

    /// <summary>Three slots for values between the micro-ops of one instruction, where a helper must find them.</summary>
    public const int Scratch = 142;

    /// <summary>Both halves of a packed result before the destination is set.</summary>
    public const int Packed = 148;

    /// <summary>Number of slots that are registers.</summary>
    public const int Count = 150;

    /// <summary>Numbers of segment registers.</summary>
    public const int Es = 0, Cs = 1, Ss = 2, Ds = 3, Fs = 4, Gs = 5, Ldtr = 6, Tr = 7;

    private static readonly string[] General = ["rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13", "r14", "r15"];
    private static readonly string[] Segments = ["es", "cs", "ss", "ds", "fs", "gs", "ldtr", "tr"];

    /// <summary>Name of a slot.</summary>
    public static string? Name(int slot) => slot switch
    {
        < 16 => General[slot],
        FlagA => "flag_a",
        FlagB => "flag_b",
        FlagKind => "flag_kind",
        Eflags => "eflags",
        Zero => "zero",
        < ReadEnd => Segments[slot - SegmentBase] + "_base",
        < WriteEnd => Segments[slot - ReadEnd] + "_read_end",
        < Selector => Segments[slot - WriteEnd] + "_write_end",
        < SegmentLimit => Segments[slot - Selector],
        < Attributes => Segments[slot - SegmentLimit] + "_limit",
        < LdtrBase => Segments[slot - Attributes] + "_attributes",
        LdtrBase => "ldtr_base",
        TrBase => "tr_base",
        GdtrBase => "gdtr_base",
        GdtrLimit => "gdtr_limit",
        IdtrBase => "idtr_base",
        IdtrLimit => "idtr_limit",
        Cr0 => "cr0",
        Cr2 => "cr2",
        Cr3 => "cr3",
        Cr4 => "cr4",
        Cr8 => "cr8",
        Efer => "efer",
        < XmmLow => $"dr{slot - Dr0}",
        < XmmHigh => $"xmm{slot - XmmLow}_low",
        < Mxcsr => $"xmm{slot - XmmHigh}_high",
        Mxcsr => "mxcsr",
        < X87Exponent => $"fpr{slot - X87Significand}_significand",
        < X87Control => $"fpr{slot - X87Exponent}_exponent",
        X87Control => "fcw",
        X87Status => "fsw",
        X87Tags => "ftw",
        X87InstructionPointer => "fip",
        X87InstructionSelector => "fcs",
        X87DataPointer => "fdp",
        X87DataSelector => "fds",
        X87Opcode => "fop",
        FarSelector => "far_selector",
        FarOffset => "far_offset",
        Packed or Packed + 1 => $"packed{slot - Packed}",
        < Scratch + 3 and >= Scratch => $"scratch{slot - Scratch}",
        _ => null,
    };
}
