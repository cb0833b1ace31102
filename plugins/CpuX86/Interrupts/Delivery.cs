using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>Where an interrupt comes from, as far as its delivery asks.</summary>
internal enum DeliveryKind
{
    /// <summary>A pin or the local APIC.</summary>
    External,

    /// <summary>An exception.</summary>
    Exception,

    /// <summary>INT n, INT3 or INTO: goes by the gate's privilege level.</summary>
    Software,

    /// <summary>INT1: an exception that comes from an instruction.</summary>
    Trap,
}

/// <summary>Gives control to the handler of an interrupt or exception, in all modes.</summary>
/// <remarks>
/// A fault on the way becomes a double fault or a new exception; a fault of a double fault's delivery is the end of it.
/// Source: Intel SDM volume 3, 6.11 to 6.14, 20.1.4 "Interrupt and Exception Handling", 20.3; volume 2, INT n.
/// </remarks>
internal static unsafe class Delivery
{
    /// <summary>Delivers an interrupt; the program counter is what the handler returns to.</summary>
    public static void Interrupt(X86Cpu cpu, int vector, DeliveryKind kind, ulong error)
    {
        bool hasError = kind == DeliveryKind.Exception && X86Faults.HasErrorCode(vector);
        for (int depth = 0; depth < 4; depth++)
        {
            cpu.State->Fault = 0;
            if (TryDeliver(cpu, vector, kind, hasError, error))
            {
                return;
            }

            int next = cpu.State->Fault - X86Faults.First;
            ulong nextError = (ushort)cpu.State->FaultDetail;
            if (next == 14)
            {
                cpu.Slots[X86Slots.Cr2] = cpu.State->FaultAddress;
            }

            if (vector == 8 && kind == DeliveryKind.Exception)
            {
                cpu.State->Fault = 0;
                cpu.TripleFault(next);
                return;
            }

            bool becomesDouble = kind == DeliveryKind.Exception && ((IsContributory(vector) && IsContributory(next)) || (vector == 14 && (IsContributory(next) || next == 14)));
            (vector, error) = becomesDouble ? (8, 0) : (next, nextError);
            kind = DeliveryKind.Exception;
            hasError = X86Faults.HasErrorCode(vector);
        }

        cpu.TripleFault(vector);
    }

    /// <summary>Tries once.</summary>
    /// <returns>False at a fault, which is then in the state; no register has changed.</returns>
    public static bool TryDeliver(X86Cpu cpu, int vector, DeliveryKind kind, bool hasError, ulong error)
    {
        if ((cpu.Slots[X86Slots.Cr0] & Cr0.Pe) == 0)
        {
            return Real(cpu, vector);
        }

        return cpu.IsLongMode ? LongDelivery.TryDeliver(cpu, vector, kind, hasError, error) : Protected(cpu, vector, kind, hasError, error);
    }

    /// <summary>Whether an exception is contributory, for double faults.</summary>
    private static bool IsContributory(int vector) => vector is 0 or (>= 10 and <= 13);

    private static bool Real(X86Cpu cpu, int vector)
    {
        ulong* s = cpu.Slots;
        ulong entry = (ulong)vector * 4;
        if (entry + 3 > s[X86Slots.IdtrLimit])
        {
            cpu.Raise(X86Fault.GeneralProtection);
            return false;
        }

        if (!cpu.LoadSystem(s[X86Slots.IdtrBase] + entry, 4, out ulong target))
        {
            return false;
        }

        ulong top = s[X86Slots.Rsp], mask = cpu.StackWidth == 4 ? uint.MaxValue : ushort.MaxValue, flags = cpu.EflagsNow;
        ulong first = (top - 2) & mask, second = (top - 4) & mask, third = (top - 6) & mask;
        if (!cpu.Probe(X86Slots.Ss, first, 2) || !cpu.Probe(X86Slots.Ss, second, 2) || !cpu.Probe(X86Slots.Ss, third, 2))
        {
            return false;
        }

        _ = cpu.Store(X86Slots.Ss, first, 2, flags);
        _ = cpu.Store(X86Slots.Ss, second, 2, s[X86Slots.Selector + X86Slots.Cs]);
        _ = cpu.Store(X86Slots.Ss, third, 2, cpu.Ip);
        cpu.SetStackPointer(third);
        s[X86Slots.Eflags] &= ~(Eflags.If | Eflags.Tf | Eflags.Ac | Eflags.Rf);
        cpu.SetRealSegment(X86Slots.Cs, (ushort)(target >> 16));
        cpu.UpdateContext();
        cpu.SetIp((ushort)target);
        return true;
    }

    private static bool Protected(X86Cpu cpu, int vector, DeliveryKind kind, bool hasError, ulong error)
    {
        ulong* s = cpu.Slots;
        ulong external = kind is DeliveryKind.Software ? 0UL : 1, gateError = ((ulong)vector * 8) + 2 + external;
        if (((ulong)vector * 8) + 7 > s[X86Slots.IdtrLimit])
        {
            cpu.Raise(X86Fault.GeneralProtection, gateError);
            return false;
        }

        if (!cpu.LoadSystem(s[X86Slots.IdtrBase] + ((ulong)vector * 8), 8, out ulong low))
        {
            return false;
        }

        var gate = new Descriptor(low);
        if (!gate.IsSystem || gate.Type is not (5 or 6 or 7 or 14 or 15) || (kind == DeliveryKind.Software && gate.Dpl < cpu.Cpl))
        {
            cpu.Raise(X86Fault.GeneralProtection, gateError);
            return false;
        }

        if (!gate.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, gateError);
            return false;
        }

        if (gate.Type == 5)
        {
            return TaskSwitch.ThroughGate(cpu, gate, hasError, error, external);
        }

        int selector = gate.GateSelector;
        if ((selector & 0xFFFC) == 0)
        {
            cpu.Raise(X86Fault.GeneralProtection, external);
            return false;
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor code, external))
        {
            return false;
        }

        if (!code.IsCode || code.Dpl > cpu.Cpl)
        {
            cpu.Raise(X86Fault.GeneralProtection, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        if (!code.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        bool isVirtual = cpu.IsVirtual8086, isInner = !code.IsConforming && code.Dpl < cpu.Cpl;
        if (isVirtual && (code.IsConforming || code.Dpl != 0))
        {
            cpu.Raise(X86Fault.GeneralProtection, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        int width = gate.Type >= 14 ? 4 : 2, level = isInner ? code.Dpl : cpu.Cpl;
        ulong flags = cpu.EflagsNow, offset = width == 2 ? gate.GateOffset & 0xFFFF : gate.GateOffset & uint.MaxValue;
        StackFrame frame;
        if (isInner)
        {
            if (!InnerStack.TryFind(cpu, level, external, out InnerStack inner))
            {
                return false;
            }

            frame = new StackFrame(cpu, inner, level);
        }
        else
        {
            frame = new StackFrame(cpu);
        }

        if (offset > code.Limit)
        {
            cpu.Raise(X86Fault.GeneralProtection, external);
            return false;
        }

        if (isVirtual)
        {
            frame.Push(s[X86Slots.Selector + X86Slots.Gs], width);
            frame.Push(s[X86Slots.Selector + X86Slots.Fs], width);
            frame.Push(s[X86Slots.Selector + X86Slots.Ds], width);
            frame.Push(s[X86Slots.Selector + X86Slots.Es], width);
        }

        if (isInner)
        {
            frame.Push(s[X86Slots.Selector + X86Slots.Ss], width);
            frame.Push(s[X86Slots.Rsp], width);
        }

        frame.Push(flags | (kind == DeliveryKind.Exception ? X86Faults.ResumeFlag(vector) : 0), width);
        frame.Push(s[X86Slots.Selector + X86Slots.Cs], width);
        frame.Push(cpu.Ip, width);
        if (hasError)
        {
            frame.Push(error, width);
        }

        if (!frame.Commit())
        {
            return false;
        }

        if (!DescriptorTables.SetAccessed(cpu, selector, ref code))
        {
            return false;
        }

        cpu.Cpl = level;
        ulong cleared = Eflags.Tf | Eflags.Nt | Eflags.Vm | Eflags.Rf | ((gate.Type & 1) == 0 ? Eflags.If : 0);
        s[X86Slots.Eflags] &= ~cleared;
        if (isVirtual)
        {
            cpu.SetNullSegment(X86Slots.Gs, 0);
            cpu.SetNullSegment(X86Slots.Fs, 0);
            cpu.SetNullSegment(X86Slots.Ds, 0);
            cpu.SetNullSegment(X86Slots.Es, 0);
        }

        frame.Take();
        cpu.SetSegment(X86Slots.Cs, (ushort)((selector & 0xFFFC) | level), code);
        cpu.FindAllEnds();
        cpu.UpdateContext();
        cpu.SetIp(offset);
        return true;
    }
}
