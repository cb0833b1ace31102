namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>x87 instructions without a memory operand, and those that read one; by their 11-bit opcodes.</summary>
/// <remarks>
/// Source: Intel SDM vol. 1, chapter 8, vol. 2, and appendix A.5 of vol. 2 for the encoding. The opcode is the low three bits of the first byte,
/// then the second byte; of memory forms the operand has been read, zero-extended, and a rest beyond 64 bits is given apart.
/// </remarks>
internal static unsafe partial class FpuUnit
{
    /// <summary>Carries out D8 to DF with a register operand (second byte C0 to FF).</summary>
    /// <param name="r">The registers.</param>
    /// <param name="opcode">11 bits.</param>
    /// <param name="condition">Of FCMOVcc: whether the flags meet the condition.</param>
    /// <param name="flags">Of FCOMI and its kin: ZF, PF, CF at their places in EFLAGS.</param>
    /// <returns>Whether <paramref name="flags"/> has been set.</returns>
    public static bool ExecuteRegister(FpuRegisters* r, uint opcode, bool condition, out uint flags)
    {
        int i = (int)opcode & 7;
        uint group = (opcode >> 3) & 7;
        flags = 0;
        switch (opcode >> 8)
        {
            case 0:
                Binary(r, group, i, toOther: false, pop: false);
                return false;
            case 1:
                ExecuteD9(r, group, i);
                return false;
            case 2:
                if (group == 5)
                {
                    Compare(r, 1, isUnordered: true, pops: 2);
                    return false;
                }

                ConditionalMove(r, i, condition);
                return false;
            case 3:
                if (group is 5 or 6)
                {
                    return CompareToFlags(r, i, isUnordered: group == 5, pop: false, out flags);
                }

                if (group == 4)
                {
                    Control(r, i);
                    return false;
                }

                ConditionalMove(r, i, condition);
                return false;
            case 4:
                Binary(r, group, i, toOther: true, pop: false);
                return false;
            case 5:
                ExecuteDD(r, group, i);
                return false;
            case 6:
                if (group == 3)
                {
                    Compare(r, 1, isUnordered: false, pops: 2);
                    return false;
                }

                Binary(r, group, i, toOther: true, pop: true);
                return false;
            default:
                switch (group)
                {
                    case 5 or 6:
                        return CompareToFlags(r, i, isUnordered: group == 5, pop: true, out flags);
                    case 1:
                        Exchange(r, i);
                        return false;
                    case 0:
                        // FFREEP: FFREE, then a pop.
                        Free(r, i);
                        r->Pop();
                        return false;
                    default:
                        Store(r, i, pop: true);
                        return false;
                }
        }
    }

    /// <summary>D8, DA, DC, DE with a memory operand: arithmetic on ST(0).</summary>
    /// <param name="r">The registers.</param>
    /// <param name="opcode">11 bits.</param>
    /// <param name="memory">The operand.</param>
    public static void ExecuteArithmetic(FpuRegisters* r, uint opcode, ulong memory)
    {
        Operand operand = (opcode >> 8) switch
        {
            0 => Operand.OfSingle((uint)memory),
            2 => Operand.OfInteger((int)memory),
            4 => Operand.OfDouble(memory),
            _ => Operand.OfInteger((short)memory),
        };
        uint group = (opcode >> 3) & 7;
        if (r->IsEmpty(0))
        {
            if (group is 2 or 3)
            {
                RefuseComparison(r, group == 3 ? 1 : 0);
            }
            else if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        var first = Operand.Of(r->Read(0));
        if (group is 2 or 3)
        {
            Finish(r, CompareOperands(r, first, operand, isUnordered: false), group == 3 ? 1 : 0);
            return;
        }

        FloatingContext context = r->Context;
        Extended result = Compute(group, first, operand, ref context);
        Deliver(r, 0, result, context);
    }

    /// <summary>One of the six basic operations: 0 add, 1 multiply, 4 subtract, 5 subtract reversed, 6 divide, 7 divide reversed.</summary>
    private static Extended Compute(uint group, in Operand a, in Operand b, ref FloatingContext context) => group switch
    {
        0 => ExtendedArithmetic.Add(a, b, subtract: false, ref context),
        1 => ExtendedArithmetic.Multiply(a, b, ref context),
        4 => ExtendedArithmetic.Add(a, b, subtract: true, ref context),
        5 => ExtendedArithmetic.Add(b, a, subtract: true, ref context),
        6 => ExtendedArithmetic.Divide(a, b, ref context),
        _ => ExtendedArithmetic.Divide(b, a, ref context),
    };

    /// <summary>Arithmetic or a comparison on ST(0) and ST(i).</summary>
    private static void Binary(FpuRegisters* r, uint group, int i, bool toOther, bool pop)
    {
        if (group is 2 or 3)
        {
            // D8 compares; DC and DE have copies of FCOM and FCOMP there.
            Compare(r, i, isUnordered: false, pops: group == 3 || pop ? 1 : 0);
            return;
        }

        int destination = toOther ? i : 0;
        if (r->IsEmpty(0) || r->IsEmpty(i))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(destination, Extended.Indefinite);
                if (pop)
                {
                    r->Pop();
                }
            }

            return;
        }

        // With ST(i) as destination the names of the reversed forms change places: group 4 is ST(0) less ST(i) everywhere.
        FloatingContext context = r->Context;
        Extended result = Compute(group, Operand.Of(r->Read(0)), Operand.Of(r->Read(i)), ref context);
        if (Deliver(r, destination, result, context) && pop)
        {
            r->Pop();
        }
    }

    /// <summary>Notes what an operation raised, and sets its result where there is one.</summary>
    /// <returns>Whether the instruction is to be completed.</returns>
    private static bool Deliver(FpuRegisters* r, int destination, Extended result, in FloatingContext context)
    {
        if (!Note(r, context))
        {
            return false;
        }

        r->Write(destination, result);
        return true;
    }

    /// <summary>Notes what an operation raised, with C1.</summary>
    /// <returns>Whether the operation has a result.</returns>
    private static bool Note(FpuRegisters* r, in FloatingContext context)
    {
        if (context.IsRefused)
        {
            r->SetC1(value: false);
            r->Raise(context.Raised & FloatingFlags.BeforeComputation);
            return false;
        }

        r->SetC1(context.RoundedUp);
        if (context.Raised != 0)
        {
            r->Raise(context.Raised);
        }

        return true;
    }
}
