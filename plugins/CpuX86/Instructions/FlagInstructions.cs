using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Instructions on flags.</summary>
/// <remarks>Source: Intel SDM volume 2, CLC, CLD, CLI, CMC, LAHF, POPF, PUSHF, SAHF, STC, STD, STI.</remarks>
internal static class FlagInstructions
{
    private const ulong Lower = Eflags.Cf | Eflags.Pf | Eflags.Af | Eflags.Zf | Eflags.Sf;

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Clc, x => x.SetFlags(x.Flags() & ~Eflags.Cf));
        table.Add(Mnemonic.Stc, x => x.SetFlags(x.Flags() | Eflags.Cf));
        table.Add(Mnemonic.Cmc, x => x.SetFlags(x.Flags() ^ Eflags.Cf));
        table.Add(Mnemonic.Cld, x => x.Ir.SetRegister(X86Slots.Eflags, x.Slot(X86Slots.Eflags) & ~Eflags.Df));
        table.Add(Mnemonic.Std, x => x.Ir.SetRegister(X86Slots.Eflags, x.Slot(X86Slots.Eflags) | Eflags.Df));
        table.Add(Mnemonic.Lahf, x => x.WriteRegister(Iced.Intel.Register.AH, (x.Flags() & Lower) | Eflags.Fixed));
        table.Add(Mnemonic.Sahf, Sahf);
        table.Add(Mnemonic.Pushf, x => PushFlags(x, 2));
        table.Add(Mnemonic.Pushfd, x => PushFlags(x, 4));
        table.Add(Mnemonic.Pushfq, x => PushFlags(x, 8));
        table.Add(Mnemonic.Popf, x => PopFlags(x, 2));
        table.Add(Mnemonic.Popfd, x => PopFlags(x, 4));
        table.Add(Mnemonic.Popfq, x => PopFlags(x, 8));
        table.Add(Mnemonic.Cli, Cli);
        table.Add(Mnemonic.Sti, x => x.Exit(X86Helpers.SetInterruptFlag, 0));
    }

    private static void Sahf(LiftContext x)
    {
        Val flags = x.Flags() & Eflags.Of;
        x.SetFlags(flags | ((x.Slot(X86Slots.Rax) >>> 8) & Lower));
    }

    private static void PushFlags(LiftContext x, int width)
    {
        if ((x.Context & X86Context.Virtual8086) != 0)
        {
            x.Ir.Helper(X86Helpers.CheckVirtualFlags, x.Const(0), 0);
        }

        Val flags = x.Flags() | (x.Slot(X86Slots.Eflags) & ~(Eflags.Rf | Eflags.Vm)) | Eflags.Fixed;
        x.Push(x.Copy(flags), width);
    }

    /// <summary>POPF: what of the flags changes depends on mode and privilege.</summary>
    private static void PopFlags(LiftContext x, int width)
    {
        if ((x.Context & X86Context.Virtual8086) != 0)
        {
            x.Ir.Helper(X86Helpers.CheckVirtualFlags, x.Const(0), 0);
        }

        Val flags = x.Copy(x.Top(width));
        x.Drop(width);
        x.Ir.ExitHelper(X86Helpers.SetFlags, flags, ((ulong)(uint)x.Instruction.Length << 8) | (uint)width);
    }

    private static void Cli(LiftContext x)
    {
        // Only ring 0 of long mode, and real mode, are sure of their right.
        if (x.Is64 && !x.IsUser || (x.Context & X86Context.Protected) == 0)
        {
            x.Ir.SetRegister(X86Slots.Eflags, x.Slot(X86Slots.Eflags) & ~Eflags.If);
            return;
        }

        x.Ir.Helper(X86Helpers.ClearInterruptFlag, x.Const(0), 0);
    }
}
