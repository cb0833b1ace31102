namespace Kmem.Plugins.CpuX86.Floating;

/// <content>Comparisons, FXAM, FTST, FCMOVcc.</content>
internal static unsafe partial class FpuUnit
{
    private const uint Unordered = FpuRegisters.C3 | FpuRegisters.C2 | FpuRegisters.C0;

    /// <summary>How two operands compare, and what that raises.</summary>
    private struct Comparison
    {
        /// <summary>C3, C2, C0.</summary>
        public uint Codes;

        /// <summary>What it raises.</summary>
        public FloatingFlags Raised;
    }

    private static Comparison CompareOperands(FpuRegisters* r, in Operand a, in Operand b, bool isUnordered)
    {
        if (a.IsNan || b.IsNan)
        {
            bool invalid = !isUnordered || a.Class >= OperandClass.SignalingNan || b.Class >= OperandClass.SignalingNan;
            return new Comparison { Codes = Unordered, Raised = invalid ? FloatingFlags.Invalid : 0 };
        }

        FloatingContext context = default;
        ExtendedArithmetic.NoteDenormal(a, b, ref context);
        int order = Order(a, b);
        return new Comparison { Codes = order == 0 ? FpuRegisters.C3 : order < 0 ? FpuRegisters.C0 : 0, Raised = context.Raised };
    }

    /// <summary>The order of two operands that are no NaNs: below, at or above zero.</summary>
    internal static int Order(in Operand a, in Operand b)
    {
        if (a.Class == OperandClass.Zero || b.Class == OperandClass.Zero)
        {
            return Sign(a) - Sign(b);
        }

        if (a.Value.IsNegative != b.Value.IsNegative)
        {
            return a.Value.IsNegative ? -1 : 1;
        }

        int magnitude = a.Class == b.Class && a.Class == OperandClass.Infinity ? 0
            : a.Class == OperandClass.Infinity ? 1
            : b.Class == OperandClass.Infinity ? -1
            : a.Value.Exponent != b.Value.Exponent ? a.Value.Exponent.CompareTo(b.Value.Exponent)
            : a.Value.High.CompareTo(b.Value.High);
        return a.Value.IsNegative ? -magnitude : magnitude;

        static int Sign(in Operand x) => x.Class == OperandClass.Zero ? 0 : x.Value.IsNegative ? -1 : 1;
    }

    private static void Compare(FpuRegisters* r, int i, bool isUnordered, int pops)
    {
        if (r->IsEmpty(0) || r->IsEmpty(i))
        {
            RefuseComparison(r, pops);
            return;
        }

        Finish(r, CompareOperands(r, Operand.Of(r->Read(0)), Operand.Of(r->Read(i)), isUnordered), pops);
    }

    private static void RefuseComparison(FpuRegisters* r, int pops)
    {
        bool masked = r->RaiseStackFault(overflow: false);
        r->SetConditions(Unordered);
        for (; masked && pops > 0; pops--)
        {
            r->Pop();
        }
    }

    private static void Finish(FpuRegisters* r, Comparison comparison, int pops)
    {
        // The codes are set even where the exception is not masked; the stack is left alone then.
        r->SetConditions(comparison.Codes);
        bool refused = r->Raise(comparison.Raised);
        for (; !refused && pops > 0; pops--)
        {
            r->Pop();
        }
    }

    private static bool CompareToFlags(FpuRegisters* r, int i, bool isUnordered, bool pop, out uint flags)
    {
        Comparison comparison;
        bool refused;
        if (r->IsEmpty(0) || r->IsEmpty(i))
        {
            comparison = new Comparison { Codes = Unordered };
            refused = !r->RaiseStackFault(overflow: false);
        }
        else
        {
            comparison = CompareOperands(r, Operand.Of(r->Read(0)), Operand.Of(r->Read(i)), isUnordered);
            refused = r->Raise(comparison.Raised);
        }

        // ZF, PF, CF are C3, C2, C0 moved down.
        flags = (comparison.Codes >> 8) & 0x45;
        if (pop && !refused)
        {
            r->Pop();
        }

        return true;
    }

    /// <summary>FTST: ST(0) with 0.0.</summary>
    private static void Test(FpuRegisters* r)
    {
        if (r->IsEmpty(0))
        {
            RefuseComparison(r, 0);
            return;
        }

        Finish(r, CompareOperands(r, Operand.Of(r->Read(0)), default, isUnordered: false), 0);
    }

    /// <summary>FXAM: the class of ST(0).</summary>
    private static void Examine(FpuRegisters* r)
    {
        Extended value = r->Read(0);
        var operand = Operand.Of(value);
        uint codes = r->IsEmpty(0) ? FpuRegisters.C3 | FpuRegisters.C0 : operand.Class switch
        {
            OperandClass.Unsupported => 0,
            OperandClass.QuietNan or OperandClass.SignalingNan => FpuRegisters.C0,
            OperandClass.Infinity => FpuRegisters.C2 | FpuRegisters.C0,
            OperandClass.Zero => FpuRegisters.C3,
            _ => operand.IsDenormal ? FpuRegisters.C3 | FpuRegisters.C2 : FpuRegisters.C2,
        };
        r->SetConditions(codes | (value.IsNegative ? FpuRegisters.C1 : 0));
    }

    /// <summary>FCMOVcc: ST(0) becomes ST(i) where the condition holds.</summary>
    private static void ConditionalMove(FpuRegisters* r, int i, bool condition)
    {
        if (r->IsEmpty(0) || r->IsEmpty(i))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        if (condition)
        {
            r->Write(0, r->Read(i));
        }
    }
}
