using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Far jumps and calls: direct, through call gates, task gates and TSSs.</summary>
/// <remarks>Source: Intel SDM volume 2, CALL, JMP; volume 3, 5.8 "Privilege Level Checking When Transferring Program Control Between Code Segments".</remarks>
internal static unsafe class FarTransfer
{
    /// <summary>Jumps or calls.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="selector">Selector of the target.</param>
    /// <param name="offset">Offset of the target.</param>
    /// <param name="width">Operand size: 2, 4 or 8 bytes.</param>
    /// <param name="isCall">Whether the present place is pushed.</param>
    /// <param name="next">Offset of the next instruction.</param>
    /// <returns>The reason to leave the block.</returns>
    public static int Run(X86Cpu cpu, ushort selector, ulong offset, int width, bool isCall, ulong next)
    {
        ulong* s = cpu.Slots;
        if (!cpu.IsProtected)
        {
            if (offset > s[X86Slots.SegmentLimit + X86Slots.Cs])
            {
                return cpu.Raise(X86Fault.GeneralProtection);
            }

            if (isCall && !PushReturn(cpu, width, next))
            {
                return (int)ExitReason.Fault;
            }

            cpu.SetRealSegment(X86Slots.Cs, selector);
            cpu.UpdateContext();
            cpu.SetIp(offset);
            return (int)ExitReason.Indirect;
        }

        ulong error = DescriptorTables.ErrorOf(selector);
        if (error == 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor target))
        {
            return (int)ExitReason.Fault;
        }

        if (!target.IsSystem)
        {
            return Direct(cpu, selector, target, offset, width, isCall, next);
        }

        int rpl = selector & 3;
        if (target.Dpl < cpu.Cpl || target.Dpl < rpl)
        {
            return cpu.Raise(X86Fault.GeneralProtection, error);
        }

        bool isLong = cpu.IsLongMode;
        switch (target.Type)
        {
            case 12:
            case 4 when !isLong:
                if (!target.IsPresent)
                {
                    return cpu.Raise(X86Fault.SegmentNotPresent, error);
                }

                return ThroughGate(cpu, target, isCall, next);
            case 5 when !isLong:
                if (!target.IsPresent)
                {
                    return cpu.Raise(X86Fault.SegmentNotPresent, error);
                }

                cpu.SetIp(next);
                return TaskSwitch.ThroughGate(cpu, target, isCall);
            case 1 or 9 when !isLong:
                if (!target.IsPresent)
                {
                    return cpu.Raise(X86Fault.SegmentNotPresent, error);
                }

                cpu.SetIp(next);
                return TaskSwitch.To(cpu, selector, target, isCall ? TaskSwitchKind.Call : TaskSwitchKind.Jump) ? (int)ExitReason.Indirect : (int)ExitReason.Fault;
            default:
                return cpu.Raise(X86Fault.GeneralProtection, error);
        }
    }

    /// <summary>What changes with the kind of code: a CPU that leaves 64-bit code has no upper halves.</summary>
    public static void EnterMode(X86Cpu cpu, bool to64)
    {
        if (cpu.Is64 && !to64)
        {
            for (int i = 0; i < 8; i++)
            {
                cpu.Slots[i] = (uint)cpu.Slots[i];
            }
        }
    }

    private static int Direct(X86Cpu cpu, ushort selector, Descriptor code, ulong offset, int width, bool isCall, ulong next)
    {
        ulong error = DescriptorTables.ErrorOf(selector);
        int rpl = selector & 3;
        bool to64 = cpu.IsLongMode && code.IsLongCode;
        bool isAllowed = code.IsCode && !(to64 && code.IsBig) && (code.IsConforming ? code.Dpl <= cpu.Cpl : rpl <= cpu.Cpl && code.Dpl == cpu.Cpl);
        if (!isAllowed)
        {
            return cpu.Raise(X86Fault.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return cpu.Raise(X86Fault.SegmentNotPresent, error);
        }

        if (width == 2)
        {
            offset &= 0xFFFF;
        }

        if (to64 ? (ulong)((long)(offset << 16) >> 16) != offset : (uint)offset > code.Limit)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        if (!DescriptorTables.SetAccessed(cpu, selector, ref code) || (isCall && !PushReturn(cpu, width, next)))
        {
            return (int)ExitReason.Fault;
        }

        cpu.SetSegment(X86Slots.Cs, (ushort)((selector & 0xFFFC) | cpu.Cpl), code);
        EnterMode(cpu, to64);
        cpu.UpdateContext();
        cpu.SetIp(to64 ? offset : (uint)offset);
        return (int)ExitReason.Indirect;
    }

    private static int ThroughGate(X86Cpu cpu, in Descriptor gate, bool isCall, ulong next)
    {
        ulong* s = cpu.Slots;
        int selector = gate.GateSelector;
        bool isLong = cpu.IsLongMode;
        int width = isLong ? 8 : gate.Type == 12 ? 4 : 2;
        ulong error = DescriptorTables.ErrorOf(selector), offset = width == 8 ? gate.GateOffset : width == 4 ? gate.GateOffset & uint.MaxValue : gate.GateOffset & 0xFFFF;
        if (error == 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor code))
        {
            return (int)ExitReason.Fault;
        }

        if (!code.IsCode || code.Dpl > cpu.Cpl || (isLong && (!code.IsLongCode || code.IsBig)) || (!isCall && !code.IsConforming && code.Dpl != cpu.Cpl))
        {
            return cpu.Raise(X86Fault.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return cpu.Raise(X86Fault.SegmentNotPresent, error);
        }

        bool isInner = isCall && !code.IsConforming && code.Dpl < cpu.Cpl;
        if (!isLong && offset > code.Limit)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        if (isLong)
        {
            return LongGate(cpu, (ushort)selector, code, offset, isCall, isInner, next);
        }

        int level = isInner ? code.Dpl : cpu.Cpl;
        if (isCall)
        {
            StackFrame frame;
            if (isInner)
            {
                if (!InnerStack.TryFind(cpu, level, 0, out InnerStack inner))
                {
                    return (int)ExitReason.Fault;
                }

                frame = new StackFrame(cpu, inner, level);
                frame.Push(s[X86Slots.Selector + X86Slots.Ss], width);
                frame.Push(s[X86Slots.Rsp], width);
                ulong mask = cpu.StackWidth == 4 ? uint.MaxValue : 0xFFFFUL;
                for (int i = gate.GateCount - 1; i >= 0; i--)
                {
                    if (!cpu.Load(X86Slots.Ss, (s[X86Slots.Rsp] + (ulong)(i * width)) & mask, width, out ulong argument))
                    {
                        return (int)ExitReason.Fault;
                    }

                    frame.Push(argument, width);
                }
            }
            else
            {
                frame = new StackFrame(cpu);
            }

            frame.Push(s[X86Slots.Selector + X86Slots.Cs], width);
            frame.Push(next, width);
            if (!frame.Commit())
            {
                return (int)ExitReason.Fault;
            }

            cpu.Cpl = level;
            frame.Take();
        }

        _ = DescriptorTables.SetAccessed(cpu, selector, ref code);
        cpu.SetSegment(X86Slots.Cs, (ushort)((selector & 0xFFFC) | level), code);
        cpu.UpdateContext();
        cpu.SetIp(offset);
        return (int)ExitReason.Indirect;
    }

    /// <summary>A call gate of long mode: the stack comes from the TSS and SS becomes null.</summary>
    private static int LongGate(X86Cpu cpu, ushort selector, Descriptor code, ulong offset, bool isCall, bool isInner, ulong next)
    {
        ulong* s = cpu.Slots;
        if ((ulong)((long)(offset << 16) >> 16) != offset)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        int level = isInner ? code.Dpl : cpu.Cpl;
        ulong top = s[X86Slots.Rsp];
        if (isCall)
        {
            if (isInner && !cpu.LoadSystem(s[X86Slots.TrBase] + (ulong)((level * 8) + 4), 8, out top))
            {
                return (int)ExitReason.Fault;
            }

            int words = isInner ? 4 : 2;
            top -= (ulong)(words * 8);
            if (!cpu.ProbeSystem(top) || !cpu.ProbeSystem(top + (ulong)(words * 8) - 1))
            {
                return (int)ExitReason.Fault;
            }

            _ = cpu.StoreSystem(top, 8, next);
            _ = cpu.StoreSystem(top + 8, 8, s[X86Slots.Selector + X86Slots.Cs]);
            if (isInner)
            {
                _ = cpu.StoreSystem(top + 16, 8, s[X86Slots.Rsp]);
                _ = cpu.StoreSystem(top + 24, 8, s[X86Slots.Selector + X86Slots.Ss]);
            }
        }

        _ = DescriptorTables.SetAccessed(cpu, selector, ref code);
        cpu.Cpl = level;
        if (isInner)
        {
            cpu.SetNullSegment(X86Slots.Ss, (ushort)level);
        }

        cpu.SetSegment(X86Slots.Cs, (ushort)((selector & 0xFFFC) | level), code);
        cpu.UpdateContext();
        s[X86Slots.Rsp] = top;
        cpu.SetIp(offset);
        return (int)ExitReason.Indirect;
    }

    private static bool PushReturn(X86Cpu cpu, int width, ulong next)
    {
        var frame = new StackFrame(cpu);
        frame.Push(cpu.Slots[X86Slots.Selector + X86Slots.Cs], width);
        frame.Push(next, width);
        if (!cpu.Is64)
        {
            if (!frame.Commit())
            {
                return false;
            }
        }
        else
        {
            ulong top = cpu.Slots[X86Slots.Rsp];
            if (!cpu.Store(X86Slots.Ss, top - (ulong)(2 * width), width, next) || !cpu.Store(X86Slots.Ss, top - (ulong)width, width, cpu.Slots[X86Slots.Selector + X86Slots.Cs]))
            {
                return false;
            }
        }

        frame.Take();
        return true;
    }
}
