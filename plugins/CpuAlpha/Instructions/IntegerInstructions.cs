using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Integer arithmetic, logic, shifts and conditional moves: opcodes 10, 11, 12, 13, 1C, and LDA, LDAH.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.2.1, 4.4, 4.5, 4.6, 4.13.</remarks>
internal static unsafe class IntegerInstructions
{
    private static readonly PureKernel OverflowsAddL = GuestKernels.Pure(&AddLOverflows, AddLOverflows);
    private static readonly PureKernel OverflowsSubL = GuestKernels.Pure(&SubLOverflows, SubLOverflows);
    private static readonly PureKernel OverflowsMulL = GuestKernels.Pure(&MulLOverflows, MulLOverflows);
    private static readonly PureKernel OverflowsAddQ = GuestKernels.Pure(&AddQOverflows, AddQOverflows);
    private static readonly PureKernel OverflowsSubQ = GuestKernels.Pure(&SubQOverflows, SubQOverflows);
    private static readonly PureKernel OverflowsMulQ = GuestKernels.Pure(&MulQOverflows, MulQOverflows);

    /// <summary>LDA: Ra &lt;- Rbv + SEXT(disp).</summary>
    public static void Lda(LiftContext x) => x.SetA(x.Base + (ulong)x.Instruction.Displacement);

    /// <summary>LDAH: Ra &lt;- Rbv + SEXT(disp * 65536).</summary>
    public static void Ldah(LiftContext x) => x.SetA(x.Base + (ulong)(x.Instruction.Displacement << 16));

    /// <summary>The lifter of an instruction whose result is one micro-op on Rav and Rbv.</summary>
    public static LiftMethod Binary(Uop code) => x => x.SetC(x.Ir.Binary(code, x.A, x.B));

    /// <summary>SxADDQ, SxSUBQ, SxADDL, SxSUBL: Rc &lt;- LEFT_SHIFT(Rav, count) +- Rbv.</summary>
    public static LiftMethod Scaled(Uop code, int count) => x => x.SetC(x.Ir.Ternary(code, x.A, x.B, (ulong)count));

    /// <summary>An operation with /V: the result, then the integer-overflow trap.</summary>
    private static LiftMethod WithTrap(Uop code, PureKernel overflows) => x =>
    {
        Val trap = x.Ir.Pure(overflows, x.A, x.B);
        x.SetC(x.Ir.Binary(code, x.A, x.B));
        x.Ir.Helper(AlphaHelpers.TrapOverflow, trap, x.Instruction.Rc == 31 ? 0 : 1UL << x.Instruction.Rc);
    };

    /// <summary>ADDL/V.</summary>
    public static readonly LiftMethod AddLV = WithTrap(Uop.AddL, OverflowsAddL);

    /// <summary>SUBL/V.</summary>
    public static readonly LiftMethod SubLV = WithTrap(Uop.SubL, OverflowsSubL);

    /// <summary>MULL/V.</summary>
    public static readonly LiftMethod MulLV = WithTrap(Uop.MulL, OverflowsMulL);

    /// <summary>ADDQ/V.</summary>
    public static readonly LiftMethod AddQV = WithTrap(Uop.Add, OverflowsAddQ);

    /// <summary>SUBQ/V.</summary>
    public static readonly LiftMethod SubQV = WithTrap(Uop.Sub, OverflowsSubQ);

    /// <summary>MULQ/V.</summary>
    public static readonly LiftMethod MulQV = WithTrap(Uop.Mul, OverflowsMulQ);

    /// <summary>CMOVxx: IF TEST(Rav) THEN Rc &lt;- Rbv.</summary>
    public static LiftMethod Move(Uop condition) => x =>
    {
        if (x.Instruction.Rc != 31)
        {
            x.Ir.Conditional(condition, AlphaSlots.Integer(x.Instruction.Rc, x.IsPalMode), x.A, x.B);
        }
    };

    /// <summary>An instruction that is a kernel on Rav and Rbv.</summary>
    public static LiftMethod Pure(PureKernel kernel) => x => x.SetC(x.Ir.Pure(kernel, x.A, x.B));

    /// <summary>An instruction that takes registers alone; with a literal it is illegal.</summary>
    public static LiftMethod WithoutLiteral(LiftMethod lift) => x =>
    {
        if (x.Instruction.HasLiteral)
        {
            x.Illegal();
        }
        else
        {
            lift(x);
        }
    };

    /// <summary>ZAPNOT: Rc &lt;- Rav with the bytes cleared whose bit in Rbv is 0; a literal is a mask.</summary>
    public static void Zapnot(LiftContext x) => x.SetC(x.Instruction.HasLiteral ? x.A & ByteKernels.ByteMask(x.Instruction.Literal) : x.Ir.Pure(ByteKernels.Zapnot, x.A, x.B));

    /// <summary>ZAP.</summary>
    public static void Zap(LiftContext x) => x.SetC(x.Instruction.HasLiteral ? x.A & ~ByteKernels.ByteMask(x.Instruction.Literal) : x.Ir.Pure(ByteKernels.Zap, x.A, x.B));

    /// <summary>EXTxL: Rc &lt;- the field of Rav that begins at byte Rbv&lt;2:0&gt;.</summary>
    public static LiftMethod ExtractLow(PureKernel kernel, ulong mask) => x =>
        x.SetC(x.Instruction.HasLiteral ? (x.A >>> (int)(x.Instruction.Literal & 7) * 8) & mask : x.Ir.Pure(kernel, x.A, x.B));

    /// <summary>INSxL: Rc &lt;- the low field of Rav at byte Rbv&lt;2:0&gt;.</summary>
    public static LiftMethod InsertLow(PureKernel kernel, ulong mask) => x =>
        x.SetC(x.Instruction.HasLiteral ? (x.A & mask) << (int)(x.Instruction.Literal & 7) * 8 : x.Ir.Pure(kernel, x.A, x.B));

    /// <summary>SEXTB: Rc &lt;- SEXT(Rbv&lt;7:0&gt;).</summary>
    public static void Sextb(LiftContext x) => x.SetC(x.Ir.Unary(Uop.Sext8, x.B));

    /// <summary>SEXTW: Rc &lt;- SEXT(Rbv&lt;15:0&gt;).</summary>
    public static void Sextw(LiftContext x) => x.SetC(x.Ir.Unary(Uop.Sext16, x.B));

    /// <summary>AMASK: Rc &lt;- Rbv with the bits of present features cleared.</summary>
    public static void Amask(LiftContext x) => x.SetC(x.Ir.Binary(Uop.AndNot, x.B, x.Ir.Const(AlphaCpu.Features)));

    /// <summary>IMPLVER: Rc &lt;- major implementation version.</summary>
    public static void Implver(LiftContext x) => x.SetC(x.Ir.Const(2));

    private static ulong AddLOverflows(ulong a, ulong b) => (long)(int)a + (int)b is < int.MinValue or > int.MaxValue ? 1UL : 0;

    private static ulong SubLOverflows(ulong a, ulong b) => (long)(int)a - (int)b is < int.MinValue or > int.MaxValue ? 1UL : 0;

    private static ulong MulLOverflows(ulong a, ulong b) => (long)(int)a * (int)b is < int.MinValue or > int.MaxValue ? 1UL : 0;

    private static ulong AddQOverflows(ulong a, ulong b) => ((a ^ ~b) & (a ^ (a + b))) >> 63;

    private static ulong SubQOverflows(ulong a, ulong b) => ((a ^ b) & (a ^ (a - b))) >> 63;

    private static ulong MulQOverflows(ulong a, ulong b) => Math.BigMul((long)a, (long)b, out long low) != low >> 63 ? 1UL : 0;
}
