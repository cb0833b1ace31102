using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>An instruction while it is lifted: its operands, its flags, and the block.</summary>
/// <remarks>
/// Values are raw: bits above an operand's width mean nothing until <see cref="Zext"/> or <see cref="Sext"/> is asked for. A value that names a register is
/// wrong once that register is set. What can fault comes before what changes.
/// </remarks>
internal sealed partial class LiftContext(X86Cpu cpu, Builder ir)
{
    private Instruction _instruction;

    /// <summary>The CPU.</summary>
    public X86Cpu Cpu { get; } = cpu;

    /// <summary>The block.</summary>
    public Builder Ir { get; } = ir;

    /// <summary>The instruction.</summary>
    public ref Instruction Instruction => ref _instruction;

    /// <summary>Mode bits.</summary>
    public X86Context Context { get; private set; }

    /// <summary>Linear address of the code segment's first byte.</summary>
    public ulong CodeBase { get; private set; }

    /// <summary>Offset of the instruction in the code segment.</summary>
    public ulong Ip { get; set; }

    /// <summary>Offset of the next instruction.</summary>
    public ulong NextIp => Is64 ? Ip + (uint)_instruction.Length : (uint)(Ip + (uint)_instruction.Length);

    /// <summary>Whether the code is 64-bit code.</summary>
    public bool Is64 => (Context & X86Context.Code64) != 0;

    /// <summary>Whether the CPU is in protected mode and not in virtual-8086 mode.</summary>
    public bool IsProtected => (Context & (X86Context.Protected | X86Context.Virtual8086)) == X86Context.Protected;

    /// <summary>Whether the current privilege level is 3.</summary>
    public bool IsUser => (Context & X86Context.User) != 0;

    /// <summary>Bytes of the stack pointer: 2, 4 or 8.</summary>
    public int StackWidth => Is64 ? 8 : (Context & X86Context.Stack32) != 0 ? 4 : 2;

    /// <summary>Begins a block.</summary>
    public void Begin(X86Context context, ulong codeBase)
    {
        (Context, CodeBase) = (context, codeBase);
        ForgetFlags();
    }

    /// <summary>A constant.</summary>
    public Val Const(ulong value) => Ir.Const(value);

    /// <summary>A register by its slot.</summary>
    public Val Slot(int slot) => Ir.Register(slot);

    /// <summary>A copy that stays right when the register it was read from changes.</summary>
    public Val Copy(Val value) => value.IsConstant ? value : Ir.Unary(Uop.Mov, value);

    /// <summary>A value of some bytes with zeros above.</summary>
    public Val Zext(Val value, int width) => value.IsConstant ? Const(value.Constant & Mask(width)) : width switch
    {
        1 => Ir.Unary(Uop.Zext8, value),
        2 => Ir.Unary(Uop.Zext16, value),
        4 => Ir.Unary(Uop.Zext32, value),
        _ => value,
    };

    /// <summary>A value of some bytes with its sign above.</summary>
    public Val Sext(Val value, int width) => value.IsConstant ? Const(SignExtend(value.Constant, width)) : width switch
    {
        1 => Ir.Unary(Uop.Sext8, value),
        2 => Ir.Unary(Uop.Sext16, value),
        4 => Ir.Unary(Uop.Sext32, value),
        _ => value,
    };

    /// <summary>The bits of an operand of some bytes.</summary>
    public static ulong Mask(int width) => width == 8 ? ulong.MaxValue : (1UL << (8 * width)) - 1;

    /// <summary>A constant of some bytes with its sign above.</summary>
    public static ulong SignExtend(ulong value, int width) => (ulong)((long)(value << (64 - (8 * width))) >> (64 - (8 * width)));

    /// <summary>Ends the block with an exception that has no error code.</summary>
    public void Raise(X86Fault fault) => Ir.ExitHelper(X86Helpers.Raise, Const(0), (ulong)fault);

    /// <summary>Ends the block with an invalid opcode.</summary>
    public void Undefined() => Raise(X86Fault.InvalidOpcode);

    /// <summary>Ends the block with #GP(0) unless the current privilege level is 0.</summary>
    /// <returns>Whether the instruction may go on.</returns>
    public bool NeedsPrivilege()
    {
        if ((Context & (X86Context.User | X86Context.Virtual8086)) != 0)
        {
            Ir.ExitHelper(X86Helpers.Raise, Const(0), (ulong)X86Fault.GeneralProtection);
            return false;
        }

        // Rings 1 and 2 are so rare that they have no bit of their own: each privileged instruction of theirs asks.
        if ((Context & X86Context.Protected) != 0 && !Is64)
        {
            Ir.Helper(X86Helpers.CheckPrivilege, Const(0), 0);
        }

        return true;
    }

    /// <summary>Ends the block with a helper that sets the program counter or leaves it at the next instruction, which is its first argument.</summary>
    public void Exit(HelperFunction helper, ulong immediate) => Ir.ExitHelper(helper, Const(NextIp), immediate);

    /// <summary>Ends the block with a jump to an offset in the code segment.</summary>
    public void JumpTo(ulong ip)
    {
        if (IsBeyond(ip))
        {
            Ir.ExitHelper(X86Helpers.Raise, Const(0), (ulong)X86Fault.GeneralProtection);
            return;
        }

        Ir.Jump(Linear(ip));
    }

    /// <summary>The linear address of an offset in the code segment.</summary>
    public ulong Linear(ulong ip) => Is64 ? ip : (uint)(CodeBase + ip);

    /// <summary>Whether an offset lies beyond the code segment, or is no canonical address.</summary>
    public bool IsBeyond(ulong ip) => Is64 ? (ulong)((long)(ip << 16) >> 16) != ip : ip > Cpu.CodeLimit(Context);

    /// <summary>Carries out a helper that may raise a fault and that changes registers.</summary>
    public void Helper(HelperFunction helper, Val a, ulong immediate)
    {
        Ir.Helper(helper, a, immediate);
    }
}
