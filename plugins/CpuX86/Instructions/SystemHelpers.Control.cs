using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <content>Control and debug registers, translations, fast system calls.</content>
internal static unsafe partial class SystemHelpers
{
    private static int LoadControlOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = Begin(state);
        ulong value = state->Slots[immediate & 0xFF];
        int number = (int)(immediate >> 8) & 0xFF;
        if ((immediate & 0x10000) == 0)
        {
            value = (uint)value;
        }

        bool done = true;
        switch (number)
        {
            case 0:
                done = cpu.WriteCr0(value);
                break;
            case 2:
                state->Slots[X86Slots.Cr2] = value;
                break;
            case 3:
                done = cpu.WriteCr3(value);
                break;
            case 4:
                done = cpu.WriteCr4(value);
                break;
            case 8:
                done = value <= 15;
                if (done)
                {
                    state->Slots[X86Slots.Cr8] = value;
                    cpu.Interrupts.Apic?.SetTaskPriority((uint)value << 4);
                }

                break;
            default:
                return LoadDebug(cpu, number - 0x10, value, next);
        }

        if (!done)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.SetIp(next);
        return Done;
    }

    private static int LoadDebug(X86Cpu cpu, int number, ulong value, ulong next)
    {
        ulong* dr = cpu.Slots + X86Slots.Dr0;
        if (!Debuggable(cpu, ref number, out int reason))
        {
            return reason;
        }

        if (number >= 6 && value >> 32 != 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        dr[number] = number switch
        {
            6 => (value & 0xE00F) | 0xFFFF_0FF0,
            7 => (value & 0xFFFF_23FF) | 0x400,
            _ => value,
        };
        cpu.SetIp(next);
        if (number == 7)
        {
            cpu.UpdateContext();
        }

        return Done;
    }

    private static bool Debuggable(X86Cpu cpu, ref int number, out int reason)
    {
        reason = 0;
        if (number is 4 or 5)
        {
            if ((cpu.Slots[X86Slots.Cr4] & Cr4.De) != 0)
            {
                reason = cpu.Raise(X86Fault.InvalidOpcode);
                return false;
            }

            number += 2;
        }

        if ((cpu.Slots[X86Slots.Dr0 + 7] & 0x2000) != 0)
        {
            cpu.Slots[X86Slots.Dr0 + 7] &= ~0x2000UL;
            cpu.Slots[X86Slots.Dr0 + 6] |= 0x2000;
            reason = cpu.Raise(X86Fault.Debug);
            return false;
        }

        return true;
    }

    private static int StoreControlOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = Begin(state);
        int slot = (int)(immediate & 0xFF), number = (int)(immediate >> 8) & 0xFF;
        ulong value;
        if (number >= 0x10)
        {
            number -= 0x10;
            if (!Debuggable(cpu, ref number, out int reason))
            {
                return reason;
            }

            value = state->Slots[X86Slots.Dr0 + number];
        }
        else
        {
            value = state->Slots[number switch { 0 => X86Slots.Cr0, 2 => X86Slots.Cr2, 3 => X86Slots.Cr3, 4 => X86Slots.Cr4, _ => X86Slots.Cr8 }];
            if (number == 8 && cpu.Interrupts.Apic is { } apic)
            {
                value = apic.TaskPriority >> 4;
            }
        }

        state->Slots[slot] = (immediate & 0x10000) != 0 ? value : (uint)value;
        cpu.SetIp(next);
        return Done;
    }

    private static int InvalidatePageOf(CpuState* state, ulong address, ulong length)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SkipInstruction((int)length);
        cpu.Execution.FlushTranslation(cpu.IsLongMode ? address : (uint)address);
        return Done;
    }

    private static int InvalidateContextOf(CpuState* state, ulong type, ulong length)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        ulong descriptor = state->Slots[X86Slots.FarOffset], address = state->Slots[X86Slots.FarSelector];
        bool hasPcid = (state->Slots[X86Slots.Cr4] & Cr4.Pcide) != 0;
        if (type > 3 || descriptor >> 12 != 0 || (type < 2 && !hasPcid && descriptor != 0) || (type == 0 && (ulong)((long)(address << 16) >> 16) != address))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.SkipInstruction((int)length);
        if (type == 2)
        {
            cpu.Execution.FlushTranslations();
        }
        else
        {
            cpu.Execution.FlushLocalTranslations();
        }

        return Done;
    }

    private static int SystemCallOf(CpuState* state, ulong next, ulong immediate) => FastCalls.SystemCall(Begin(state), next);

    private static int SystemReturnOf(CpuState* state, ulong next, ulong width) => FastCalls.SystemReturn(Begin(state), (int)width);

    private static int SystemEnterOf(CpuState* state, ulong next, ulong immediate) => FastCalls.SystemEnter(Begin(state));

    private static int SystemExitOf(CpuState* state, ulong next, ulong width) => FastCalls.SystemExit(Begin(state), (int)width);

    private static int SwapGsOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.Msrs.SwapGs();
        cpu.SetIp(next);
        return Done;
    }

    private static int CheckFsGsBaseOf(CpuState* state, ulong value, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if ((state->Slots[X86Slots.Cr4] & Cr4.Fsgsbase) == 0)
        {
            return cpu.Raise(X86Fault.InvalidOpcode);
        }

        return (ulong)((long)(value << 16) >> 16) == value ? 0 : cpu.Raise(X86Fault.GeneralProtection);
    }

    private static int AccessFlagOf(CpuState* state, ulong next, ulong isSet)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        state->Slots[X86Slots.Eflags] = (state->Slots[X86Slots.Eflags] & ~Eflags.Ac) | (isSet != 0 ? Eflags.Ac : 0);
        cpu.SetIp(next);
        cpu.UpdateContext();
        return Done;
    }
}
