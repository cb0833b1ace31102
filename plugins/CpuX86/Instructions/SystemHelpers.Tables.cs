using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <content>Descriptor tables and selectors.</content>
internal static unsafe partial class SystemHelpers
{
    private static bool ReadTable(X86Cpu cpu, ulong address, ulong width, out ulong limit, out ulong first)
    {
        first = 0;
        if (!cpu.Execution.ReadVirtual(address, 2, out limit) || !cpu.Execution.ReadVirtual(address + 2, width == 8 ? 8 : 4, out first))
        {
            return false;
        }

        if (width == 2)
        {
            first &= 0xFF_FFFF;
        }

        if (width == 8 && (ulong)((long)(first << 16) >> 16) != first)
        {
            cpu.Raise(X86Fault.GeneralProtection);
            return false;
        }

        return true;
    }

    private static int LoadGlobalTableOf(CpuState* state, ulong address, ulong width)
    {
        if (!ReadTable(X86Cpu.Of(state), address, width & 0xFF, out ulong limit, out ulong first))
        {
            return Fault;
        }

        (state->Slots[X86Slots.GdtrLimit], state->Slots[X86Slots.GdtrBase]) = (limit, first);
        return 0;
    }

    private static int LoadInterruptTableOf(CpuState* state, ulong address, ulong width)
    {
        if (!ReadTable(X86Cpu.Of(state), address, width & 0xFF, out ulong limit, out ulong first))
        {
            return Fault;
        }

        (state->Slots[X86Slots.IdtrLimit], state->Slots[X86Slots.IdtrBase]) = (limit, first);
        return 0;
    }

    private static int CheckPreventionOf(CpuState* state, ulong a, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        return cpu.Cpl == 0 || (state->Slots[X86Slots.Cr4] & Cr4.Umip) == 0 ? 0 : cpu.Raise(X86Fault.GeneralProtection);
    }

    private static int StoreTableOf(CpuState* state, ulong address, ulong immediate)
    {
        IExecution execution = X86Cpu.Of(state).Execution;
        int slot = (int)(immediate >> 8), width = (immediate & 0xFF) == 8 ? 8 : 4;
        bool done = execution.Reach(address, write: true, out _) && execution.Reach(address + (ulong)width + 1, write: true, out _)
            && execution.WriteVirtual(address, 2, state->Slots[slot + 1]) && execution.WriteVirtual(address + 2, width, state->Slots[slot]);
        return done ? 0 : Fault;
    }

    private static int LoadLocalTableOf(CpuState* state, ulong selector, ulong immediate) => DescriptorTables.LoadLocalTable(X86Cpu.Of(state), (ushort)selector) ? 0 : Fault;

    private static int LoadTaskOf(CpuState* state, ulong selector, ulong immediate) => DescriptorTables.LoadTask(X86Cpu.Of(state), (ushort)selector) ? 0 : Fault;

    /// <summary>LMSW: four bits of CR0; PE can't be cleared.</summary>
    private static int LoadStatusWordOf(CpuState* state, ulong value, ulong length)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        ulong old = state->Slots[X86Slots.Cr0];
        cpu.SkipInstruction((int)length);
        _ = cpu.WriteCr0((old & ~0xEUL) | (value & 0xF) | (old & 1));
        return Done;
    }

    private static int ClearTaskSwitchedOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SetIp(next);
        state->Slots[X86Slots.Cr0] &= ~Cr0.Ts;
        cpu.UpdateContext();
        return Done;
    }

    private static int VerifyOf(CpuState* state, ulong selector, ulong isWrite)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        bool isGood = TryFind(cpu, (int)selector, out Descriptor descriptor, out bool faults) && !descriptor.IsSystem
            && (isWrite != 0 ? descriptor.IsWritableData : descriptor.IsReadable)
            && (descriptor.IsConforming || (descriptor.Dpl >= cpu.Cpl && descriptor.Dpl >= ((int)selector & 3)));
        if (faults)
        {
            return Fault;
        }

        SetZero(cpu, isGood);
        return 0;
    }

    /// <summary>ARPL with a selector in memory.</summary>
    private static int AdjustLevelOf(CpuState* state, ulong offset, ulong segment)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        ulong level = state->Slots[X86Slots.FarSelector] & 3;
        if (!cpu.Load((int)segment, offset, 2, out ulong selector))
        {
            return Fault;
        }

        bool raises = (selector & 3) < level;
        if (raises && !cpu.Store((int)segment, offset, 2, (selector & ~3UL) | level))
        {
            return Fault;
        }

        SetZero(cpu, raises);
        return 0;
    }

    private static int RightsOf(CpuState* state, ulong selector, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        bool isLimit = (immediate & 1) != 0;
        int slot = (int)(immediate >> 8) & 0xFF, width = (int)(immediate >> 16);
        bool isGood = TryFind(cpu, (int)selector, out Descriptor descriptor, out bool faults);
        if (faults)
        {
            return Fault;
        }

        if (isGood && descriptor.IsSystem)
        {
            bool isLong = cpu.IsLongMode;
            isGood = descriptor.Type switch
            {
                2 or 9 or 11 => true,
                1 or 3 => !isLong,
                4 or 5 => !isLimit && !isLong,
                12 => !isLimit,
                _ => false,
            };
        }

        isGood = isGood && (descriptor.IsConforming || (descriptor.Dpl >= cpu.Cpl && descriptor.Dpl >= ((int)selector & 3)));
        if (isGood)
        {
            ulong value = isLimit ? descriptor.Limit : (descriptor.Low >> 32) & SegmentAttributes.Mask;
            ulong* register = state->Slots + slot;
            *register = width == 2 ? (*register & ~0xFFFFUL) | (ushort)value : (uint)value;
        }

        SetZero(cpu, isGood);
        return 0;
    }

    private static bool TryFind(X86Cpu cpu, int selector, out Descriptor descriptor, out bool faults)
    {
        (descriptor, faults) = (default, false);
        if ((selector & 0xFFFC) == 0 || !DescriptorTables.TryFind(cpu, selector, 8, out ulong address))
        {
            return false;
        }

        faults = !cpu.LoadSystem(address, 8, out ulong low);
        descriptor = new Descriptor(low);
        return !faults;
    }

    private static void SetZero(X86Cpu cpu, bool isSet)
    {
        ulong flags = cpu.EflagsNow & Eflags.Arithmetic & ~Eflags.Zf;
        cpu.Slots[X86Slots.FlagA] = flags | (isSet ? Eflags.Zf : 0);
        cpu.Slots[X86Slots.FlagKind] = FlagKernels.Number(FlagKind.Explicit, 1);
    }
}
