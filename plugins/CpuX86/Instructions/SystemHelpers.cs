using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Models;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>System instructions. Those that end a block get the offset of the next instruction, or their own length in the immediate.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static unsafe class SystemHelpers
{
    public static readonly HelperFunction Halt = GuestKernels.Helper(&HaltOf, HaltOf);
    public static readonly HelperFunction SoftwareInterrupt = GuestKernels.Helper(&SoftwareInterruptOf, SoftwareInterruptOf);
    public static readonly HelperFunction Overflow = GuestKernels.Helper(&OverflowOf, OverflowOf);
    public static readonly HelperFunction InterruptReturn = GuestKernels.Helper(&InterruptReturnOf, InterruptReturnOf);
    public static readonly HelperFunction FarReturn = GuestKernels.Helper(&FarReturnOf, FarReturnOf);
    public static readonly HelperFunction FarTransfer = GuestKernels.Helper(&FarTransferOf, FarTransferOf);
    public static readonly HelperFunction LoadSegment = GuestKernels.Helper(&LoadSegmentOf, LoadSegmentOf);
    public static readonly HelperFunction PopSegment = GuestKernels.Helper(&PopSegmentOf, PopSegmentOf);
    public static readonly HelperFunction LoadFarPointer = GuestKernels.Helper(&LoadFarPointerOf, LoadFarPointerOf);
    public static readonly HelperFunction In = GuestKernels.Helper(&InOf, InOf);
    public static readonly HelperFunction Out = GuestKernels.Helper(&OutOf, OutOf);
    public static readonly HelperFunction Cpuid = GuestKernels.Helper(&CpuidOf, CpuidOf);
    public static readonly HelperFunction ReadTimeStamp = GuestKernels.Helper(&ReadTimeStampOf, ReadTimeStampOf);
    public static readonly HelperFunction ReadModelRegister = GuestKernels.Helper(&ReadModelRegisterOf, ReadModelRegisterOf);
    public static readonly HelperFunction WriteModelRegister = GuestKernels.Helper(&WriteModelRegisterOf, WriteModelRegisterOf);
    public static readonly HelperFunction LoadGlobalTable = GuestKernels.Helper(&LoadGlobalTableOf, LoadGlobalTableOf);
    public static readonly HelperFunction LoadInterruptTable = GuestKernels.Helper(&LoadInterruptTableOf, LoadInterruptTableOf);
    public static readonly HelperFunction StoreTable = GuestKernels.Helper(&StoreTableOf, StoreTableOf);
    public static readonly HelperFunction LoadLocalTable = GuestKernels.Helper(&LoadLocalTableOf, LoadLocalTableOf);
    public static readonly HelperFunction LoadTask = GuestKernels.Helper(&LoadTaskOf, LoadTaskOf);
    public static readonly HelperFunction LoadStatusWord = GuestKernels.Helper(&LoadStatusWordOf, LoadStatusWordOf);
    public static readonly HelperFunction ClearTaskSwitched = GuestKernels.Helper(&ClearTaskSwitchedOf, ClearTaskSwitchedOf);
    public static readonly HelperFunction Verify = GuestKernels.Helper(&VerifyOf, VerifyOf);
    public static readonly HelperFunction AdjustLevel = GuestKernels.Helper(&AdjustLevelOf, AdjustLevelOf);
    public static readonly HelperFunction Rights = GuestKernels.Helper(&RightsOf, RightsOf);
    public static readonly HelperFunction LoadControl = GuestKernels.Helper(&LoadControlOf, LoadControlOf);
    public static readonly HelperFunction StoreControl = GuestKernels.Helper(&StoreControlOf, StoreControlOf);
    public static readonly HelperFunction InvalidatePage = GuestKernels.Helper(&InvalidatePageOf, InvalidatePageOf);
    public static readonly HelperFunction InvalidateContext = GuestKernels.Helper(&InvalidateContextOf, InvalidateContextOf);
    public static readonly HelperFunction SystemCall = GuestKernels.Helper(&SystemCallOf, SystemCallOf);
    public static readonly HelperFunction SystemReturn = GuestKernels.Helper(&SystemReturnOf, SystemReturnOf);
    public static readonly HelperFunction SystemEnter = GuestKernels.Helper(&SystemEnterOf, SystemEnterOf);
    public static readonly HelperFunction SystemExit = GuestKernels.Helper(&SystemExitOf, SystemExitOf);
    public static readonly HelperFunction SwapGs = GuestKernels.Helper(&SwapGsOf, SwapGsOf);
    public static readonly HelperFunction CheckFsGsBase = GuestKernels.Helper(&CheckFsGsBaseOf, CheckFsGsBaseOf);
    public static readonly HelperFunction AccessFlag = GuestKernels.Helper(&AccessFlagOf, AccessFlagOf);

    private const int Fault = (int)ExitReason.Fault, Done = (int)ExitReason.Indirect;

    private static int HaltOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SetIp(next);
        if ((cpu.Slots[X86Slots.Eflags] & Eflags.If) == 0 && !cpu.Interrupts.CanBeWoken)
        {
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, System.FormattableString.Invariant($"the CPU halted with interrupts off at 0x{cpu.State->Pc - 1:x}")));
        }

        cpu.Execution.Wait();
        return Done;
    }

    private static int SoftwareInterruptOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        int vector = (int)(immediate & 0xFF);
        bool isIntN = (immediate & 0x100) != 0;
        if (isIntN && cpu.IsVirtual8086 && (cpu.Slots[X86Slots.Eflags] & Eflags.Iopl) != Eflags.Iopl)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        return Deliver(cpu, vector, vector == 1 && !isIntN ? DeliveryKind.Trap : DeliveryKind.Software, next);
    }

    private static int Deliver(X86Cpu cpu, int vector, DeliveryKind kind, ulong next)
    {
        cpu.SetIp(next);
        if (kind == DeliveryKind.Trap)
        {
            // INT1 is a debug exception itself: what was held back goes with it.
            cpu.Interrupts.DropTrap();
        }

        cpu.Interrupts.DropSingleStep();
        return Delivery.TryDeliver(cpu, vector, kind, hasError: false, 0) ? Done : Fault;
    }

    private static int OverflowOf(CpuState* state, ulong overflow, ulong length)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SkipInstruction((int)length);
        if (overflow != 0)
        {
            cpu.Interrupts.DropSingleStep();
        }

        return overflow == 0 || Delivery.TryDeliver(cpu, 4, DeliveryKind.Software, hasError: false, 0) ? Done : Fault;
    }

    private static int InterruptReturnOf(CpuState* state, ulong next, ulong width) => Interrupts.InterruptReturn.Run(Begin(state), (int)width);

    private static int FarReturnOf(CpuState* state, ulong next, ulong immediate) => Segmentation.FarReturn.Run(Begin(state), (int)(immediate & 0xFF), (uint)(immediate >> 8));

    private static int FarTransferOf(CpuState* state, ulong target, ulong immediate)
    {
        X86Cpu cpu = Begin(state);
        ulong next = cpu.Ip + (immediate >> 16);
        return Segmentation.FarTransfer.Run(cpu, (ushort)state->Slots[X86Slots.FarSelector], target, (int)(immediate & 0xFF), (immediate & 0x100) != 0, cpu.Is64 ? next : (uint)next);
    }

    /// <summary>The CPU with its program counter at the instruction.</summary>
    private static X86Cpu Begin(CpuState* state)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        state->Pc = cpu.CurrentPc;
        return cpu;
    }

    private static int LoadSegmentOf(CpuState* state, ulong selector, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        int segment = (int)(immediate & 0xFF);
        return DescriptorTables.Load(cpu, segment, (ushort)selector) ? FinishSegment(cpu, segment, (int)(immediate >> 8)) : Fault;
    }

    private static int FinishSegment(X86Cpu cpu, int segment, int length)
    {
        cpu.SkipInstruction(length);
        if (segment == X86Slots.Ss)
        {
            // MOV SS and POP SS hold everything back until the stack pointer is set too.
            cpu.Interrupts.DropSingleStep();
            cpu.Interrupts.Shadow(holdsTraps: true);
        }
        else if (!cpu.Is64)
        {
            cpu.UpdateContext();
        }

        return Done;
    }

    private static int PopSegmentOf(CpuState* state, ulong selector, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        int segment = (int)(immediate & 0xFF), width = (int)(immediate >> 8) & 0xFF;
        ulong top = state->Slots[X86Slots.Rsp] + (ulong)width;
        int stackWidth = cpu.StackWidth;
        if (!DescriptorTables.Load(cpu, segment, (ushort)selector))
        {
            return Fault;
        }

        ulong* rsp = state->Slots + X86Slots.Rsp;
        *rsp = stackWidth == 2 ? (*rsp & ~0xFFFFUL) | (ushort)top : stackWidth == 4 ? (uint)top : top;
        return FinishSegment(cpu, segment, (int)(immediate >> 16));
    }

    private static int LoadFarPointerOf(CpuState* state, ulong selector, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        int segment = (int)(immediate & 0xFF), slot = (int)(immediate >> 16) & 0xFF, width = (int)(immediate >> 24);
        if (!DescriptorTables.Load(cpu, segment, (ushort)selector))
        {
            return Fault;
        }

        ulong offset = state->Slots[X86Slots.FarOffset];
        ulong* register = state->Slots + slot;
        *register = width == 2 ? (*register & ~0xFFFFUL) | (ushort)offset : width == 4 ? (uint)offset : offset;
        cpu.SkipInstruction((int)(immediate >> 8) & 0xFF);
        cpu.UpdateContext();
        return Done;
    }

    private static int InOf(CpuState* state, ulong port, ulong width)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!cpu.MayUsePort((ushort)port, (int)width))
        {
            return Fault;
        }

        cpu.WatchPort((ushort)port, (int)width);
        ulong value = cpu.ReadPort((ushort)port, (int)width);
        ulong* rax = state->Slots + X86Slots.Rax;
        *rax = width == 1 ? (*rax & ~0xFFUL) | (byte)value : width == 2 ? (*rax & ~0xFFFFUL) | (ushort)value : (uint)value;
        return 0;
    }

    private static int OutOf(CpuState* state, ulong port, ulong width)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!cpu.MayUsePort((ushort)port, (int)width))
        {
            return Fault;
        }

        cpu.WatchPort((ushort)port, (int)width);
        cpu.WritePort((ushort)port, (int)width, state->Slots[X86Slots.Rax]);
        return 0;
    }

    private static int CpuidOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        ulong* s = state->Slots;
        (uint a, uint b, uint c, uint d) = CpuIdentification.Leaf(cpu, (uint)s[X86Slots.Rax], (uint)s[X86Slots.Rcx]);
        (s[X86Slots.Rax], s[X86Slots.Rbx], s[X86Slots.Rcx], s[X86Slots.Rdx]) = (a, b, c, d);
        cpu.SetIp(next);
        return Done;
    }

    private static int ReadTimeStampOf(CpuState* state, ulong a, ulong withProcessor)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (cpu.Cpl != 0 && (state->Slots[X86Slots.Cr4] & Cr4.Tsd) != 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        ulong value = cpu.Msrs.TimeStamp;
        (state->Slots[X86Slots.Rax], state->Slots[X86Slots.Rdx]) = ((uint)value, value >> 32);
        if (withProcessor != 0)
        {
            state->Slots[X86Slots.Rcx] = (uint)cpu.Msrs[0xC000_0103];
        }

        return 0;
    }

    private static int ReadModelRegisterOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!cpu.Msrs.TryRead((uint)state->Slots[X86Slots.Rcx], out ulong value))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        (state->Slots[X86Slots.Rax], state->Slots[X86Slots.Rdx]) = ((uint)value, value >> 32);
        cpu.SetIp(next);
        return Done;
    }

    private static int WriteModelRegisterOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!cpu.Msrs.TryWrite((uint)state->Slots[X86Slots.Rcx], (uint)state->Slots[X86Slots.Rax] | (state->Slots[X86Slots.Rdx] << 32)))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.SetIp(next);
        return Done;
    }

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
        cpu.Execution.FlushTranslations();
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
