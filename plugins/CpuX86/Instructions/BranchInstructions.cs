using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Near jumps, calls, returns and loops.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static class BranchInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Jcc, Mnemonic.Ja, Mnemonic.Jae, Mnemonic.Jb, Mnemonic.Jbe, Mnemonic.Je, Mnemonic.Jg, Mnemonic.Jge, Mnemonic.Jl, Mnemonic.Jle, Mnemonic.Jne, Mnemonic.Jno, Mnemonic.Jnp, Mnemonic.Jns, Mnemonic.Jo, Mnemonic.Jp, Mnemonic.Js);
        table.Add(Mnemonic.Jmp, Jmp);
        table.Add(Mnemonic.Call, Call);
        table.Add(Mnemonic.Ret, Ret);
        table.Add(Loop, Mnemonic.Loop, Mnemonic.Loope, Mnemonic.Loopne);
        table.Add(Jcxz, Mnemonic.Jcxz, Mnemonic.Jecxz, Mnemonic.Jrcxz);
    }

    private static void Jcc(LiftContext x)
    {
        ulong target = x.Instruction.NearBranchTarget;
        int code = FlagKernels.NumberOf(x.Instruction.ConditionCode);
        if (x.IsBeyond(target))
        {
            x.Ir.Limit(X86Helpers.BranchBeyond, x.Condition(code), X86Slots.Zero, 0, 0);
            x.Ir.Jump(x.Linear(x.NextIp));
            return;
        }

        x.BranchOn(code, x.Linear(target), x.Linear(x.NextIp));
    }

    private static void Jmp(LiftContext x)
    {
        switch (x.Instruction.Op0Kind)
        {
            case OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64:
                x.JumpTo(x.Instruction.NearBranchTarget);
                break;
            case OpKind.FarBranch16 or OpKind.FarBranch32:
                SystemInstructions.FarBranch(x, isCall: false);
                break;
            default:
                if (IsFar(x))
                {
                    SystemInstructions.FarBranch(x, isCall: false);
                    break;
                }

                Indirect(x, x.ReadZext(0));
                break;
        }
    }

    private static void Call(LiftContext x)
    {
        switch (x.Instruction.Op0Kind)
        {
            case OpKind.NearBranch16 or OpKind.NearBranch32 or OpKind.NearBranch64:
                ulong target = x.Instruction.NearBranchTarget;
                if (x.IsBeyond(target))
                {
                    x.JumpTo(target);
                    return;
                }

                x.Push(x.Const(x.NextIp), x.Instruction.Op0Kind switch { OpKind.NearBranch16 => 2, OpKind.NearBranch32 => 4, _ => 8 });
                x.JumpTo(target);
                break;
            case OpKind.FarBranch16 or OpKind.FarBranch32:
                SystemInstructions.FarBranch(x, isCall: true);
                break;
            default:
                if (IsFar(x))
                {
                    SystemInstructions.FarBranch(x, isCall: true);
                    break;
                }

                int width = x.Width(0);
                Val address = x.Copy(x.ReadZext(0));
                CheckTarget(x, address, width);
                x.Push(x.Const(x.NextIp), width);
                Leave(x, address);
                break;
        }
    }

    private static void Ret(LiftContext x)
    {
        int width = x.Instruction.Code switch { Code.Retnw or Code.Retnw_imm16 => 2, Code.Retnd or Code.Retnd_imm16 => 4, _ => 8 };
        Val address = x.Top(width);
        CheckTarget(x, address, width);
        x.Drop(width + (x.Instruction.OpCount > 0 ? x.Instruction.Immediate16 : 0));
        Leave(x, address);
    }

    private static void Loop(LiftContext x)
    {
        int width = x.Instruction.Code switch
        {
            Code.Loop_rel8_16_CX or Code.Loop_rel8_32_CX or Code.Loope_rel8_16_CX or Code.Loope_rel8_32_CX or Code.Loopne_rel8_16_CX or Code.Loopne_rel8_32_CX => 2,
            Code.Loop_rel8_64_RCX or Code.Loope_rel8_64_RCX or Code.Loopne_rel8_64_RCX or Code.Loop_rel8_16_RCX or Code.Loope_rel8_16_RCX or Code.Loopne_rel8_16_RCX => 8,
            _ => 4,
        };
        Val count = x.Ir.Binary(width == 4 ? Uop.Sub32 : Uop.Sub, x.Slot(X86Slots.Rcx), x.Const(1));
        Val left = x.Copy(x.Zext(count, width));
        Val goes = x.Ir.Binary(Uop.SetLtU, x.Const(0), left);
        if (x.Instruction.Mnemonic != Mnemonic.Loop)
        {
            goes &= x.Condition(x.Instruction.Mnemonic == Mnemonic.Loope ? 4 : 5);
        }

        ulong target = x.Instruction.NearBranchTarget;
        if (x.IsBeyond(target))
        {
            x.Ir.Limit(X86Helpers.BranchBeyond, goes, X86Slots.Zero, 0, 0);
        }

        goes = x.Copy(goes);
        x.WriteRegister(width switch { 2 => Iced.Intel.Register.CX, 4 => Iced.Intel.Register.ECX, _ => Iced.Intel.Register.RCX }, left);
        x.Ir.Branch(Uop.BranchNe, goes, x.Linear(x.IsBeyond(target) ? x.NextIp : target), x.Linear(x.NextIp));
    }

    private static void Jcxz(LiftContext x)
    {
        Val count = x.Zext(x.Slot(X86Slots.Rcx), x.Instruction.Mnemonic switch { Mnemonic.Jcxz => 2, Mnemonic.Jecxz => 4, _ => 8 });
        ulong target = x.Instruction.NearBranchTarget;
        if (x.IsBeyond(target))
        {
            x.Ir.Limit(X86Helpers.BranchBeyond, x.Ir.Binary(Uop.SetEq, count, x.Const(0)), X86Slots.Zero, 0, 0);
            x.Ir.Jump(x.Linear(x.NextIp));
            return;
        }

        x.Ir.Branch(Uop.BranchEq, count, x.Linear(target), x.Linear(x.NextIp));
    }

    private static bool IsFar(LiftContext x) => x.Instruction.IsJmpFarIndirect || x.Instruction.IsCallFarIndirect;

    private static void Indirect(LiftContext x, Val address)
    {
        CheckTarget(x, address, x.Width(0));
        Leave(x, address);
    }

    /// <summary>A target beyond the code segment, or one that is not canonical, is a #GP of the jump itself.</summary>
    private static void CheckTarget(LiftContext x, Val address, int width)
    {
        if (width == 8)
        {
            // Canonical addresses and no others have zeros above bit 47 once half of their range is added.
            x.Ir.Limit(X86Helpers.BranchBeyond, (address + (1UL << 47)) >>> 48, X86Slots.Zero, 0, 0);
        }
        else if (!x.Is64 && x.Cpu.CodeLimit(x.Context) != uint.MaxValue)
        {
            x.Ir.Limit(X86Helpers.BranchBeyond, x.Ir.Binary(Uop.SetLtU, x.Const(x.Cpu.CodeLimit(x.Context)), address), X86Slots.Zero, 0, 0);
        }
    }

    private static void Leave(LiftContext x, Val address) => x.Ir.JumpTo(x.Is64 || x.CodeBase == 0 ? address : x.Ir.Binary(Uop.Add32, address, x.Const(x.CodeBase)));
}
