using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Models;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>System instructions. Those that end a block get the offset of the next instruction, or their own length in the immediate.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static unsafe partial class SystemHelpers
{
    public static readonly HelperFunction Halt = GuestKernels.Helper(&HaltOf, HaltOf);
    public static readonly HelperFunction LeaveManagement = GuestKernels.Helper(&LeaveManagementOf, LeaveManagementOf);
    public static readonly HelperFunction Pause = GuestKernels.Helper(&PauseOf, PauseOf);
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
    public static readonly HelperFunction CheckPrevention = GuestKernels.Helper(&CheckPreventionOf, CheckPreventionOf);
    public static readonly HelperFunction AccessFlag = GuestKernels.Helper(&AccessFlagOf, AccessFlagOf);

    private const int Fault = (int)ExitReason.Fault, Done = (int)ExitReason.Indirect;

    private static int HaltOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SetIp(next);
        if ((cpu.Slots[X86Slots.Eflags] & Eflags.If) == 0 && !cpu.Interrupts.CanBeWoken && !cpu.Interrupts.HasNeighbours)
        {
            cpu.Execution.Stop(new MachineStop(StopKind.Crash, System.FormattableString.Invariant($"the CPU halted with interrupts off at 0x{cpu.State->Pc - 1:x}")));
        }

        cpu.Interrupts.IsHalted = true;
        cpu.Execution.Wait();
        return Done;
    }

    private static int LeaveManagementOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!cpu.Management.IsInside)
        {
            return cpu.Raise(X86Fault.InvalidOpcode);
        }

        Begin(state);
        if (cpu.Management.Leave(out bool isHalted))
        {
            cpu.Interrupts.LeaveManagement();
            if (isHalted)
            {
                cpu.Interrupts.IsHalted = true;
                cpu.Execution.Wait();
            }
        }

        return Done;
    }

    private static int PauseOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        cpu.SetIp(next);
        cpu.Execution.Yield();
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
}
