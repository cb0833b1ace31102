namespace Kmem.Ir;

/// <summary>What a micro-op does. A is the first operand's slot, B the second one's, D the result's, I the immediate.</summary>
/// <remarks>A name that ends in <c>I</c> takes the immediate in place of B. The meaning stands in the kernel that <see cref="UopTable"/> names.</remarks>
public enum Uop : byte
{
#pragma warning disable CS1591 // The names are the documentation; the kernels hold the meaning.
    Invalid,

    // Nothing.
    Nop,

    // Moves.
    Const, Mov,

    // Binary on slots.
    Add, Sub, Mul, MulHighU, And, Or, Xor, AndNot, OrNot, XorNot, Shl, Shr, Sar, AddL, SubL, MulL,
    SetEq, SetLtS, SetLeS, SetLtU, SetLeU,

    // Binary on slots; 32: on the low halves, with a zero-extended result (a shift's count has five bits there); Insert: A with a low byte, its second byte or its low word from B.
    Add32, Sub32, And32, Or32, Xor32, Shl32, Shr32, Sar32, Mul32,
    SetEq32, SetLtS32, SetLeS32, SetLtU32, SetLeU32, Rol, Ror, Rol32, Ror32, MulHighS, Insert8, Insert8H, Insert16,

    // The same with an immediate, in the same order.
    AddI, SubI, MulI, MulHighUI, AndI, OrI, XorI, AndNotI, OrNotI, XorNotI, ShlI, ShrI, SarI, AddLI, SubLI, MulLI,
    SetEqI, SetLtSI, SetLeSI, SetLtUI, SetLeUI,
    Add32I, Sub32I, And32I, Or32I, Xor32I, Shl32I, Shr32I, Sar32I, Mul32I,
    SetEq32I, SetLtS32I, SetLeS32I, SetLtU32I, SetLeU32I, RolI, RorI, Rol32I, Ror32I, MulHighSI, Insert8I, Insert8HI, Insert16I,

    // A shifted left by I bits, then B added or subtracted; L: the low 32 bits, sign-extended.
    ShlAdd, ShlSub, ShlAddL, ShlSubL,

    // D becomes B when A compares so with zero (Lbs, Lbc: its lowest bit is set, clear).
    CmovEq, CmovNe, CmovLt, CmovGe, CmovLe, CmovGt, CmovLbs, CmovLbc,

    // Unary.
    Sext8, Sext16, Sext32, Zext8, Zext16, Zext32,

    // D = memory[A + I]; S sign-extends.
    Load8, Load16, Load32, Load32S, Load64,

    // memory[A + I] = B.
    Store8, Store16, Store32, Store64,

    // The same for a CPU whose accesses need not be aligned.
    Load16U, Load32U, Load64U, Store16U, Store32U, Store64U,

    // Nothing but the faults that a store of a byte at A + I would have.
    Probe,

    // Helper (high half of I) on A and I where A plus the low byte of I is above B: an offset and the end of a segment.
    Limit,

    // D = kernel I of the CPU, on A and B.
    Pure,

    // D = kernel (low half of I) of the CPU, on A, B and the slot in the high half of I.
    Pure3,

    // D = guarded kernel (low half of I) on A and B, or its helper with the high half of I where the guard says no.
    Guarded,

    // Helper B of the CPU on A and I.
    Helper,

    // D = number of instructions executed before this one.
    Count,

    // Terminators. Branches compare A with zero and take successor 1; else successor 0.
    Jump, BranchEq, BranchNe, BranchLt, BranchGe, BranchLe, BranchGt, BranchLbs, BranchLbc,

    // Terminators that compare A with B, or with I, as 64 or 32 bits, and take successor 1 where it holds.
    BranchIfEq, BranchIfNe, BranchIfLtS, BranchIfGeS, BranchIfLtU, BranchIfGeU, BranchIfEq32, BranchIfNe32, BranchIfLtS32, BranchIfGeS32, BranchIfLtU32, BranchIfGeU32,
    BranchIfEqI, BranchIfNeI, BranchIfLtSI, BranchIfGeSI, BranchIfLtUI, BranchIfGeUI, BranchIfEq32I, BranchIfNe32I, BranchIfLtS32I, BranchIfGeS32I, BranchIfLtU32I, BranchIfGeU32I,

    // To the address in A.
    JumpTo,

    // Helper B of the CPU on A and I says where to go on, by CpuState.Pc.
    ExitHelper,

    // To the address I; the dispatch loop looks. What ends a copy of a part of a block.
    Stop,
#pragma warning restore CS1591
}
