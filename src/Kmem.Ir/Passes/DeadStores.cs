namespace Kmem.Ir;

/// <summary>Drops micro-ops whose result is set again before anybody can see it.</summary>
/// <remarks>Registers are seen by whoever leaves the block, so they count as used wherever a micro-op may fault, and at the end.</remarks>
public static class DeadStores
{
    /// <summary>Finds the micro-ops that may go.</summary>
    /// <param name="operations">Micro-ops of one block.</param>
    /// <param name="marks">Where its instructions begin: one with a micro-op that may stop the block ends with all registers in sight.</param>
    /// <param name="registerCount">Number of slots that outlive the block.</param>
    /// <returns>True for each micro-op that may go.</returns>
    public static bool[] Find(ReadOnlySpan<MicroOp> operations, ReadOnlySpan<InstructionMark> marks, int registerCount)
    {
        bool[] dead = new bool[operations.Length];
        Span<bool> slots = stackalloc bool[CpuState.SlotCount];
        slots.Clear();
        Span<bool> unused = slots[..registerCount], liveTemporaries = slots[registerCount..];
        int mark = marks.Length - 1;
        for (int i = operations.Length - 1; i >= 0; i--)
        {
            while (mark >= 0 && marks[mark].Operation > i)
            {
                if (mark == 0 || MayStop(operations[marks[mark - 1].Operation..marks[mark].Operation]))
                {
                    unused.Clear();
                }

                mark--;
            }

            MicroOp operation = operations[i];
            bool visible = UopTable.HasEffects(operation.Code);
            if (UopTable.SetsD(operation.Code))
            {
                bool isRegister = operation.D < registerCount;
                bool isUnused = isRegister ? unused[operation.D] : !liveTemporaries[operation.D - registerCount];
                if (isUnused && !visible)
                {
                    dead[i] = true;
                    continue;
                }

                if (isRegister && !UopTable.ReadsD(operation.Code))
                {
                    unused[operation.D] = true;
                }
                else if (!isRegister)
                {
                    liveTemporaries[operation.D - registerCount] = false;
                }
            }

            if (visible)
            {
                unused.Clear();
            }

            Use(slots, UopTable.ReadsA(operation.Code), operation.A, registerCount);
            Use(slots, UopTable.ReadsB(operation.Code), operation.B, registerCount);
            Use(slots, UopTable.ReadsD(operation.Code), operation.D, registerCount);
            Use(slots, UopTable.ThirdOf(operation) >= 0, UopTable.ThirdOf(operation), registerCount);
        }

        return dead;

        static bool MayStop(ReadOnlySpan<MicroOp> instruction)
        {
            foreach (ref readonly MicroOp operation in instruction)
            {
                if (UopTable.HasEffects(operation.Code))
                {
                    return true;
                }
            }

            return false;
        }

        static void Use(Span<bool> slots, bool reads, int slot, int registerCount)
        {
            if (reads)
            {
                slots[slot] = slot >= registerCount;
            }
        }
    }
}
