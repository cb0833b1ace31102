namespace Kmem.Ir;

/// <summary>Lets a micro-op set a register at once where its result went through a temporary that nothing else reads.</summary>
public static class CopyForwarding
{
    /// <summary>Changes micro-ops in place; a move that has become needless does nothing.</summary>
    /// <param name="operations">Micro-ops of one block.</param>
    /// <param name="registerCount">Number of slots that are guest registers; the others are temporaries.</param>
    public static void Run(Span<MicroOp> operations, int registerCount)
    {
        for (int i = 0; i + 1 < operations.Length; i++)
        {
            ref MicroOp first = ref operations[i];
            ref MicroOp second = ref operations[i + 1];
            if (second.Code != Uop.Mov || second.A != first.D || first.D < registerCount || !UopTable.SetsD(first.Code) || UopTable.ReadsD(first.Code) || IsRead(operations[(i + 2)..], first.D))
            {
                continue;
            }

            first.D = second.D;
            second = new MicroOp { Code = Uop.Nop };
        }
    }

    /// <summary>Whether a temporary is read before it is set anew.</summary>
    private static bool IsRead(ReadOnlySpan<MicroOp> operations, int slot)
    {
        foreach (ref readonly MicroOp operation in operations)
        {
            if ((UopTable.ReadsA(operation.Code) && operation.A == slot) || (UopTable.ReadsB(operation.Code) && operation.B == slot)
                || (UopTable.ReadsD(operation.Code) && operation.D == slot) || UopTable.ThirdOf(operation) == slot)
            {
                return true;
            }

            if (UopTable.SetsD(operation.Code) && operation.D == slot)
            {
                return false;
            }
        }

        return false;
    }
}
