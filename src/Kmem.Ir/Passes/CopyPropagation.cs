namespace Kmem.Ir;

/// <summary>Reads the source of a copy in place of the copy while both hold the same value.</summary>
public static class CopyPropagation
{
    /// <summary>Changes operands in place.</summary>
    /// <param name="operations">Micro-ops of one block.</param>
    /// <param name="marks">Where its instructions begin: no temporary is read beyond its instruction.</param>
    /// <param name="registerCount">Number of slots that are guest registers.</param>
    public static void Run(Span<MicroOp> operations, ReadOnlySpan<InstructionMark> marks, int registerCount)
    {
        // Few copies hold at a time, so that a list is quicker than a table.
        Span<(int Copy, int Source)> copies = stackalloc (int, int)[32];
        int count = 0, mark = 0;
        for (int i = 0; i < operations.Length; i++)
        {
            if (mark < marks.Length && marks[mark].Operation == i)
            {
                mark++;
                for (int k = count - 1; k >= 0; k--)
                {
                    if (copies[k].Source >= registerCount)
                    {
                        copies[k] = copies[--count];
                    }
                }
            }

            ref MicroOp operation = ref operations[i];
            if (count > 0)
            {
                if (UopTable.ReadsA(operation.Code))
                {
                    operation.A = (ushort)Find(copies[..count], operation.A);
                }

                if (UopTable.ReadsB(operation.Code))
                {
                    operation.B = (ushort)Find(copies[..count], operation.B);
                }

                if (UopTable.ThirdOf(operation) is >= 0 and int third)
                {
                    operation.Immediate = (uint)operation.Immediate | ((ulong)Find(copies[..count], third) << 32);
                }
            }

            if (UopTable.ShapeOf(operation.Code) is UopShape.Helper)
            {
                count = 0;
                continue;
            }

            if (!UopTable.SetsD(operation.Code))
            {
                continue;
            }

            int d = operation.D;
            for (int k = count - 1; k >= 0; k--)
            {
                if (copies[k].Copy == d || copies[k].Source == d)
                {
                    copies[k] = copies[--count];
                }
            }

            if (operation.Code == Uop.Mov && operation.A != d && count < copies.Length)
            {
                copies[count++] = (d, operation.A);
            }
        }
    }

    private static int Find(ReadOnlySpan<(int Copy, int Source)> copies, int slot)
    {
        foreach ((int copy, int source) in copies)
        {
            if (copy == slot)
            {
                return source;
            }
        }

        return slot;
    }
}
