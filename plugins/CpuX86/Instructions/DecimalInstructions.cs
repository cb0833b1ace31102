using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Decimal adjustments, and BOUND, INTO's neighbours that no 64-bit code knows.</summary>
/// <remarks>Source: Intel SDM volume 2, AAA, AAD, AAM, AAS, DAA, DAS, BOUND.</remarks>
internal static unsafe class DecimalInstructions
{
    private static readonly PureKernel Daa = GuestKernels.Pure(&DaaOf, DaaOf);
    private static readonly PureKernel Das = GuestKernels.Pure(&DasOf, DasOf);
    private static readonly PureKernel Aaa = GuestKernels.Pure(&AaaOf, AaaOf);
    private static readonly PureKernel Aas = GuestKernels.Pure(&AasOf, AasOf);

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Daa, x => Adjust(x, Daa));
        table.Add(Mnemonic.Das, x => Adjust(x, Das));
        table.Add(Mnemonic.Aaa, x => Adjust(x, Aaa));
        table.Add(Mnemonic.Aas, x => Adjust(x, Aas));
        table.Add(Mnemonic.Aam, Aam);
        table.Add(Mnemonic.Aad, Aad);
        table.Add(Mnemonic.Bound, Bound);
        table.Add(Mnemonic.Salc, x => x.WriteRegister(Iced.Intel.Register.AL, x.Const(0) - x.Carry()));
    }

    private static void Adjust(LiftContext x, PureKernel kernel)
    {
        Val flags = x.Flags();
        Val both = x.Copy(x.Ir.Pure(kernel, x.Slot(X86Slots.Rax), flags));
        x.WriteRegister(Iced.Intel.Register.AX, both);
        x.SetFlags(both >>> 32);
    }

    private static void Aam(LiftContext x)
    {
        byte divisor = x.Instruction.Immediate8;
        if (divisor == 0)
        {
            x.Raise(X86Fault.DivideError);
            return;
        }

        Val al = x.Copy(x.Zext(x.Slot(X86Slots.Rax), 1));
        Val high = x.Ir.Pure(DivisionKernels.QuotientU, al, x.Const(divisor)), low = x.Copy(x.Ir.Pure(DivisionKernels.RemainderU, al, x.Const(divisor)));
        x.WriteRegister(Iced.Intel.Register.AX, x.Ir.Binary(Uop.Insert8H, low, high));
        x.SetFlags(FlagKind.Logic, 1, low);
    }

    private static void Aad(LiftContext x)
    {
        Val ax = x.Copy(x.Slot(X86Slots.Rax));
        Val sum = x.Copy(x.Zext(ax + (x.Zext(ax >>> 8, 1) * x.Const(x.Instruction.Immediate8)), 1));
        x.WriteRegister(Iced.Intel.Register.AX, sum);
        x.SetFlags(FlagKind.Logic, 1, sum);
    }

    /// <summary>BOUND: #BR where a signed index is below the first word in memory or above the second one.</summary>
    private static void Bound(LiftContext x)
    {
        int width = x.Instruction.Op0Register.GetSize();
        Val index = x.Sext(x.Read(0), width);
        x.Address(2 * width, isWrite: false);
        Val lower = x.Sext(x.Load(width), width), upper = x.Sext(x.Load(width, width), width);
        x.Ir.Limit(X86Helpers.BoundRange, x.Ir.Binary(Uop.SetLtS, index, lower) | x.Ir.Binary(Uop.SetLtS, upper, index), X86Slots.Zero, 0, 0);
    }

    /// <summary>The flags that follow from AL, with AF and CF given; AX in bits 15 to 0, flags in bits 63 to 32.</summary>
    private static ulong Result(ulong ax, ulong auxiliary, ulong carry) =>
        (ushort)ax | (((FlagKernels.Flags(ax, 0, FlagKernels.Number(FlagKind.Logic, 1)) & ~(Eflags.Af | Eflags.Cf)) | auxiliary | carry) << 32);

    private static ulong DaaOf(ulong ax, ulong flags)
    {
        byte al = (byte)ax, before = al;
        ulong carry = flags & Eflags.Cf, auxiliary = 0;
        if ((al & 0xF) > 9 || (flags & Eflags.Af) != 0)
        {
            al += 6;
            auxiliary = Eflags.Af;
        }

        if (before > 0x99 || carry != 0)
        {
            al += 0x60;
            carry = Eflags.Cf;
        }

        return Result((ax & 0xFF00) | al, auxiliary, carry);
    }

    private static ulong DasOf(ulong ax, ulong flags)
    {
        byte al = (byte)ax, before = al;
        ulong carry = flags & Eflags.Cf, auxiliary = 0, after = 0;
        if ((al & 0xF) > 9 || (flags & Eflags.Af) != 0)
        {
            after = carry | (al < 6 ? Eflags.Cf : 0);
            al -= 6;
            auxiliary = Eflags.Af;
        }

        if (before > 0x99 || carry != 0)
        {
            al -= 0x60;
            after = Eflags.Cf;
        }

        return Result((ax & 0xFF00) | al, auxiliary, after);
    }

    private static ulong AaaOf(ulong ax, ulong flags)
    {
        bool adjusts = (ax & 0xF) > 9 || (flags & Eflags.Af) != 0;
        ulong result = adjusts ? ax + 0x106 : ax;
        return Result(result & 0xFF0F, adjusts ? Eflags.Af : 0, adjusts ? Eflags.Cf : 0);
    }

    private static ulong AasOf(ulong ax, ulong flags)
    {
        bool adjusts = (ax & 0xF) > 9 || (flags & Eflags.Af) != 0;
        ulong result = adjusts ? ax - 0x106 : ax;
        return Result(result & 0xFF0F, adjusts ? Eflags.Af : 0, adjusts ? Eflags.Cf : 0);
    }
}
