using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>Lifts one instruction.</summary>
/// <param name="x">The instruction with its block.</param>
internal delegate void LiftMethod(LiftContext x);

/// <summary>An instruction while it is lifted: its fields, its registers, and the block.</summary>
internal sealed class LiftContext(AlphaCpu cpu, Builder ir)
{
    /// <summary>The CPU.</summary>
    public AlphaCpu Cpu { get; } = cpu;

    /// <summary>The block.</summary>
    public Builder Ir { get; } = ir;

    /// <summary>The instruction.</summary>
    public AlphaInstruction Instruction { get; set; }

    /// <summary>Its virtual address.</summary>
    public ulong Pc { get; set; }

    /// <summary>Mode bits.</summary>
    public AlphaContext Context { get; set; }

    /// <summary>Whether the block is in PALmode.</summary>
    public bool IsPalMode => (Context & AlphaContext.Pal) != 0;

    /// <summary>Rav.</summary>
    public Val A => Register(Instruction.Ra);

    /// <summary>Rbv, or the literal.</summary>
    public Val B => Instruction.HasLiteral ? Ir.Const(Instruction.Literal) : Register(Instruction.Rb);

    /// <summary>Rbv of instructions without literals.</summary>
    public Val Base => Register(Instruction.Rb);

    /// <summary>Fav.</summary>
    public Val FloatingA => Floating(Instruction.Ra);

    /// <summary>Fbv.</summary>
    public Val FloatingB => Floating(Instruction.Rb);

    /// <summary>An integer register.</summary>
    public Val Register(int register) => register == 31 ? Ir.Const(0) : Ir.Register(AlphaSlots.Integer(register, IsPalMode));

    /// <summary>A floating-point register.</summary>
    public Val Floating(int register) => register == 31 ? Ir.Const(0) : Ir.Register(AlphaSlots.F0 + register);

    /// <summary>Sets Ra.</summary>
    public void SetA(Val value) => Set(Instruction.Ra, value);

    /// <summary>Sets Rc.</summary>
    public void SetC(Val value) => Set(Instruction.Rc, value);

    /// <summary>Sets an integer register.</summary>
    public void Set(int register, Val value)
    {
        if (register != 31)
        {
            Ir.SetRegister(AlphaSlots.Integer(register, IsPalMode), value);
        }
    }

    /// <summary>Sets a floating-point register.</summary>
    public void SetFloating(int register, Val value)
    {
        if (register != 31)
        {
            Ir.SetRegister(AlphaSlots.F0 + register, value);
        }
    }

    /// <summary>Ends the block with an illegal-instruction fault.</summary>
    public void Illegal() => Ir.ExitHelper(AlphaHelpers.Illegal, Ir.Const(0), 0);

    /// <summary>Ends the block with the floating-point-off fault where it is off.</summary>
    /// <returns>Whether the instruction may go on.</returns>
    public bool NeedsFloatingPoint()
    {
        if ((Context & AlphaContext.FloatingPoint) != 0)
        {
            return true;
        }

        Ir.ExitHelper(AlphaHelpers.FloatingPointOff, Ir.Const(0), 0);
        return false;
    }
}
