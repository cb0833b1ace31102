using System.Reflection;

namespace Kmem.Ir;

/// <summary>What operands a micro-op has.</summary>
public enum UopShape : byte
{
    /// <summary>No micro-op.</summary>
    None,

    /// <summary>No operands.</summary>
    Nothing,

    /// <summary>D from the immediate.</summary>
    Constant,

    /// <summary>D from A.</summary>
    Unary,

    /// <summary>D from A and B.</summary>
    Binary,

    /// <summary>D from A and the immediate.</summary>
    BinaryImmediate,

    /// <summary>D from A, B and the immediate.</summary>
    Ternary,

    /// <summary>D from B where A meets a condition, else from itself.</summary>
    Conditional,

    /// <summary>D from memory at A plus the immediate.</summary>
    Load,

    /// <summary>B to memory at A plus the immediate.</summary>
    Store,

    /// <summary>D from A and B by a CPU's kernel.</summary>
    Pure,

    /// <summary>D from A, B and a third slot by a CPU's kernel.</summary>
    Pure3,

    /// <summary>D from A and B by a CPU's kernel, when its guard allows.</summary>
    Guarded,

    /// <summary>The faults of a store to memory at A plus the immediate.</summary>
    Probe,

    /// <summary>A helper on A where A is above B; changes no register slot.</summary>
    Limit,

    /// <summary>A helper on A; may change any register slot.</summary>
    Helper,

    /// <summary>D from the count of instructions.</summary>
    Count,

    /// <summary>The end of a block: to successor 0.</summary>
    Jump,

    /// <summary>The end of a block: to successor 1 where A meets a condition, else to successor 0.</summary>
    Branch,

    /// <summary>The end of a block: to successor 1 where A and B compare so, else to successor 0.</summary>
    BranchIf,

    /// <summary>The end of a block: the same for A and the immediate.</summary>
    BranchIfImmediate,

    /// <summary>The end of a block: to the address in A.</summary>
    JumpTo,

    /// <summary>The end of a block: a helper on A decides.</summary>
    ExitHelper,

    /// <summary>The end of a part of a block.</summary>
    Stop,
}

/// <summary>One line per micro-op: its operands, and the kernel that holds its meaning.</summary>
public static class UopTable
{
    private const int BinaryCount = Uop.Insert16 - Uop.Add + 1;
    private const int CompareCount = Uop.BranchIfGeU32 - Uop.BranchIfEq + 1;

    private static readonly UopShape[] Shapes = new UopShape[256];
    private static readonly MethodInfo?[] Methods = new MethodInfo?[256];
    private static readonly byte[] Widths = new byte[256];
    private static readonly Func<ulong, ulong, ulong>[] BinaryKernels = new Func<ulong, ulong, ulong>[BinaryCount];

    static UopTable()
    {
        Set(Uop.Nop, UopShape.Nothing);
        Set(Uop.Const, UopShape.Constant);
        Set(Uop.Mov, UopShape.Unary, (Func<ulong, ulong>)Kernels.Mov);
        Func<ulong, ulong, ulong>[] binary =
        [
            Kernels.Add, Kernels.Sub, Kernels.Mul, Kernels.MulHighU, Kernels.And, Kernels.Or, Kernels.Xor, Kernels.AndNot, Kernels.OrNot, Kernels.XorNot,
            Kernels.Shl, Kernels.Shr, Kernels.Sar, Kernels.AddL, Kernels.SubL, Kernels.MulL, Kernels.SetEq, Kernels.SetLtS, Kernels.SetLeS, Kernels.SetLtU, Kernels.SetLeU,
            Kernels.Add32, Kernels.Sub32, Kernels.And32, Kernels.Or32, Kernels.Xor32, Kernels.Shl32, Kernels.Shr32, Kernels.Sar32, Kernels.Mul32, Kernels.SetEq32, Kernels.SetLtS32, Kernels.SetLeS32,
            Kernels.SetLtU32, Kernels.SetLeU32, Kernels.Rol, Kernels.Ror, Kernels.Rol32, Kernels.Ror32, Kernels.MulHighS, Kernels.Insert8, Kernels.Insert8H, Kernels.Insert16,
        ];
        for (int i = 0; i < BinaryCount; i++)
        {
            BinaryKernels[i] = binary[i];
            Set(After(Uop.Add, i), UopShape.Binary, binary[i]);
            Set(After(Uop.AddI, i), UopShape.BinaryImmediate, binary[i]);
        }

        Func<ulong, ulong, ulong, ulong>[] ternary = [Kernels.ShlAdd, Kernels.ShlSub, Kernels.ShlAddL, Kernels.ShlSubL];
        for (int i = 0; i < ternary.Length; i++)
        {
            Set(After(Uop.ShlAdd, i), UopShape.Ternary, ternary[i]);
        }

        Func<ulong, bool>[] conditions = [Kernels.IsEq, Kernels.IsNe, Kernels.IsLt, Kernels.IsGe, Kernels.IsLe, Kernels.IsGt, Kernels.IsLbs, Kernels.IsLbc];
        for (int i = 0; i < conditions.Length; i++)
        {
            Set(After(Uop.CmovEq, i), UopShape.Conditional, conditions[i]);
            Set(After(Uop.BranchEq, i), UopShape.Branch, conditions[i]);
        }

        Func<ulong, ulong, bool>[] comparisons =
        [
            Kernels.IfEq, Kernels.IfNe, Kernels.IfLtS, Kernels.IfGeS, Kernels.IfLtU, Kernels.IfGeU,
            Kernels.IfEq32, Kernels.IfNe32, Kernels.IfLtS32, Kernels.IfGeS32, Kernels.IfLtU32, Kernels.IfGeU32,
        ];
        for (int i = 0; i < CompareCount; i++)
        {
            Set(After(Uop.BranchIfEq, i), UopShape.BranchIf, comparisons[i]);
            Set(After(Uop.BranchIfEqI, i), UopShape.BranchIfImmediate, comparisons[i]);
        }

        Func<ulong, ulong>[] unary = [Kernels.Sext8, Kernels.Sext16, Kernels.Sext32, Kernels.Zext8, Kernels.Zext16, Kernels.Zext32];
        for (int i = 0; i < unary.Length; i++)
        {
            Set(After(Uop.Sext8, i), UopShape.Unary, unary[i]);
        }

        SetMemory(Uop.Load8, UopShape.Load, 1, (Func<nint, ulong>)MemoryKernels.Read8);
        SetMemory(Uop.Load16, UopShape.Load, 2, (Func<nint, ulong>)MemoryKernels.Read16);
        SetMemory(Uop.Load32, UopShape.Load, 4, (Func<nint, ulong>)MemoryKernels.Read32);
        SetMemory(Uop.Load32S, UopShape.Load, 4, (Func<nint, ulong>)MemoryKernels.Read32S);
        SetMemory(Uop.Load64, UopShape.Load, 8, (Func<nint, ulong>)MemoryKernels.Read64);
        SetMemory(Uop.Store8, UopShape.Store, 1, (Action<nint, ulong>)MemoryKernels.Write8);
        SetMemory(Uop.Store16, UopShape.Store, 2, (Action<nint, ulong>)MemoryKernels.Write16);
        SetMemory(Uop.Store32, UopShape.Store, 4, (Action<nint, ulong>)MemoryKernels.Write32);
        SetMemory(Uop.Store64, UopShape.Store, 8, (Action<nint, ulong>)MemoryKernels.Write64);
        SetMemory(Uop.Load16U, UopShape.Load, 2, (Func<nint, ulong>)MemoryKernels.Read16);
        SetMemory(Uop.Load32U, UopShape.Load, 4, (Func<nint, ulong>)MemoryKernels.Read32);
        SetMemory(Uop.Load64U, UopShape.Load, 8, (Func<nint, ulong>)MemoryKernels.Read64);
        SetMemory(Uop.Store16U, UopShape.Store, 2, (Action<nint, ulong>)MemoryKernels.Write16);
        SetMemory(Uop.Store32U, UopShape.Store, 4, (Action<nint, ulong>)MemoryKernels.Write32);
        SetMemory(Uop.Store64U, UopShape.Store, 8, (Action<nint, ulong>)MemoryKernels.Write64);
        Set(Uop.Probe, UopShape.Probe);
        Set(Uop.Limit, UopShape.Limit);
        Set(Uop.Pure3, UopShape.Pure3);
        Set(Uop.Pure, UopShape.Pure);
        Set(Uop.Guarded, UopShape.Guarded);
        Set(Uop.Helper, UopShape.Helper);
        Set(Uop.Count, UopShape.Count);
        Set(Uop.Jump, UopShape.Jump);
        Set(Uop.JumpTo, UopShape.JumpTo);
        Set(Uop.ExitHelper, UopShape.ExitHelper);
        Set(Uop.Stop, UopShape.Stop);
    }

    /// <summary>The operands of a micro-op.</summary>
    public static UopShape ShapeOf(Uop code) => Shapes[(byte)code];

    /// <summary>The kernel of a micro-op; for conditional moves and branches their condition, for loads and stores their access to the host.</summary>
    public static MethodInfo KernelOf(Uop code) => Methods[(byte)code] ?? throw new ArgumentException($"{code} has no kernel.", nameof(code));

    /// <summary>Width in bytes of a load's or store's access.</summary>
    public static int WidthOf(Uop code) => Widths[(byte)code];

    /// <summary>The form of a binary micro-op that takes an immediate.</summary>
    public static Uop WithImmediate(Uop code) => After(Uop.AddI, code - Uop.Add);

    /// <summary>The form of a micro-op with an immediate that takes slots alone.</summary>
    public static Uop WithoutImmediate(Uop code) => After(Uop.Add, code - Uop.AddI);

    /// <summary>Whether a micro-op ends a block.</summary>
    public static bool EndsBlock(Uop code) => Shapes[(byte)code] >= UopShape.Jump;

    /// <summary>Whether a micro-op sets slot D.</summary>
    public static bool SetsD(Uop code) => Shapes[(byte)code] is (>= UopShape.Constant and <= UopShape.Load) or UopShape.Pure or UopShape.Pure3 or UopShape.Guarded or UopShape.Count;

    /// <summary>Whether a micro-op reads slot A.</summary>
    public static bool ReadsA(Uop code) => Shapes[(byte)code] is not (UopShape.None or UopShape.Nothing or UopShape.Constant or UopShape.Count or UopShape.Jump or UopShape.Stop);

    /// <summary>Whether a micro-op reads slot B.</summary>
    public static bool ReadsB(Uop code) => Shapes[(byte)code] is UopShape.Binary or UopShape.Ternary or UopShape.Conditional or UopShape.Store or UopShape.Pure or UopShape.Pure3 or UopShape.Guarded or UopShape.Limit or UopShape.BranchIf;

    /// <summary>Whether a micro-op reads slot D too.</summary>
    public static bool ReadsD(Uop code) => Shapes[(byte)code] == UopShape.Conditional;

    /// <summary>Whether a micro-op may raise a fault or be seen from outside of the slots.</summary>
    public static bool HasEffects(Uop code) => Shapes[(byte)code] is UopShape.Load or UopShape.Store or UopShape.Guarded or UopShape.Probe or UopShape.Limit or UopShape.Helper or >= UopShape.Jump;

    /// <summary>Slot of the third operand of a micro-op; -1 for those that have none.</summary>
    public static int ThirdOf(in MicroOp operation) => operation.Code == Uop.Pure3 ? (int)(operation.Immediate >> 32) : -1;

    /// <summary>Whether a load or store may be at any address.</summary>
    public static bool IsUnaligned(Uop code) => code is >= Uop.Load16U and <= Uop.Store64U;

    /// <summary>The form of a branch that compares with an immediate.</summary>
    public static Uop BranchWithImmediate(Uop code) => After(Uop.BranchIfEqI, code - Uop.BranchIfEq);

    /// <summary>The kernel of a binary micro-op on slots.</summary>
    public static Func<ulong, ulong, ulong> BinaryOf(Uop code) => BinaryKernels[code - Uop.Add];

    private static Uop After(Uop first, int distance) => (Uop)((int)first + distance);

    private static void Set(Uop code, UopShape shape, Delegate? kernel = null) => (Shapes[(byte)code], Methods[(byte)code]) = (shape, kernel?.Method);

    private static void SetMemory(Uop code, UopShape shape, byte width, Delegate kernel)
    {
        Set(code, shape, kernel);
        Widths[(byte)code] = width;
    }
}
