namespace Kmem.Ir;

/// <summary>Runs the passes over a block in their order.</summary>
public static class Optimizer
{
    /// <summary>Folds, propagates, drops; gives back what is left with the marks moved along.</summary>
    /// <param name="operations">Micro-ops of one block; changed.</param>
    /// <param name="marks">Where its instructions begin.</param>
    /// <param name="registerCount">Number of slots that are guest registers.</param>
    public static (MicroOp[] Operations, InstructionMark[] Marks) Run(MicroOp[] operations, InstructionMark[] marks, int registerCount)
    {
        ConstantFolding.Run(operations);
        CopyPropagation.Run(operations);
        bool[] dead = DeadStores.Find(operations, registerCount);
        if (!dead.Contains(true))
        {
            return (operations, marks);
        }

        var left = new List<MicroOp>(operations.Length);
        int[] place = new int[operations.Length + 1];
        for (int i = 0; i < operations.Length; i++)
        {
            place[i] = left.Count;
            if (!dead[i])
            {
                left.Add(operations[i]);
            }
        }

        return ([.. left], [.. marks.Select(m => m with { Operation = place[m.Operation] })]);
    }
}
