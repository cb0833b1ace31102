using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Moves between XMM, MMX and general registers and memory.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named. Non-temporal stores are stores.</remarks>
internal static class VectorMoves
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(x => Whole(x, isAligned: true), Mnemonic.Movaps, Mnemonic.Movapd, Mnemonic.Movdqa, Mnemonic.Movntps, Mnemonic.Movntpd, Mnemonic.Movntdq, Mnemonic.Movntdqa);
        table.Add(x => Whole(x, isAligned: false), Mnemonic.Movups, Mnemonic.Movupd, Mnemonic.Movdqu, Mnemonic.Lddqu);
        table.Add(Mnemonic.Movss, x => Scalar(x, 4));
        table.Add(Code.Movsd_xmm_xmmm64, x => Scalar(x, 8));
        table.Add(Code.Movsd_xmmm64_xmm, x => Scalar(x, 8));
        table.Add(Half, Mnemonic.Movlps, Mnemonic.Movlpd, Mnemonic.Movhps, Mnemonic.Movhpd);
        table.Add(Between, Mnemonic.Movlhps, Mnemonic.Movhlps, Mnemonic.Movddup);
        table.Add(Mnemonic.Movd, x => Element(x, 4));
        table.Add(Mnemonic.Movq, x => Element(x, 8));
        table.Add(Mnemonic.Movntq, x => Element(x, 8));
        table.Add(Mnemonic.Movnti, x => x.Write(0, x.Read(1)));
        table.Add(Mnemonic.Movq2dq, x => Element(x, 8));
        table.Add(Mnemonic.Movdq2q, x => Element(x, 8));
        table.Add(StoreMasked, Mnemonic.Maskmovdqu, Mnemonic.Maskmovq);
    }

    private static void Whole(LiftContext x, bool isAligned)
    {
        if (!VectorInstructions.IsAvailable(x))
        {
            return;
        }

        (Val low, Val high) = VectorInstructions.Read(x, 1, isAligned);
        if (x.IsMemory(0))
        {
            x.Store128(low, high, isAligned);
        }
        else
        {
            VectorInstructions.Write(x, VectorInstructions.Number(x, 0), low, high);
        }
    }

    /// <summary>MOVSS, MOVSD: between registers the rest stays, from memory it becomes zero.</summary>
    private static void Scalar(LiftContext x, int width)
    {
        if (!VectorInstructions.IsAvailable(x))
        {
            return;
        }

        if (x.IsMemory(0))
        {
            x.Store(width, x.Slot(X86Slots.XmmLow + VectorInstructions.Number(x, 1)));
            return;
        }

        int number = VectorInstructions.Number(x, 0);
        if (x.IsMemory(1))
        {
            VectorInstructions.Write(x, number, x.Load(width), x.Const(0));
            return;
        }

        Val source = x.Slot(X86Slots.XmmLow + VectorInstructions.Number(x, 1)), target = x.Slot(X86Slots.XmmLow + number);
        x.Ir.SetRegister(X86Slots.XmmLow + number, width == 8 ? source : (target & ~(ulong)uint.MaxValue) | (source & uint.MaxValue));
    }

    private static void Half(LiftContext x)
    {
        if (!VectorInstructions.IsAvailable(x))
        {
            return;
        }

        int half = x.Instruction.Mnemonic is Mnemonic.Movlps or Mnemonic.Movlpd ? X86Slots.XmmLow : X86Slots.XmmHigh;
        if (x.IsMemory(0))
        {
            x.Store(8, x.Slot(half + VectorInstructions.Number(x, 1)));
        }
        else
        {
            x.Ir.SetRegister(half + VectorInstructions.Number(x, 0), x.Load(8));
        }
    }

    private static void Between(LiftContext x)
    {
        if (!VectorInstructions.IsAvailable(x))
        {
            return;
        }

        int number = VectorInstructions.Number(x, 0);
        (Val low, Val high) = VectorInstructions.Read(x, 1);
        switch (x.Instruction.Mnemonic)
        {
            case Mnemonic.Movlhps:
                x.Ir.SetRegister(X86Slots.XmmHigh + number, low);
                break;
            case Mnemonic.Movhlps:
                x.Ir.SetRegister(X86Slots.XmmLow + number, high);
                break;
            default:
                x.Ir.SetRegister(X86Slots.XmmHigh + number, low);
                x.Ir.SetRegister(X86Slots.XmmLow + number, low);
                break;
        }
    }

    /// <summary>MOVD, MOVQ: one element between any two places, with zeros above it.</summary>
    private static void Element(LiftContext x, int width)
    {
        Register target = x.Instruction.Op0Kind == OpKind.Register ? x.Instruction.Op0Register : Iced.Intel.Register.None;
        Register source = x.Instruction.Op1Kind == OpKind.Register ? x.Instruction.Op1Register : Iced.Intel.Register.None;
        bool isMmx = target.IsMM() || source.IsMM(), isVector = target.IsXMM() || source.IsXMM();
        if ((isVector && !VectorInstructions.IsAvailable(x)) || (isMmx && !MmxInstructions.IsAvailable(x)))
        {
            return;
        }

        Val value = source.IsXMM() ? x.Slot(X86Slots.XmmLow + (source - Iced.Intel.Register.XMM0))
            : source.IsMM() ? x.Slot(X86Slots.X87Significand + (source - Iced.Intel.Register.MM0))
            : x.IsMemory(1) ? x.Load(width) : x.Slot(x.RegisterSlot(1));
        if (isMmx)
        {
            if (x.IsMemory(0))
            {
                x.ProbeStore(width);
            }

            MmxInstructions.Enter(x);
        }

        value = width == 4 && !x.IsMemory(1) ? x.Zext(value, 4) : value;
        if (target.IsXMM())
        {
            VectorInstructions.Write(x, target - Iced.Intel.Register.XMM0, value, x.Const(0));
        }
        else if (target.IsMM())
        {
            MmxInstructions.Write(x, target - Iced.Intel.Register.MM0, value);
        }
        else if (x.IsMemory(0))
        {
            x.Store(width, value);
        }
        else
        {
            x.Ir.SetRegister(x.RegisterSlot(0), value);
        }
    }

    /// <summary>MASKMOVDQU, MASKMOVQ: to DS:rDI.</summary>
    private static void StoreMasked(LiftContext x)
    {
        bool isMmx = x.Instruction.Mnemonic == Mnemonic.Maskmovq;
        if (isMmx ? !MmxInstructions.IsAvailable(x) : !VectorInstructions.IsAvailable(x))
        {
            return;
        }

        int width = x.Instruction.Op0Kind switch { OpKind.MemorySegDI => 2, OpKind.MemorySegEDI => 4, _ => 8 };
        Val offset = x.Zext(x.Slot(X86Slots.Rdi), width);
        (Val address, long displacement) = x.Through(LiftContext.SegmentOf(x.Instruction.MemorySegment), offset, 0, isMmx ? 8 : 16, isWrite: true);
        address = displacement == 0 ? address : address + (ulong)displacement;
        int value = x.Instruction.Op1Register - (isMmx ? Iced.Intel.Register.MM0 : Iced.Intel.Register.XMM0), mask = x.Instruction.Op2Register - (isMmx ? Iced.Intel.Register.MM0 : Iced.Intel.Register.XMM0);
        if (isMmx)
        {
            address = x.Copy(address);
            MmxInstructions.Enter(x);
        }

        VectorRequest request = isMmx
            ? new VectorRequest(x.Instruction.Mnemonic, 0, X86Slots.X87Significand + value, X86Slots.Zero, X86Slots.X87Significand + mask, X86Slots.Zero)
            : new VectorRequest(x.Instruction.Mnemonic, 0, X86Slots.XmmLow + value, X86Slots.XmmHigh + value, X86Slots.XmmLow + mask, X86Slots.XmmHigh + mask);
        x.Helper(VectorHelpers.StoreMasked, address, request.Pack());
    }
}
