namespace Kmem.Ir;

/// <summary>Reads the source of a copy in place of the copy while both hold the same value.</summary>
public static class CopyPropagation
{
    /// <summary>Changes operands in place.</summary>
    /// <param name="operations">Micro-ops of one block.</param>
    public static void Run(Span<MicroOp> operations)
    {
        var source = new Dictionary<int, int>();
        for (int i = 0; i < operations.Length; i++)
        {
            ref MicroOp operation = ref operations[i];
            if (UopTable.ReadsA(operation.Code) && source.TryGetValue(operation.A, out int a))
            {
                operation.A = (ushort)a;
            }

            if (UopTable.ReadsB(operation.Code) && source.TryGetValue(operation.B, out int b))
            {
                operation.B = (ushort)b;
            }

            if (UopTable.ThirdOf(operation) is >= 0 and int third && source.TryGetValue(third, out int c))
            {
                operation.Immediate = (uint)operation.Immediate | ((ulong)c << 32);
            }

            if (UopTable.ShapeOf(operation.Code) is UopShape.Helper)
            {
                source.Clear();
                continue;
            }

            if (!UopTable.SetsD(operation.Code))
            {
                continue;
            }

            int d = operation.D;
            source.Remove(d);
            foreach (int copy in source.Where(p => p.Value == d).Select(p => p.Key).ToArray())
            {
                source.Remove(copy);
            }

            if (operation.Code == Uop.Mov && operation.A != d)
            {
                source[d] = operation.A;
            }
        }
    }
}
