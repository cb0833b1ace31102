namespace Kmem.Ir;

/// <summary>Checks what lifters must keep: well-formed micro-ops, defined temporaries, faults before changes, one terminator.</summary>
public static class Verifier
{
    /// <summary>Finds what is wrong with a block.</summary>
    /// <param name="operations">Micro-ops.</param>
    /// <param name="marks">Where instructions begin.</param>
    /// <param name="registerCount">Number of slots that are guest registers.</param>
    /// <param name="scratchSlot">First of those that mean nothing between instructions.</param>
    /// <returns>A sentence for each error; empty for a good block.</returns>
    public static IReadOnlyList<string> Check(IReadOnlyList<MicroOp> operations, IReadOnlyList<InstructionMark> marks, int registerCount, int scratchSlot = int.MaxValue)
    {
        var errors = new List<string>();
        if (operations.Count == 0 || !UopTable.EndsBlock(operations[^1].Code))
        {
            errors.Add("the block has no terminator");
        }

        if (marks.Count == 0 || marks[0].Operation != 0)
        {
            errors.Add("the first micro-op belongs to no instruction");
        }

        var defined = new HashSet<int>();
        int next = 0;
        string? changed = null;
        for (int i = 0; i < operations.Count; i++)
        {
            while (next < marks.Count && marks[next].Operation == i)
            {
                defined.Clear();
                changed = null;
                next++;
            }

            MicroOp operation = operations[i];
            string text = $"{i}: {Printer.Print(operation, registerCount)}";
            if (UopTable.ShapeOf(operation.Code) == UopShape.None)
            {
                errors.Add($"{text}: there is no such micro-op");
                continue;
            }

            if (i < operations.Count - 1 && UopTable.EndsBlock(operation.Code))
            {
                errors.Add($"{text}: a terminator in the middle");
            }

            Check(UopTable.ReadsA(operation.Code), operation.A, text);
            Check(UopTable.ReadsB(operation.Code), operation.B, text);
            Check(UopTable.ReadsD(operation.Code), operation.D, text);
            Check(UopTable.ThirdOf(operation) >= 0, UopTable.ThirdOf(operation), text);
            if (changed is not null && UopTable.ShapeOf(operation.Code) is UopShape.Load or UopShape.Store or UopShape.Guarded or UopShape.Probe or UopShape.Limit)
            {
                errors.Add($"{text}: may fault after '{changed}' has changed a register of the same instruction");
            }

            if (UopTable.SetsD(operation.Code))
            {
                defined.Add(operation.D);
                if (operation.D < Math.Min(registerCount, scratchSlot))
                {
                    changed ??= text;
                }
            }
        }

        if (next != marks.Count)
        {
            errors.Add($"mark {next} lies beyond the block");
        }

        return errors;

        void Check(bool reads, int slot, string text)
        {
            if (reads && slot >= registerCount && !defined.Contains(slot))
            {
                errors.Add($"{text}: reads the temporary t{slot - registerCount}, which this instruction has not set");
            }
        }
    }
}
