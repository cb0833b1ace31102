using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <content>The stack.</content>
internal sealed partial class LiftContext
{
    /// <summary>Pushes a value: stores it, then moves the stack pointer.</summary>
    /// <param name="value">The value; its low bytes count.</param>
    /// <param name="width">2, 4 or 8 bytes.</param>
    public void Push(Val value, int width)
    {
        if (Is64)
        {
            Ir.Store(StoreOf(width), Slot(X86Slots.Rsp), -width, value);
            Ir.SetRegister(X86Slots.Rsp, Slot(X86Slots.Rsp) - (ulong)width);
            return;
        }

        Val top = Below(Slot(X86Slots.Rsp), width);
        (Val address, long displacement) = Through(X86Slots.Ss, top, 0, width, isWrite: true);
        Ir.Store(StoreOf(width), address, displacement, value);
        SetStackPointer(top);
    }

    /// <summary>The value on top of the stack, zero-extended; the pointer stays.</summary>
    public Val Top(int width, int offset = 0)
    {
        if (Is64)
        {
            return Ir.Load(LoadOf(width), Slot(X86Slots.Rsp), offset);
        }

        Val top = offset == 0 && StackWidth == 4 ? Slot(X86Slots.Rsp) : StackOffset(Slot(X86Slots.Rsp) + (ulong)offset);
        (Val address, long displacement) = Through(X86Slots.Ss, top, 0, width, isWrite: false);
        return Ir.Load(LoadOf(width), address, displacement);
    }

    /// <summary>Moves the stack pointer up.</summary>
    public void Drop(int bytes) => SetStackPointer(Is64 ? Slot(X86Slots.Rsp) + (ulong)bytes : StackOffset(Slot(X86Slots.Rsp) + (ulong)bytes));

    /// <summary>Sets as many bits of the stack pointer as the stack has.</summary>
    public void SetStackPointer(Val value)
    {
        if (StackWidth == 2)
        {
            Ir.SetRegister(X86Slots.Rsp, Ir.Binary(Uop.Insert16, Slot(X86Slots.Rsp), value));
        }
        else
        {
            Ir.SetRegister(X86Slots.Rsp, value);
        }
    }

    /// <summary>An offset in the stack segment, as many bits as the stack has.</summary>
    public Val StackOffset(Val value) => Zext(value, StackWidth);

    private Val Below(Val value, int bytes) => StackWidth == 4 ? Ir.Binary(Uop.Sub32, value, Const((ulong)bytes)) : StackOffset(value - (ulong)bytes);
}
