namespace Kmem.Ir;

/// <summary>Evaluates micro-ops whose operands are known, and turns operands that are known into immediates.</summary>
public static class ConstantFolding
{
    /// <summary>The value of a binary micro-op on constants.</summary>
    public static ulong Evaluate(Uop code, ulong a, ulong b) => UopTable.ShapeOf(code) == UopShape.Binary
        ? UopTable.BinaryOf(code)(a, b) : throw new ArgumentException($"{code} is no binary micro-op.", nameof(code));

    /// <summary>Folds within each straight run; the terminator stays.</summary>
    /// <param name="operations">Micro-ops, changed in place.</param>
    public static void Run(Span<MicroOp> operations)
    {
        Span<ulong> values = stackalloc ulong[CpuState.SlotCount];
        Span<bool> known = stackalloc bool[CpuState.SlotCount];
        known.Clear();
        for (int i = 0; i < operations.Length; i++)
        {
            ref MicroOp operation = ref operations[i];
            UopShape shape = UopTable.ShapeOf(operation.Code);
            if (shape == UopShape.Binary && known[operation.B])
            {
                operation = operation with { Code = UopTable.WithImmediate(operation.Code), B = 0, Immediate = values[operation.B] };
                shape = UopShape.BinaryImmediate;
            }

            if (shape == UopShape.BinaryImmediate && known[operation.A])
            {
                operation = new MicroOp { Code = Uop.Const, D = operation.D, Immediate = Evaluate(UopTable.WithoutImmediate(operation.Code), values[operation.A], operation.Immediate) };
            }
            else if (operation.Code == Uop.Mov && known[operation.A])
            {
                operation = new MicroOp { Code = Uop.Const, D = operation.D, Immediate = values[operation.A] };
            }

            if (operation.Code == Uop.Const)
            {
                (known[operation.D], values[operation.D]) = (true, operation.Immediate);
            }
            else if (UopTable.ShapeOf(operation.Code) == UopShape.Helper)
            {
                known.Clear();
            }
            else if (UopTable.SetsD(operation.Code))
            {
                known[operation.D] = false;
            }
        }
    }
}
