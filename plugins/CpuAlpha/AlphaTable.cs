using Kmem.Ir;
using Kmem.Plugins.CpuAlpha.Instructions;
using static Kmem.Plugins.CpuAlpha.Instructions.IntegerInstructions;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>The opcode table: one line per instruction, in the order of the manual.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, Appendix C "Instruction Summary".</remarks>
internal static class AlphaTable
{
    private static readonly LiftMethod Illegal = static x => x.Illegal();
    private static readonly LiftMethod?[] Opcodes = new LiftMethod?[64];
    private static readonly LiftMethod?[] Functions = new LiftMethod?[64 * 128];

    static AlphaTable()
    {
        Set(0x00, MiscellaneousInstructions.CallPal);
        Set(0x08, Lda);
        Set(0x09, Ldah);
        Set(0x0A, MemoryInstructions.Load(Uop.Load8));
        Set(0x0B, MemoryInstructions.LoadUnaligned);
        Set(0x0C, MemoryInstructions.Load(Uop.Load16));
        Set(0x0D, MemoryInstructions.Store(Uop.Store16));
        Set(0x0E, MemoryInstructions.Store(Uop.Store8));
        Set(0x0F, MemoryInstructions.StoreUnaligned);

        Set(0x10, 0x00, Binary(Uop.AddL));
        Set(0x10, 0x02, Scaled(Uop.ShlAddL, 2));
        Set(0x10, 0x09, Binary(Uop.SubL));
        Set(0x10, 0x0B, Scaled(Uop.ShlSubL, 2));
        Set(0x10, 0x0F, Pure(ByteKernels.Cmpbge));
        Set(0x10, 0x12, Scaled(Uop.ShlAddL, 3));
        Set(0x10, 0x1B, Scaled(Uop.ShlSubL, 3));
        Set(0x10, 0x1D, Binary(Uop.SetLtU));
        Set(0x10, 0x20, Binary(Uop.Add));
        Set(0x10, 0x22, Scaled(Uop.ShlAdd, 2));
        Set(0x10, 0x29, Binary(Uop.Sub));
        Set(0x10, 0x2B, Scaled(Uop.ShlSub, 2));
        Set(0x10, 0x2D, Binary(Uop.SetEq));
        Set(0x10, 0x32, Scaled(Uop.ShlAdd, 3));
        Set(0x10, 0x3B, Scaled(Uop.ShlSub, 3));
        Set(0x10, 0x3D, Binary(Uop.SetLeU));
        Set(0x10, 0x40, AddLV);
        Set(0x10, 0x49, SubLV);
        Set(0x10, 0x4D, Binary(Uop.SetLtS));
        Set(0x10, 0x60, AddQV);
        Set(0x10, 0x69, SubQV);
        Set(0x10, 0x6D, Binary(Uop.SetLeS));

        Set(0x11, 0x00, Binary(Uop.And));
        Set(0x11, 0x08, Binary(Uop.AndNot));
        Set(0x11, 0x14, Move(Uop.CmovLbs));
        Set(0x11, 0x16, Move(Uop.CmovLbc));
        Set(0x11, 0x20, Binary(Uop.Or));
        Set(0x11, 0x24, Move(Uop.CmovEq));
        Set(0x11, 0x26, Move(Uop.CmovNe));
        Set(0x11, 0x28, Binary(Uop.OrNot));
        Set(0x11, 0x40, Binary(Uop.Xor));
        Set(0x11, 0x44, Move(Uop.CmovLt));
        Set(0x11, 0x46, Move(Uop.CmovGe));
        Set(0x11, 0x48, Binary(Uop.XorNot));
        Set(0x11, 0x61, Amask);
        Set(0x11, 0x64, Move(Uop.CmovLe));
        Set(0x11, 0x66, Move(Uop.CmovGt));
        Set(0x11, 0x6C, Implver);

        Set(0x12, 0x02, Pure(ByteKernels.Mskbl));
        Set(0x12, 0x06, ExtractLow(ByteKernels.Extbl, 0xFF));
        Set(0x12, 0x0B, InsertLow(ByteKernels.Insbl, 0xFF));
        Set(0x12, 0x12, Pure(ByteKernels.Mskwl));
        Set(0x12, 0x16, ExtractLow(ByteKernels.Extwl, 0xFFFF));
        Set(0x12, 0x1B, InsertLow(ByteKernels.Inswl, 0xFFFF));
        Set(0x12, 0x22, Pure(ByteKernels.Mskll));
        Set(0x12, 0x26, ExtractLow(ByteKernels.Extll, 0xFFFF_FFFF));
        Set(0x12, 0x2B, InsertLow(ByteKernels.Insll, 0xFFFF_FFFF));
        Set(0x12, 0x30, Zap);
        Set(0x12, 0x31, Zapnot);
        Set(0x12, 0x32, Pure(ByteKernels.Mskql));
        Set(0x12, 0x34, Binary(Uop.Shr));
        Set(0x12, 0x36, ExtractLow(ByteKernels.Extql, ulong.MaxValue));
        Set(0x12, 0x39, Binary(Uop.Shl));
        Set(0x12, 0x3B, InsertLow(ByteKernels.Insql, ulong.MaxValue));
        Set(0x12, 0x3C, Binary(Uop.Sar));
        Set(0x12, 0x52, Pure(ByteKernels.Mskwh));
        Set(0x12, 0x57, Pure(ByteKernels.Inswh));
        Set(0x12, 0x5A, Pure(ByteKernels.Extwh));
        Set(0x12, 0x62, Pure(ByteKernels.Msklh));
        Set(0x12, 0x67, Pure(ByteKernels.Inslh));
        Set(0x12, 0x6A, Pure(ByteKernels.Extlh));
        Set(0x12, 0x72, Pure(ByteKernels.Mskqh));
        Set(0x12, 0x77, Pure(ByteKernels.Insqh));
        Set(0x12, 0x7A, Pure(ByteKernels.Extqh));

        Set(0x13, 0x00, Binary(Uop.MulL));
        Set(0x13, 0x20, Binary(Uop.Mul));
        Set(0x13, 0x30, Binary(Uop.MulHighU));
        Set(0x13, 0x40, MulLV);
        Set(0x13, 0x60, MulQV);

        Set(0x14, FloatingInstructions.Operate);
        Set(0x15, FloatingInstructions.Operate);
        Set(0x16, FloatingInstructions.Operate);
        Set(0x17, FloatingInstructions.OperateFormatFree);
        Set(0x18, MiscellaneousInstructions.Lift);
        Set(0x19, MiscellaneousInstructions.Hardware);
        Set(0x1A, BranchInstructions.Jump);
        Set(0x1B, MiscellaneousInstructions.Hardware);

        Set(0x1C, 0x00, Sextb);
        Set(0x1C, 0x01, Sextw);
        Set(0x1C, 0x30, WithoutLiteral(Pure(ByteKernels.Ctpop)));
        Set(0x1C, 0x31, WithoutLiteral(Pure(ByteKernels.Perr)));
        Set(0x1C, 0x32, WithoutLiteral(Pure(ByteKernels.Ctlz)));
        Set(0x1C, 0x33, WithoutLiteral(Pure(ByteKernels.Cttz)));
        Set(0x1C, 0x34, WithoutLiteral(Pure(ByteKernels.Unpkbw)));
        Set(0x1C, 0x35, WithoutLiteral(Pure(ByteKernels.Unpkbl)));
        Set(0x1C, 0x36, WithoutLiteral(Pure(ByteKernels.Pkwb)));
        Set(0x1C, 0x37, WithoutLiteral(Pure(ByteKernels.Pklb)));
        Set(0x1C, 0x38, Pure(ByteKernels.Minsb8));
        Set(0x1C, 0x39, Pure(ByteKernels.Minsw4));
        Set(0x1C, 0x3A, Pure(ByteKernels.Minub8));
        Set(0x1C, 0x3B, Pure(ByteKernels.Minuw4));
        Set(0x1C, 0x3C, Pure(ByteKernels.Maxub8));
        Set(0x1C, 0x3D, Pure(ByteKernels.Maxuw4));
        Set(0x1C, 0x3E, Pure(ByteKernels.Maxsb8));
        Set(0x1C, 0x3F, Pure(ByteKernels.Maxsw4));
        Set(0x1C, 0x70, FloatingInstructions.Ftoit);
        Set(0x1C, 0x78, FloatingInstructions.Ftois);

        Set(0x1D, MiscellaneousInstructions.Hardware);
        Set(0x1E, MiscellaneousInstructions.Hardware);
        Set(0x1F, MiscellaneousInstructions.Hardware);

        Set(0x20, MemoryInstructions.LoadFloating(Uop.Load32, FloatingFormat.F));
        Set(0x21, MemoryInstructions.LoadFloating(Uop.Load64, FloatingFormat.G));
        Set(0x22, MemoryInstructions.LoadFloating(Uop.Load32, FloatingFormat.S));
        Set(0x23, MemoryInstructions.LoadFloating(Uop.Load64, FloatingFormat.T));
        Set(0x24, MemoryInstructions.StoreFloating(Uop.Store32, FloatingFormat.F));
        Set(0x25, MemoryInstructions.StoreFloating(Uop.Store64, FloatingFormat.G));
        Set(0x26, MemoryInstructions.StoreFloating(Uop.Store32, FloatingFormat.S));
        Set(0x27, MemoryInstructions.StoreFloating(Uop.Store64, FloatingFormat.T));
        Set(0x28, MemoryInstructions.Load(Uop.Load32S));
        Set(0x29, MemoryInstructions.Load(Uop.Load64));
        Set(0x2A, MemoryInstructions.LoadLocked(Uop.Load32S));
        Set(0x2B, MemoryInstructions.LoadLocked(Uop.Load64));
        Set(0x2C, MemoryInstructions.Store(Uop.Store32));
        Set(0x2D, MemoryInstructions.Store(Uop.Store64));
        Set(0x2E, MemoryInstructions.StoreConditional(4));
        Set(0x2F, MemoryInstructions.StoreConditional(8));
        Set(0x30, BranchInstructions.Br);
        Set(0x31, BranchInstructions.Floating(Uop.BranchEq));
        Set(0x32, BranchInstructions.Floating(Uop.BranchLt));
        Set(0x33, BranchInstructions.Floating(Uop.BranchLe));
        Set(0x34, BranchInstructions.Br);
        Set(0x35, BranchInstructions.Floating(Uop.BranchNe));
        Set(0x36, BranchInstructions.Floating(Uop.BranchGe));
        Set(0x37, BranchInstructions.Floating(Uop.BranchGt));
        Set(0x38, BranchInstructions.Conditional(Uop.BranchLbc));
        Set(0x39, BranchInstructions.Conditional(Uop.BranchEq));
        Set(0x3A, BranchInstructions.Conditional(Uop.BranchLt));
        Set(0x3B, BranchInstructions.Conditional(Uop.BranchLe));
        Set(0x3C, BranchInstructions.Conditional(Uop.BranchLbs));
        Set(0x3D, BranchInstructions.Conditional(Uop.BranchNe));
        Set(0x3E, BranchInstructions.Conditional(Uop.BranchGe));
        Set(0x3F, BranchInstructions.Conditional(Uop.BranchGt));
    }

    /// <summary>The lifter of an instruction; for unknown ones that of the illegal-instruction fault.</summary>
    public static LiftMethod Find(AlphaInstruction instruction) =>
        Opcodes[instruction.Opcode] ?? Functions[(instruction.Opcode << 7) | instruction.Function] ?? Illegal;

    private static void Set(int opcode, LiftMethod lift) => Opcodes[opcode] = lift;

    private static void Set(int opcode, int function, LiftMethod lift) => Functions[(opcode << 7) | function] = lift;
}
