using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>Delivery in long mode: gates of 16 bytes, a frame of quadwords, stacks from the TSS.</summary>
/// <remarks>Source: Intel SDM volume 3, 6.14 "Exception and Interrupt Handling in 64-bit Mode".</remarks>
internal static unsafe class LongDelivery
{
    /// <summary>Tries once.</summary>
    public static bool TryDeliver(X86Cpu cpu, int vector, DeliveryKind kind, bool hasError, ulong error)
    {
        ulong* s = cpu.Slots;
        ulong external = kind is DeliveryKind.Software ? 0UL : 1, gateError = ((ulong)vector * 8) + 2 + external, entry = (ulong)vector * 16;
        if (entry + 15 > s[X86Slots.IdtrLimit])
        {
            cpu.Raise(X86Fault.GeneralProtection, gateError);
            return false;
        }

        if (!cpu.LoadSystem(s[X86Slots.IdtrBase] + entry, 8, out ulong low) || !cpu.LoadSystem(s[X86Slots.IdtrBase] + entry + 8, 8, out ulong high))
        {
            return false;
        }

        var gate = new Descriptor(low, high & uint.MaxValue);
        if (!gate.IsSystem || gate.Type is not (14 or 15) || (kind == DeliveryKind.Software && gate.Dpl < cpu.Cpl))
        {
            cpu.Raise(X86Fault.GeneralProtection, gateError);
            return false;
        }

        if (!gate.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, gateError);
            return false;
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

        if (!code.IsCode || code.Dpl > cpu.Cpl || !code.IsLongCode || code.IsBig)
        {
            cpu.Raise(X86Fault.GeneralProtection, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        if (!code.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        bool isInner = !code.IsConforming && code.Dpl < cpu.Cpl;
        int level = isInner ? code.Dpl : cpu.Cpl;
        ulong top = s[X86Slots.Rsp];
        if (gate.GateStack != 0 || isInner)
        {
            ulong at = gate.GateStack != 0 ? (ulong)((gate.GateStack * 8) + 28) : (ulong)((level * 8) + 4);
            if (at + 7 > s[X86Slots.SegmentLimit + X86Slots.Tr])
            {
                cpu.Raise(X86Fault.InvalidTss, DescriptorTables.ErrorOf((int)s[X86Slots.Selector + X86Slots.Tr]) | external);
                return false;
            }

            if (!cpu.LoadSystem(s[X86Slots.TrBase] + at, 8, out top))
            {
                return false;
            }
        }

        if ((ulong)((long)(top << 16) >> 16) != top)
        {
            cpu.Raise(X86Fault.StackFault, external);
            return false;
        }

        if ((ulong)((long)(gate.GateOffset << 16) >> 16) != gate.GateOffset)
        {
            cpu.Raise(X86Fault.GeneralProtection, external);
            return false;
        }

        top &= ~15UL;
        ulong flags = cpu.EflagsNow | (kind == DeliveryKind.Exception ? X86Faults.ResumeFlag(vector) : 0);
        int words = hasError ? 6 : 5;
        top -= (ulong)words * 8;
        if (!Probe(cpu, level, top) || !Probe(cpu, level, top + ((ulong)words * 8) - 1))
        {
            return false;
        }

        ulong next = top;
        if (hasError)
        {
            Store(cpu, level, next, error);
            next += 8;
        }

        Store(cpu, level, next, cpu.Ip);
        Store(cpu, level, next + 8, s[X86Slots.Selector + X86Slots.Cs]);
        Store(cpu, level, next + 16, flags);
        Store(cpu, level, next + 24, s[X86Slots.Rsp]);
        Store(cpu, level, next + 32, s[X86Slots.Selector + X86Slots.Ss]);
        if (!DescriptorTables.SetAccessed(cpu, selector, ref code))
        {
            return false;
        }

        cpu.Cpl = level;
        if (isInner)
        {
            cpu.SetNullSegment(X86Slots.Ss, (ushort)level);
        }

        s[X86Slots.Eflags] &= ~(Eflags.Tf | Eflags.Nt | Eflags.Rf | Eflags.Vm | (gate.Type == 14 ? Eflags.If : 0));
        cpu.SetSegment(X86Slots.Cs, (ushort)((selector & 0xFFFC) | level), code);
        s[X86Slots.Rsp] = top;
        cpu.UpdateContext();
        cpu.SetIp(gate.GateOffset);
        return true;
    }

    private static bool Probe(X86Cpu cpu, int level, ulong address) => level == 3 ? cpu.Execution.Reach(address, write: true, out _) : cpu.ProbeSystem(address);

    private static void Store(X86Cpu cpu, int level, ulong address, ulong value) => _ = level == 3 ? cpu.Execution.WriteVirtual(address, 8, value) : cpu.StoreSystem(address, 8, value);
}
