using System.Globalization;
using System.Text;

namespace Kmem.Ir;

/// <summary>Micro-ops as text, for reports and tests.</summary>
public static class Printer
{
    /// <summary>One micro-op.</summary>
    /// <param name="operation">The micro-op.</param>
    /// <param name="registerCount">Number of slots that are guest registers.</param>
    /// <param name="names">Names of registers by slot; numbers where there is none.</param>
    public static string Print(MicroOp operation, int registerCount, Func<int, string?>? names = null)
    {
        var text = new StringBuilder();
        if (UopTable.SetsD(operation.Code))
        {
            text.Append(Name(operation.D)).Append(" = ");
        }

        text.Append(operation.Code);
        string separator = " ";
        Add(UopTable.ReadsA(operation.Code), Name(operation.A));
        Add(UopTable.ReadsB(operation.Code), Name(operation.B));
        UopShape shape = UopTable.ShapeOf(operation.Code);
        Add(shape is UopShape.Helper or UopShape.ExitHelper, shape is UopShape.Helper or UopShape.ExitHelper ? GuestKernels.HelperAt(operation.B).Method.Name : "");
        Add(shape == UopShape.Pure, shape == UopShape.Pure ? GuestKernels.PureAt((int)operation.Immediate).Method.Name : "");
        Add(shape == UopShape.Pure3, shape == UopShape.Pure3 ? $"{Name(UopTable.ThirdOf(operation))}, {GuestKernels.Pure3At((int)(uint)operation.Immediate).Method.Name}" : "");
        Add(shape == UopShape.Guarded, shape == UopShape.Guarded ? GuestKernels.GuardedAt((int)(uint)operation.Immediate).Value.Name : "");
        Add(shape is UopShape.Constant or UopShape.BinaryImmediate or UopShape.Ternary or UopShape.Load or UopShape.Store or UopShape.Helper or UopShape.ExitHelper or UopShape.Stop or UopShape.Count or UopShape.Probe or UopShape.Limit or UopShape.BranchIfImmediate,
            "0x" + operation.Immediate.ToString("x", CultureInfo.InvariantCulture));
        return text.ToString();

        string Name(int slot) => slot < registerCount ? names?.Invoke(slot) ?? $"s{slot}" : $"t{slot - registerCount}";

        void Add(bool has, string part)
        {
            if (has)
            {
                text.Append(separator).Append(part);
                separator = ", ";
            }
        }
    }

    /// <summary>A block, an instruction's address before its micro-ops.</summary>
    public static string Print(ulong pc, IReadOnlyList<MicroOp> operations, IReadOnlyList<InstructionMark> marks, int registerCount, Func<int, string?>? names = null)
    {
        var text = new StringBuilder();
        int next = 0;
        for (int i = 0; i < operations.Count; i++)
        {
            for (; next < marks.Count && marks[next].Operation == i; next++)
            {
                text.Append(CultureInfo.InvariantCulture, $"{pc + (ulong)marks[next].Offset:x}:\n");
            }

            text.Append("    ").Append(Print(operations[i], registerCount, names)).Append('\n');
        }

        return text.ToString();
    }
}
