using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>IRET in all its forms.</summary>
/// <remarks>Source: Intel SDM volume 2, IRET/IRETD/IRETQ.</remarks>
internal static unsafe class InterruptReturn
{
    /// <summary>Returns.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="width">Bytes of a pushed word: 2, 4 or 8.</param>
    /// <returns>The reason to leave the block.</returns>
    public static int Run(X86Cpu cpu, int width)
    {
        ulong* s = cpu.Slots;
        if ((s[X86Slots.Cr0] & Cr0.Pe) == 0)
        {
            return Real(cpu, width);
        }

        if (cpu.IsVirtual8086)
        {
            return (s[X86Slots.Eflags] & Eflags.Iopl) == Eflags.Iopl ? Real(cpu, width) : cpu.Raise(X86Fault.GeneralProtection);
        }

        if ((s[X86Slots.Eflags] & Eflags.Nt) != 0)
        {
            return cpu.IsLongMode ? cpu.Raise(X86Fault.GeneralProtection) : TaskSwitch.Return(cpu);
        }

        var stack = new StackReader(cpu);
        if (!stack.Pop(width, out ulong ip) || !stack.Pop(width, out ulong selector) || !stack.Pop(width, out ulong flags))
        {
            return (int)ExitReason.Fault;
        }

        if (width == 4 && (flags & Eflags.Vm) != 0 && cpu.Cpl == 0 && !cpu.IsLongMode)
        {
            return ToVirtual8086(cpu, stack, ip, selector, flags);
        }

        return FarReturn.Finish(cpu, stack, width, ip, (ushort)selector, flags, isInterruptReturn: true, release: 0);
    }

    /// <summary>The flags that IRET and POPF may change at a privilege level.</summary>
    public static ulong Changeable(X86Cpu cpu, int width, int cpl)
    {
        ulong changes = Eflags.Arithmetic | Eflags.Tf | Eflags.Df | Eflags.Nt;
        changes |= width > 2 ? Eflags.Rf | Eflags.Ac | Eflags.Id : 0;
        changes |= cpl == 0 ? Eflags.Iopl : 0;
        changes |= cpl == 0 && width > 2 ? Eflags.Vif | Eflags.Vip : 0;
        changes |= cpl <= (int)((cpu.Slots[X86Slots.Eflags] >> 12) & 3) ? Eflags.If : 0;
        return changes;
    }

    private static int Real(X86Cpu cpu, int width)
    {
        ulong* s = cpu.Slots;
        var stack = new StackReader(cpu);
        if (!stack.Pop(width, out ulong ip) || !stack.Pop(width, out ulong selector) || !stack.Pop(width, out ulong flags))
        {
            return (int)ExitReason.Fault;
        }

        if (ip > s[X86Slots.SegmentLimit + X86Slots.Cs])
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        ulong keeps = cpu.IsVirtual8086 ? Eflags.Vm | Eflags.Iopl | Eflags.Vif | Eflags.Vip : Eflags.Vm | Eflags.Vif | Eflags.Vip;
        keeps |= width == 2 ? 0xFFFF_0000 : 0UL;
        stack.Take();
        cpu.SetEflags((cpu.EflagsNow & keeps) | (flags & ~keeps));
        cpu.SetRealSegment(X86Slots.Cs, (ushort)selector);
        Leave(cpu, ip);
        return (int)ExitReason.Indirect;
    }

    private static int ToVirtual8086(X86Cpu cpu, StackReader stack, ulong ip, ulong selector, ulong flags)
    {
        ulong* s = cpu.Slots;
        ulong sp = 0, ss = 0, es = 0, ds = 0, fs = 0, gs = 0;
        if (!stack.Pop(4, out sp) || !stack.Pop(4, out ss) || !stack.Pop(4, out es) || !stack.Pop(4, out ds) || !stack.Pop(4, out fs) || !stack.Pop(4, out gs))
        {
            return (int)ExitReason.Fault;
        }

        if (ip > 0xFFFF)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.SetEflags(flags);
        cpu.Cpl = 3;
        cpu.SetRealSegment(X86Slots.Cs, (ushort)selector);
        cpu.SetRealSegment(X86Slots.Ss, (ushort)ss);
        cpu.SetRealSegment(X86Slots.Es, (ushort)es);
        cpu.SetRealSegment(X86Slots.Ds, (ushort)ds);
        cpu.SetRealSegment(X86Slots.Fs, (ushort)fs);
        cpu.SetRealSegment(X86Slots.Gs, (ushort)gs);
        s[X86Slots.Rsp] = (uint)sp;
        Leave(cpu, (ushort)ip);
        return (int)ExitReason.Indirect;
    }

    private static void Leave(X86Cpu cpu, ulong ip)
    {
        cpu.UpdateContext();
        cpu.SetIp(ip);
        cpu.Interrupts.EndHandler();
        cpu.State->Attention = 1;
    }
}
