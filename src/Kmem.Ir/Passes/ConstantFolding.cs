namespace Kmem.Ir;

/// <summary>Evaluates micro-ops whose operands are known, and turns operands that are known into immediates.</summary>
public static class ConstantFolding
{
    /// <summary>The value of a binary micro-op on constants.</summary>
    public static ulong Evaluate(Uop code, ulong a, ulong b) => code switch
    {
        Uop.Add => Kernels.Add(a, b),
        Uop.Sub => Kernels.Sub(a, b),
        Uop.Mul => Kernels.Mul(a, b),
        Uop.MulHighU => Kernels.MulHighU(a, b),
        Uop.And => Kernels.And(a, b),
        Uop.Or => Kernels.Or(a, b),
        Uop.Xor => Kernels.Xor(a, b),
        Uop.AndNot => Kernels.AndNot(a, b),
        Uop.OrNot => Kernels.OrNot(a, b),
        Uop.XorNot => Kernels.XorNot(a, b),
        Uop.Shl => Kernels.Shl(a, b),
        Uop.Shr => Kernels.Shr(a, b),
        Uop.Sar => Kernels.Sar(a, b),
        Uop.AddL => Kernels.AddL(a, b),
        Uop.SubL => Kernels.SubL(a, b),
        Uop.MulL => Kernels.MulL(a, b),
        Uop.SetEq => Kernels.SetEq(a, b),
        Uop.SetLtS => Kernels.SetLtS(a, b),
        Uop.SetLeS => Kernels.SetLeS(a, b),
        Uop.SetLtU => Kernels.SetLtU(a, b),
        Uop.SetLeU => Kernels.SetLeU(a, b),
        _ => throw new ArgumentException($"{code} is no binary micro-op.", nameof(code)),
    };

    /// <summary>Folds within each straight run; the terminator stays.</summary>
    /// <param name="operations">Micro-ops, changed in place.</param>
    public static void Run(Span<MicroOp> operations)
    {
        var known = new Dictionary<int, ulong>();
        for (int i = 0; i < operations.Length; i++)
        {
            ref MicroOp operation = ref operations[i];
            UopShape shape = UopTable.ShapeOf(operation.Code);
            if (shape == UopShape.Binary && known.TryGetValue(operation.B, out ulong b))
            {
                operation = operation with { Code = UopTable.WithImmediate(operation.Code), B = 0, Immediate = b };
                shape = UopShape.BinaryImmediate;
            }

            if (shape == UopShape.BinaryImmediate && known.TryGetValue(operation.A, out ulong a))
            {
                operation = new MicroOp { Code = Uop.Const, D = operation.D, Immediate = Evaluate(UopTable.WithoutImmediate(operation.Code), a, operation.Immediate) };
            }
            else if (operation.Code == Uop.Mov && known.TryGetValue(operation.A, out ulong moved))
            {
                operation = new MicroOp { Code = Uop.Const, D = operation.D, Immediate = moved };
            }

            if (operation.Code == Uop.Const)
            {
                known[operation.D] = operation.Immediate;
            }
            else if (UopTable.ShapeOf(operation.Code) == UopShape.Helper)
            {
                known.Clear();
            }
            else if (UopTable.SetsD(operation.Code))
            {
                known.Remove(operation.D);
            }
        }
    }
}
