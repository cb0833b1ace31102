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
        CopyPropagation.Run(operations, marks, registerCount);
        bool[] dead = DeadStores.Find(operations, marks, registerCount);
        for (int i = 0; i < operations.Length; i++)
        {
            if (dead[i])
            {
                operations[i] = new MicroOp { Code = Uop.Nop };
            }
        }

        CopyForwarding.Run(operations, registerCount);
        var left = new List<MicroOp>(operations.Length);
        int[] place = new int[operations.Length + 1];
        int mark = 0;
        for (int i = 0; i < operations.Length; i++)
        {
            // An instruction that does nothing keeps a micro-op of its own.
            bool isAlone = false;
            if (mark < marks.Length && marks[mark].Operation == i)
            {
                mark++;
                int end = mark < marks.Length ? marks[mark].Operation : operations.Length;
                isAlone = true;
                for (int k = i; k < end && isAlone; k++)
                {
                    isAlone = operations[k].Code == Uop.Nop;
                }
            }

            place[i] = left.Count;
            if (isAlone || operations[i].Code != Uop.Nop)
            {
                left.Add(operations[i]);
            }
        }

        var moved = new InstructionMark[marks.Length];
        for (int i = 0; i < marks.Length; i++)
        {
            moved[i] = marks[i] with { Operation = place[marks[i].Operation] };
        }

        return ([.. left], moved);
    }
}
