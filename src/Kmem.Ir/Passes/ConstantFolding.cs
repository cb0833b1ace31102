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
