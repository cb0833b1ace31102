using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Branches and jumps.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.3 "Control Instructions", 4.9 "Branch Format Floating-Point Instructions".</remarks>
internal static class BranchInstructions
{
    /// <summary>BR, BSR: Ra &lt;- PC; PC &lt;- PC + 4 * SEXT(disp).</summary>
    public static void Br(LiftContext x)
    {
        x.SetA(x.Ir.Const(x.Pc + 4));
        x.Ir.Jump(Target(x));
    }

    /// <summary>Bxx: IF TEST(Rav) THEN PC &lt;- PC + 4 * SEXT(disp).</summary>
    public static LiftMethod Conditional(Uop code) => x => x.Ir.Branch(code, x.A, Target(x), x.Pc + 4);

    /// <summary>FBxx: the same for a floating-point register, where minus zero is zero.</summary>
    public static LiftMethod Floating(Uop code) => x =>
    {
        if (x.NeedsFloatingPoint())
        {
            x.Ir.Branch(code, FloatingTest(x), Target(x), x.Pc + 4);
        }
    };

    /// <summary>JMP, JSR, RET, JSR_COROUTINE: va &lt;- Rbv AND NOT 3; Ra &lt;- PC; PC &lt;- va.</summary>
    public static void Jump(LiftContext x)
    {
        Val target = x.Base & ~3UL;
        if (target.IsConstant)
        {
            target = x.Ir.Const(0);
        }

        x.SetA(x.Ir.Const(x.Pc + 4));
        x.Ir.JumpTo(target);
    }

    /// <summary>FCMOVxx: IF TEST(Fav) THEN Fc &lt;- Fbv.</summary>
    public static LiftMethod FloatingMove(Uop condition) => x =>
    {
        if (x.NeedsFloatingPoint() && x.Instruction.Rc != 31)
        {
            x.Ir.Conditional(condition, AlphaSlots.F0 + x.Instruction.Rc, FloatingTest(x), x.FloatingB);
        }
    };

    /// <summary>A value with the sign that integer tests see: minus zero becomes zero.</summary>
    private static Val FloatingTest(LiftContext x)
    {
        Val a = x.FloatingA;
        if (a.IsConstant)
        {
            return a;
        }

        // Shifting out the sign leaves zero for both zeros; otherwise the sign stays and the rest is not zero.
        Val isZero = x.Ir.Binary(Uop.SetEq, a << 1, x.Ir.Const(0));
        return a & (isZero - 1);
    }

    private static ulong Target(LiftContext x) => x.Pc + 4 + (ulong)x.Instruction.BranchDisplacement;
}
