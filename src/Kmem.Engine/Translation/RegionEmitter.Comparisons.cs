using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>Branches on the result of a comparison.</content>
internal sealed partial class RegionEmitter
{
    /// <summary>Writes a branch on a comparison of the same block as one compare and jump: the host need not wait for the result as a number.</summary>
    /// <returns>False, and nothing written, where the branch tests something else or the comparison's operands are gone.</returns>
    private bool TryWriteComparedBranch(RegionBlock block, MicroOp branch, Label taken)
    {
        if (branch.Code is not (Uop.BranchEq or Uop.BranchNe) || FindComparison(block.Operations, branch.A) is not { } comparison)
        {
            return false;
        }

        LoadInteger(comparison.A);
        bool isImmediate = UopTable.ShapeOf(comparison.Code) == UopShape.BinaryImmediate;
        if (isImmediate)
        {
            _il.Emit(OpCodes.Ldc_I8, (long)comparison.Immediate);
        }
        else
        {
            LoadInteger(comparison.B);
        }

        Uop code = isImmediate ? UopTable.WithoutImmediate(comparison.Code) : comparison.Code;
        bool holds = branch.Code == Uop.BranchNe;
        _il.Emit(
            code switch
            {
                Uop.SetEq => holds ? OpCodes.Beq : OpCodes.Bne_Un,
                Uop.SetLtS => holds ? OpCodes.Blt : OpCodes.Bge,
                Uop.SetLeS => holds ? OpCodes.Ble : OpCodes.Bgt,
                Uop.SetLtU => holds ? OpCodes.Blt_Un : OpCodes.Bge_Un,
                _ => holds ? OpCodes.Ble_Un : OpCodes.Bgt_Un,
            },
            taken);
        return true;
    }

    /// <summary>The comparison that a slot holds the result of at the block's end, if its operands still are what they were.</summary>
    private static MicroOp? FindComparison(MicroOp[] operations, int slot)
    {
        for (int i = operations.Length - 2; i >= 0; i--)
        {
            MicroOp operation = operations[i];
            if (UopTable.ShapeOf(operation.Code) == UopShape.Helper)
            {
                return null;
            }

            if (!UopTable.SetsD(operation.Code) || operation.D != slot)
            {
                continue;
            }

            bool compares = operation.Code is (>= Uop.SetEq and <= Uop.SetLeU) or (>= Uop.SetEqI and <= Uop.SetLeUI);
            bool isImmediate = UopTable.ShapeOf(operation.Code) == UopShape.BinaryImmediate;
            for (int k = i; k < operations.Length - 1 && compares; k++)
            {
                compares = !UopTable.SetsD(operations[k].Code) || (operations[k].D != operation.A && (isImmediate || operations[k].D != operation.B));
            }

            return compares ? operation : null;
        }

        return null;
    }
}
