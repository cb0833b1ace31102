using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>PUSH, POP and their kind; ENTER and LEAVE.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static class StackInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Push, Push);
        table.Add(Mnemonic.Pop, Pop);
        table.Add(x => PushAll(x, 2), Mnemonic.Pusha);
        table.Add(x => PushAll(x, 4), Mnemonic.Pushad);
        table.Add(x => PopAll(x, 2), Mnemonic.Popa);
        table.Add(x => PopAll(x, 4), Mnemonic.Popad);
        table.Add(Mnemonic.Leave, Leave);
        table.Add(Mnemonic.Enter, Enter);
    }

    private static void Push(LiftContext x)
    {
        int width = x.Instruction.StackPointerIncrement switch { -2 => 2, -4 => 4, _ => 8 };
        if (x.Instruction.Op0Kind == OpKind.Register && x.Instruction.Op0Register.IsSegmentRegister())
        {
            // The upper bytes of the slot stay as they are, as newer processors do with 32 bits.
            Val selector = x.Slot(X86Slots.Selector + LiftContext.SegmentOf(x.Instruction.Op0Register));
            if (width == 4)
            {
                Val top = x.StackOffset(x.Slot(X86Slots.Rsp) - 4);
                (Val address, long displacement) = x.Through(X86Slots.Ss, top, 0, 4, isWrite: true);
                x.Ir.Store(Uop.Store16U, address, displacement, selector);
                x.SetStackPointer(top);
            }
            else
            {
                x.Push(selector, width);
            }

            return;
        }

        Val value = x.Read(0);
        x.Push(x.Instruction.Op0Register == Iced.Intel.Register.None || value.IsConstant ? value : x.Copy(value), width);
    }

    private static void Pop(LiftContext x)
    {
        int width = x.Instruction.StackPointerIncrement;
        if (x.Instruction.Op0Kind == OpKind.Register && x.Instruction.Op0Register.IsSegmentRegister())
        {
            SystemInstructions.PopSegment(x, width);
            return;
        }

        Val value = x.Top(width);
        if (x.IsMemory(0))
        {
            // An address with the stack pointer in it sees the pointer after the pop.
            if (x.Instruction.MemoryBase is Iced.Intel.Register.ESP or Iced.Intel.Register.RSP)
            {
                x.Instruction.MemoryDisplacement64 += (ulong)width;
            }

            x.Store(width, value);
            x.Drop(width);
            return;
        }

        value = x.Copy(value);
        x.Drop(width);
        x.Write(0, value);
    }

    /// <remarks>Real and virtual-8086 mode refuse a stack pointer of 7, 9, 11, 13 or 15 with #GP before a word is pushed. Source: Intel SDM volume 2, "PUSHA/PUSHAD", Real-Address Mode Exceptions.</remarks>
    private static void PushAll(LiftContext x, int width)
    {
        Val first = x.Copy(x.Slot(X86Slots.Rsp)), top = first;
        if (!x.IsProtected)
        {
            // 7, 9, 11, 13 and 15 become 0 to 4, all others more.
            Val place = x.Copy(x.StackOffset(first - 7));
            Val number = (place >>> 1) | ((place & 1) << 31);
            x.Ir.Limit(X86Helpers.SplitStack, x.Ir.Binary(Uop.SetLtU, number, x.Const(5)), X86Slots.Zero, 0, 0);
        }

        Probe(x, first, width);
        for (int i = 0; i < 8; i++)
        {
            top = x.StackOffset(first - (ulong)(width * (i + 1)));
            (Val address, long displacement) = x.Through(X86Slots.Ss, top, 0, width, isWrite: true);
            x.Ir.Store(LiftContext.StoreOf(width), address, displacement, i == 4 ? first : x.Slot(i));
        }

        x.SetStackPointer(top);
    }

    /// <summary>Finds faults of the first and the last store before any is done; between both lie no more than two pages.</summary>
    private static void Probe(LiftContext x, Val first, int width)
    {
        foreach (int count in (ReadOnlySpan<int>)[1, 8])
        {
            (Val address, long displacement) = x.Through(X86Slots.Ss, x.StackOffset(first - (ulong)(width * count)), 0, width, isWrite: true);
            x.Ir.Probe(address, displacement);
        }
    }

    private static void PopAll(LiftContext x, int width)
    {
        var values = new Val[8];
        for (int i = 0; i < 8; i++)
        {
            values[i] = x.Top(width, width * i);
        }

        for (int i = 0; i < 8; i++)
        {
            int register = 7 - i;
            if (register != X86Slots.Rsp)
            {
                x.WriteRegister((width == 2 ? Iced.Intel.Register.AX : Iced.Intel.Register.EAX) + register, values[i]);
            }
        }

        x.Drop(8 * width);
    }

    /// <remarks>Source: Intel SDM volume 2, "LEAVE", Real-Address Mode Exceptions.</remarks>
    private static void Leave(LiftContext x)
    {
        int width = x.Instruction.Code switch { Code.Leavew => 2, Code.Leaved => 4, _ => 8 };
        Val frame = x.StackOffset(x.Slot(X86Slots.Rbp));
        Val value;
        if (x.Is64)
        {
            value = x.Ir.Load(LiftContext.LoadOf(width), frame);
        }
        else
        {
            // Outside of protected mode a frame beyond the segment is a #GP, not a #SS.
            (Val address, long displacement) = x.Through(X86Slots.Ss, frame, 0, width, isWrite: false, isProtection: !x.IsProtected);
            value = x.Ir.Load(LiftContext.LoadOf(width), address, displacement);
        }

        value = x.Copy(value);
        x.SetStackPointer(x.StackOffset(frame + (ulong)width));
        x.WriteRegister(width switch { 2 => Iced.Intel.Register.BP, 4 => Iced.Intel.Register.EBP, _ => Iced.Intel.Register.RBP }, value);
    }

    /// <summary>ENTER without nested frames; with them a helper copies.</summary>
    private static void Enter(LiftContext x)
    {
        int width = x.Instruction.Code switch { Code.Enterw_imm16_imm8 => 2, Code.Enterd_imm16_imm8 => 4, _ => 8 };
        int level = x.Instruction.Immediate8_2nd & 31;
        uint size = x.Instruction.Immediate16;
        x.Helper(X86Helpers.Enter, x.Const(0), (uint)width | ((uint)level << 8) | (size << 16));
    }
}
