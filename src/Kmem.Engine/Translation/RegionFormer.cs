using Kmem.Engine.Code;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>Chooses the blocks that are translated together with a hot one: what is reached from it and runs nearly as often.</summary>
internal static unsafe class RegionFormer
{
    /// <summary>A block belongs to a region when it was executed at least this part as often as the head.</summary>
    private const int Share = 64;

    /// <summary>Forms a region; null where there is nothing to translate.</summary>
    public static Region? Form(CodeBlock* head, EngineOptions options, CpuState* state)
    {
        if (!IsUsable(head))
        {
            return null;
        }

        int least = Math.Max(1, state->HotThreshold / Share);
        var members = new List<nint> { (nint)head };
        var seen = new HashSet<nint> { (nint)head };
        int instructions = head->Instructions;
        for (int i = 0; i < members.Count; i++)
        {
            var block = (CodeBlock*)members[i];
            Successor* successor = &block->Successor0;
            for (int k = 0; k < CodeBlock.SuccessorCount; k++)
            {
                CodeBlock* next = successor[k].Target;
                if (next == null || next->Context != head->Context || ((next->Epoch ^ state->Epoch) & next->EpochMask) != 0 || !IsUsable(next))
                {
                    continue;
                }

                // A region is looked at again when its head's mapping is: it may hold nothing that can move when the head can't.
                if ((next->EpochMask & ~head->EpochMask) != 0)
                {
                    continue;
                }

                // A block that is hot itself has a negative count by now.
                bool isHot = next->Executions < 0 || next->Executions >= least || options.Mode == EngineMode.Translate;
                if (isHot && instructions + next->Instructions <= options.RegionLimit && seen.Add((nint)next))
                {
                    members.Add((nint)next);
                    instructions += next->Instructions;
                }
            }
        }

        // Every block of a hot loop crosses the threshold at about the same time: one region for all of them. They rest until it is there.
        foreach (nint member in members)
        {
            if (((CodeBlock*)member)->Entry == 0)
            {
                ((CodeBlock*)member)->Executions = Region.RestingExecutions;
            }
        }

        var pages = new Dictionary<ulong, (ulong, ulong)>();
        foreach (nint member in members)
        {
            var block = (CodeBlock*)member;
            pages.TryAdd(block->Pc >> 12, (block->Pc, block->Physical));
            if (block->NextPhysical != ulong.MaxValue)
            {
                pages.TryAdd((block->Pc >> 12) + 1, (((block->Pc >> 12) + 1) << 12, block->NextPhysical));
            }
        }

        return new Region([.. members.Select(Snapshot)], [.. pages.Values]);
    }

    /// <summary>A block whose first instruction is left to the interpreter gains nothing; one whose last instruction accesses registers and jumps could not be left after it.</summary>
    private static bool IsUsable(CodeBlock* block)
    {
        if (block->Epoch == CodeCache.DeadEpoch || (block->Instructions == 1 && block->Operations[block->OperationCount - 1].Code is Uop.ExitHelper))
        {
            return false;
        }

        int last = block->Marks[block->Instructions - 1].Operation;
        for (int i = last; i < block->OperationCount; i++)
        {
            MicroOp operation = block->Operations[i];
            if (UopTable.ShapeOf(operation.Code) is UopShape.Helper || (UopTable.ShapeOf(operation.Code) is UopShape.Load or UopShape.Store or UopShape.Probe or UopShape.Limit && (operation.Site & SiteFlags.Slow) != 0))
            {
                return operation.Code != Uop.Helper && block->Operations[block->OperationCount - 1].Code == Uop.Jump;
            }
        }

        return true;
    }

    private static RegionBlock Snapshot(nint address)
    {
        var block = (CodeBlock*)address;
        Successor* successor = &block->Successor0;
        var successors = new (ulong, nint)[CodeBlock.SuccessorCount];
        for (int i = 0; i < successors.Length; i++)
        {
            successors[i] = (successor[i].Pc, (nint)successor[i].Target);
        }

        return new RegionBlock(
            address,
            block->Pc,
            new ReadOnlySpan<MicroOp>(block->Operations, block->OperationCount).ToArray(),
            new ReadOnlySpan<InstructionMark>(block->Marks, block->Instructions).ToArray(),
            successors);
    }
}
