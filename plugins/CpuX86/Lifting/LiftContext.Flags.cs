using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <content>Arithmetic flags: their operands are kept, and what needs a flag computes it.</content>
internal sealed partial class LiftContext
{
    private ulong? _known;
    private bool _hasEitherCarry;

    /// <summary>How two values must compare; each is the opposite of its neighbour. In the order of <see cref="Uop.BranchIfEq"/>.</summary>
    private enum Relation
    {
        Eq,
        Ne,
        LtS,
        GeS,
        LtU,
        GeU,
    }

    private Val FlagA => Slot(X86Slots.FlagA);

    private Val FlagB => Slot(X86Slots.FlagB);

    /// <summary>Forgets what is known of the flags, as after a helper that changes them.</summary>
    public void ForgetFlags() => (_known, _hasEitherCarry) = (null, false);

    /// <summary>Sets the flags to follow from two operands.</summary>
    public void SetFlags(FlagKind kind, int width, Val a, Val b)
    {
        Ir.SetRegister(X86Slots.FlagA, a);
        Ir.SetRegister(X86Slots.FlagB, b);
        SetKind(FlagKernels.Number(kind, width));
    }

    /// <summary>Sets the flags to follow from one operand.</summary>
    public void SetFlags(FlagKind kind, int width, Val a)
    {
        Ir.SetRegister(X86Slots.FlagA, a);
        SetKind(FlagKernels.Number(kind, width));
    }

    /// <summary>Sets all six flags.</summary>
    public void SetFlags(Val flags) => SetFlags(FlagKind.Explicit, 1, flags);

    /// <summary>Sets the flags of an addition or subtraction with a carry that is 0 or 1.</summary>
    public void SetFlagsWithCarry(FlagKind kind, int width, Val a, Val b, Val carry)
    {
        ulong number = FlagKernels.Number(kind, width);
        Val dynamic = (carry << 2) + number;
        Ir.SetRegister(X86Slots.FlagKind, dynamic);
        Ir.SetRegister(X86Slots.FlagA, a);
        Ir.SetRegister(X86Slots.FlagB, b);
        (_known, _hasEitherCarry) = (number, true);
    }

    /// <summary>Sets the flags where a value is not zero; else they stay.</summary>
    public void SetFlagsIf(Val test, FlagKind kind, int width, Val a, Val b)
    {
        Ir.Conditional(Uop.CmovNe, X86Slots.FlagA, test, a);
        Ir.Conditional(Uop.CmovNe, X86Slots.FlagB, test, b);
        Ir.Conditional(Uop.CmovNe, X86Slots.FlagKind, test, Const(FlagKernels.Number(kind, width)));
        ForgetFlags();
    }

    /// <summary>All six flags.</summary>
    public Val Flags() => _known is { } known && (FlagKind)(known >> 2) == FlagKind.Explicit ? Copy(FlagA) : Ir.Pure3(FlagKernels.All, FlagA, FlagB, Slot(X86Slots.FlagKind));

    /// <summary>Sets CF and leaves the other flags.</summary>
    public void SetCarry(Val bit) => SetFlags((Flags() & ~Eflags.Cf) | bit);

    /// <summary>CF as 0 or 1.</summary>
    public Val Carry() => Condition(2);

    /// <summary>Whether a condition holds, as 0 or 1.</summary>
    /// <param name="code">Condition code 0..15.</param>
    public Val Condition(int code)
    {
        if (!TryRelate(code, out Relation relation, out Val a, out Val b, out bool isNarrow))
        {
            return Const((code & 1) == 0 ? 0UL : 1);
        }

        // What is 0 or 1 already needs no comparison.
        if (_isBit && relation == Relation.Ne)
        {
            return a;
        }

        (Uop set, bool swaps, bool inverts) = relation switch
        {
            Relation.Eq => (isNarrow ? Uop.SetEq32 : Uop.SetEq, false, false),
            Relation.Ne => (isNarrow ? Uop.SetEq32 : Uop.SetEq, false, true),
            Relation.LtS => (isNarrow ? Uop.SetLtS32 : Uop.SetLtS, false, false),
            Relation.GeS => (isNarrow ? Uop.SetLtS32 : Uop.SetLtS, false, true),
            Relation.LtU => (isNarrow ? Uop.SetLtU32 : Uop.SetLtU, false, false),
            _ => (isNarrow ? Uop.SetLtU32 : Uop.SetLtU, false, true),
        };
        Val holds = swaps ? Ir.Binary(set, b, a) : Ir.Binary(set, a, b);
        return inverts ? holds ^ 1 : holds;
    }

    /// <summary>Ends the block with a branch on a condition.</summary>
    /// <param name="code">Condition code 0..15.</param>
    /// <param name="target">Linear address where it holds.</param>
    /// <param name="next">Linear address where it does not.</param>
    public void BranchOn(int code, ulong target, ulong next)
    {
        if (!TryRelate(code, out Relation relation, out Val a, out Val b, out bool isNarrow))
        {
            Ir.Jump((code & 1) == 0 ? next : target);
            return;
        }

        Ir.BranchIf((Uop)((int)Uop.BranchIfEq + (int)relation + (isNarrow ? 6 : 0)), a, b, target, next);
    }

    private bool _isBit;

    /// <summary>Finds the comparison that a condition is; false where the even condition never holds.</summary>
    private bool TryRelate(int code, out Relation relation, out Val a, out Val b, out bool isNarrow)
    {
        (relation, a, b, isNarrow, _isBit) = (Relation.Ne, Const(0), Const(0), false, false);
        int width = 8;
        if (_known is { } known)
        {
            width = 1 << ((int)known & 3);
            if (!TryRelateKnown((FlagKind)(known >> 2), code >> 1, width, ref relation, ref a, ref b, out bool isWide))
            {
                return false;
            }

            width = isWide ? 8 : width;
        }
        else
        {
            a = Ir.Pure3(FlagKernels.Conditions[code >> 1], FlagA, FlagB, Slot(X86Slots.FlagKind));
            _isBit = true;
        }

        if (width < 4)
        {
            (a, b) = (Up(a, width), Up(b, width));
        }

        isNarrow = width == 4;
        if ((code & 1) != 0)
        {
            relation ^= (Relation)1;
            _isBit = false;
        }

        return true;
    }

    private static Val Up(Val value, int width) => value << (64 - (8 * width));

    private bool TryRelateKnown(FlagKind kind, int condition, int width, ref Relation relation, ref Val a, ref Val b, out bool isWide)
    {
        isWide = false;
        switch (kind, condition)
        {
            case (FlagKind.Sub, 1) when !_hasEitherCarry:
                (relation, a, b) = (Relation.LtU, FlagA, FlagB);
                return true;
            case (FlagKind.Sub, 2) when !_hasEitherCarry:
                (relation, a, b) = (Relation.Eq, FlagA, FlagB);
                return true;
            case (FlagKind.Sub, 3) when !_hasEitherCarry:
                (relation, a, b) = (Relation.GeU, FlagB, FlagA);
                return true;
            case (FlagKind.Sub, 4) when !_hasEitherCarry:
                (relation, a) = (Relation.LtS, FlagA - FlagB);
                return true;
            case (FlagKind.Sub, 6) when !_hasEitherCarry:
                (relation, a, b) = (Relation.LtS, FlagA, FlagB);
                return true;
            case (FlagKind.Sub, 7) when !_hasEitherCarry:
                (relation, a, b) = (Relation.GeS, FlagB, FlagA);
                return true;
            case (FlagKind.Add, 1) when !_hasEitherCarry:
                (relation, a, b) = (Relation.LtU, FlagA + FlagB, FlagA);
                return true;
            case (FlagKind.Add, 2) when !_hasEitherCarry:
                (relation, a) = (Relation.Eq, FlagA + FlagB);
                return true;
            case (FlagKind.Add, 4) when !_hasEitherCarry:
                (relation, a) = (Relation.LtS, FlagA + FlagB);
                return true;
            case (FlagKind.Add or FlagKind.Sub, 1):
                a = CarryOfEither(kind, width);
                (isWide, _isBit) = (true, true);
                return true;
            case (FlagKind.Logic, 0 or 1):
                return false;
            case (FlagKind.Logic, 3):
            case (FlagKind.Logic or FlagKind.Increment or FlagKind.Decrement or FlagKind.ShiftLeft or FlagKind.ShiftRight or FlagKind.Carry, 2):
                (relation, a) = (Relation.Eq, FlagA);
                return true;
            case (FlagKind.Logic, 6):
            case (FlagKind.Logic or FlagKind.Increment or FlagKind.Decrement or FlagKind.ShiftLeft or FlagKind.ShiftRight or FlagKind.Carry, 4):
                (relation, a) = (Relation.LtS, FlagA);
                return true;
            case (FlagKind.Logic, 7):
                (relation, a, b) = (Relation.LtS, FlagA, Const(1));
                return true;
            case (FlagKind.Increment or FlagKind.Decrement, 1):
                a = FlagB;
                (isWide, _isBit) = (true, true);
                return true;
            case (FlagKind.ShiftLeft, 1):
                (relation, a) = (Relation.LtS, FlagB);
                return true;
            case (FlagKind.ShiftRight or FlagKind.Carry, 1):
                a = FlagB & 1;
                (isWide, _isBit) = (true, true);
                return true;
            case (FlagKind.Explicit, < 6):
                a = FlagA & (condition switch { 0 => Eflags.Of, 1 => Eflags.Cf, 2 => Eflags.Zf, 3 => Eflags.Cf | Eflags.Zf, 4 => Eflags.Sf, _ => Eflags.Pf });
                (isWide, _isBit) = (true, condition == 1);
                return true;
            default:
                a = Ir.Pure3(FlagKernels.Conditions[condition], FlagA, FlagB, Slot(X86Slots.FlagKind));
                (isWide, _isBit) = (true, true);
                return true;
        }
    }

    /// <summary>CF of an addition or subtraction of which only the running code knows whether it had a carry.</summary>
    private Val CarryOfEither(FlagKind kind, int width)
    {
        Val carry = (Slot(X86Slots.FlagKind) >>> 2) & 1;
        if (width < 8)
        {
            Val x = Zext(FlagA, width), y = Zext(FlagB, width);
            return kind == FlagKind.Add ? (x + y + carry) >>> (8 * width) : (x - y - carry) >>> 63;
        }

        if (kind == FlagKind.Add)
        {
            Val sum = FlagA + FlagB;
            return Ir.Binary(Uop.SetLtU, sum, FlagA) | Ir.Binary(Uop.SetLtU, sum + carry, sum);
        }

        Val difference = FlagA - FlagB;
        return Ir.Binary(Uop.SetLtU, FlagA, FlagB) | Ir.Binary(Uop.SetLtU, difference, carry);
    }

    private void SetKind(ulong number)
    {
        if (_known != number || _hasEitherCarry)
        {
            Ir.SetRegister(X86Slots.FlagKind, Const(number));
        }

        (_known, _hasEitherCarry) = (number, false);
    }
}
