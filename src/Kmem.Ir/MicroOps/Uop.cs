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

    // The same with an immediate, in the same order.
    AddI, SubI, MulI, MulHighUI, AndI, OrI, XorI, AndNotI, OrNotI, XorNotI, ShlI, ShrI, SarI, AddLI, SubLI, MulLI,
    SetEqI, SetLtSI, SetLeSI, SetLtUI, SetLeUI,

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

    // D = kernel I of the CPU, on A and B.
    Pure,

    // D = guarded kernel (low half of I) on A and B, or its helper with the high half of I where the guard says no.
    Guarded,

    // Helper B of the CPU on A and I.
    Helper,

    // D = number of instructions executed before this one.
    Count,

    // Terminators. Branches compare A with zero and take successor 1; else successor 0.
    Jump, BranchEq, BranchNe, BranchLt, BranchGe, BranchLe, BranchGt, BranchLbs, BranchLbc,

    // To the address in A.
    JumpTo,

    // Helper B of the CPU on A and I says where to go on, by CpuState.Pc.
    ExitHelper,

    // To the address I; the dispatch loop looks. What ends a copy of a part of a block.
    Stop,
#pragma warning restore CS1591
}
