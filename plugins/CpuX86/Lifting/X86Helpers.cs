using Kmem.Ir;
using Kmem.Plugins.CpuX86.Instructions;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>What instructions do that no micro-op does: faults, limits, strings, wide exchanges.</summary>
internal static unsafe class X86Helpers
{
    /// <summary>Raises the exception in the immediate, with an error code of 0 where it has one.</summary>
    public static readonly HelperFunction Raise = GuestKernels.Helper(&RaiseOf, RaiseOf);

    /// <summary>Raises the fault of a fetch from an address.</summary>
    public static readonly HelperFunction FetchFault = GuestKernels.Helper(&FetchFaultOf, FetchFaultOf);

    /// <summary>Begins an instruction that is followed by a look at interrupts, traps and breakpoints.</summary>
    public static readonly HelperFunction BeginSingle = GuestKernels.Helper(&BeginSingleOf, BeginSingleOf);

    /// <summary>#GP(0) unless the current privilege level is 0.</summary>
    public static readonly HelperFunction CheckPrivilege = GuestKernels.Helper(&CheckPrivilegeOf, CheckPrivilegeOf);

    /// <summary>#GP(0) in virtual-8086 mode unless IOPL is 3.</summary>
    public static readonly HelperFunction CheckVirtualFlags = GuestKernels.Helper(&CheckVirtualFlagsOf, CheckVirtualFlagsOf);

    /// <summary>#GP(0): an operand that must be aligned is not.</summary>
    public static readonly HelperFunction Misaligned = GuestKernels.Helper(&GeneralProtectionOf, GeneralProtectionOf);

    /// <summary>#GP(0): a branch beyond the code segment.</summary>
    public static readonly HelperFunction BranchBeyond = GuestKernels.Helper(&GeneralProtectionOf, GeneralProtectionOf);

    /// <summary>An offset at or beyond a segment's end: looks closely, and raises #GP or #SS; with bit 12 of the immediate #GP in any case.</summary>
    public static readonly HelperFunction SegmentLimit = GuestKernels.Helper(&SegmentLimitOf, SegmentLimitOf);

    /// <summary>#GP: PUSHA of real mode on a stack that it would split.</summary>
    public static readonly HelperFunction SplitStack = GuestKernels.Helper(&GeneralProtectionOf, GeneralProtectionOf);

    /// <summary>#DE.</summary>
    public static readonly HelperFunction DivideError = GuestKernels.Helper(&DivideErrorOf, DivideErrorOf);

    /// <summary>#BR.</summary>
    public static readonly HelperFunction BoundRange = GuestKernels.Helper(&BoundRangeOf, BoundRangeOf);

    /// <summary>CMPXCHG8B and CMPXCHG16B on a linear address.</summary>
    public static readonly HelperFunction CompareExchangeWide = GuestKernels.Helper(&CompareExchangeWideOf, CompareExchangeWideOf);

    /// <summary>ENTER: the immediate holds width, level and size.</summary>
    public static readonly HelperFunction Enter = GuestKernels.Helper(&EnterOf, EnterOf);

    /// <summary>A string instruction, see <see cref="StringRequest"/>.</summary>
    public static readonly HelperFunction String = GuestKernels.Helper(&StringOf, StringOf);

    /// <summary>STI: the argument is the offset of the next instruction.</summary>
    public static readonly HelperFunction SetInterruptFlag = GuestKernels.Helper(&SetInterruptFlagOf, SetInterruptFlagOf);

    /// <summary>CLI.</summary>
    public static readonly HelperFunction ClearInterruptFlag = GuestKernels.Helper(&ClearInterruptFlagOf, ClearInterruptFlagOf);

    /// <summary>POPF: the argument is the value, the immediate holds its width and the instruction's length.</summary>
    public static readonly HelperFunction SetFlags = GuestKernels.Helper(&SetFlagsOf, SetFlagsOf);

    /// <summary>Whether an instruction on IF goes by IOPL: #GP(0) where the privilege level is above it.</summary>
    public static bool MayChangeInterruptFlag(X86Cpu cpu) =>
        (cpu.Slots[X86Slots.Cr0] & Cr0.Pe) == 0 || cpu.Cpl <= (int)(cpu.Slots[X86Slots.Eflags] >> 12 & 3);

    private static int RaiseOf(CpuState* state, ulong a, ulong immediate) => X86Cpu.Of(state).Raise((X86Fault)immediate);

    private static int FetchFaultOf(CpuState* state, ulong address, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        TranslatedAddress translation = cpu.Translate(address, MemoryAccess.Fetch);
        if (translation.Fault == 0)
        {
            // The page came while the block was made: carry the instruction out again.
            return (int)ExitReason.Again;
        }

        cpu.RaiseMemoryFault(address, MemoryAccess.Fetch, 1, translation, Abstractions.AccessResult.Ok);
        return (int)ExitReason.Fault;
    }

    private static int BeginSingleOf(CpuState* state, ulong a, ulong immediate) => X86Cpu.Of(state).Interrupts.BeginSingle();

    private static int CheckPrivilegeOf(CpuState* state, ulong a, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        return cpu.Cpl == 0 ? 0 : cpu.Raise(X86Fault.GeneralProtection);
    }

    private static int CheckVirtualFlagsOf(CpuState* state, ulong a, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        return (cpu.Slots[X86Slots.Eflags] & Eflags.Iopl) == Eflags.Iopl ? 0 : cpu.Raise(X86Fault.GeneralProtection);
    }

    private static int GeneralProtectionOf(CpuState* state, ulong a, ulong immediate) => X86Cpu.Of(state).Raise(X86Fault.GeneralProtection);

    private static int SegmentLimitOf(CpuState* state, ulong offset, ulong immediate)
    {
        int width = (int)(immediate & 0xFF), segment = (int)(immediate >> 8) & 7;
        bool isWrite = (immediate & 0x800) != 0;
        X86Cpu cpu = X86Cpu.Of(state);
        if ((immediate & 0x1000) != 0)
        {
            return cpu.TryLinear(segment, offset, (ulong)width, isWrite, out _) ? 0 : cpu.Raise(X86Fault.GeneralProtection);
        }

        return cpu.Linear(segment, offset, width, isWrite, out _) ? 0 : (int)ExitReason.Fault;
    }

    private static int DivideErrorOf(CpuState* state, ulong a, ulong immediate) => X86Cpu.Of(state).Raise(X86Fault.DivideError);

    private static int BoundRangeOf(CpuState* state, ulong a, ulong immediate) => X86Cpu.Of(state).Raise(X86Fault.BoundRange);

    private static int StringOf(CpuState* state, ulong a, ulong immediate) => StringHelper.Run(X86Cpu.Of(state), StringRequest.Unpack(immediate));

    private static int CompareExchangeWideOf(CpuState* state, ulong address, ulong width)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        IExecution execution = cpu.Execution;
        ulong* slots = state->Slots;
        int half = (int)width / 2;
        if (width == 16 && (address & 15) != 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        // It is a change in any case: where the comparison fails, memory gets its own value back.
        if (!execution.Reach(address, write: true, out _) || !execution.Reach(address + width - 1, write: true, out _)
            || !execution.ReadVirtual(address, half, out ulong low) || !execution.ReadVirtual(address + (ulong)half, half, out ulong high))
        {
            return (int)ExitReason.Fault;
        }

        ulong mask = LiftContext.Mask(half);
        bool isEqual = ((slots[X86Slots.Rax] ^ low) & mask) == 0 && ((slots[X86Slots.Rdx] ^ high) & mask) == 0;
        if (isEqual)
        {
            _ = execution.WriteVirtual(address, half, slots[X86Slots.Rbx]);
            _ = execution.WriteVirtual(address + (ulong)half, half, slots[X86Slots.Rcx]);
        }
        else
        {
            _ = execution.WriteVirtual(address, half, low);
            _ = execution.WriteVirtual(address + (ulong)half, half, high);
            (slots[X86Slots.Rax], slots[X86Slots.Rdx]) = (low, high);
        }

        ulong flags = FlagKernels.Flags(slots[X86Slots.FlagA], slots[X86Slots.FlagB], slots[X86Slots.FlagKind]);
        slots[X86Slots.FlagA] = (flags & ~Eflags.Zf) | (isEqual ? Eflags.Zf : 0);
        slots[X86Slots.FlagKind] = FlagKernels.Number(FlagKind.Explicit, 1);
        return 0;
    }

    private static int EnterOf(CpuState* state, ulong a, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        ulong* slots = state->Slots;
        int width = (int)immediate & 0xFF, level = (int)(immediate >> 8) & 31;
        ulong size = (immediate >> 16) & 0xFFFF, stackMask = LiftContext.Mask(cpu.StackWidth);
        ulong top = (slots[X86Slots.Rsp] - (ulong)width) & stackMask;

        // The frame pointer is the whole stack pointer, whatever part of it the stack uses.
        ulong frame = (slots[X86Slots.Rsp] & ~stackMask) | top;
        if (!cpu.Store(X86Slots.Ss, top, width, slots[X86Slots.Rbp]))
        {
            return (int)ExitReason.Fault;
        }

        ulong from = slots[X86Slots.Rbp];
        for (int i = 1; i < level; i++)
        {
            from = (from - (ulong)width) & stackMask;
            top = (top - (ulong)width) & stackMask;
            if (!cpu.Load(X86Slots.Ss, from, width, out ulong value) || !cpu.Store(X86Slots.Ss, top, width, value))
            {
                return (int)ExitReason.Fault;
            }
        }

        if (level > 0)
        {
            top = (top - (ulong)width) & stackMask;
            if (!cpu.Store(X86Slots.Ss, top, width, frame))
            {
                return (int)ExitReason.Fault;
            }
        }

        top = (top - size) & stackMask;

        // The stack that was made must be there, as the next push finds it.
        if (!cpu.Probe(X86Slots.Ss, top, 1))
        {
            return (int)ExitReason.Fault;
        }

        cpu.SetStackPointer(top);
        slots[X86Slots.Rbp] = width == 2 ? (slots[X86Slots.Rbp] & ~0xFFFFUL) | (ushort)frame : width == 4 ? (uint)frame : frame;
        return 0;
    }

    private static int SetInterruptFlagOf(CpuState* state, ulong next, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!MayChangeInterruptFlag(cpu))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        bool wasClear = (cpu.Slots[X86Slots.Eflags] & Eflags.If) == 0;
        cpu.Slots[X86Slots.Eflags] |= Eflags.If;
        cpu.SetIp(next);
        if (wasClear)
        {
            cpu.Interrupts.Shadow();
        }

        return (int)ExitReason.Indirect;
    }

    private static int ClearInterruptFlagOf(CpuState* state, ulong a, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        if (!MayChangeInterruptFlag(cpu))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.Slots[X86Slots.Eflags] &= ~Eflags.If;
        return 0;
    }

    private static int SetFlagsOf(CpuState* state, ulong value, ulong immediate)
    {
        X86Cpu cpu = X86Cpu.Of(state);
        int width = (int)immediate & 0xFF;
        ulong now = cpu.EflagsNow, changes = Eflags.Arithmetic | Eflags.Tf | Eflags.Df | Eflags.Nt | Eflags.Ac | Eflags.Id;
        bool isReal = (cpu.Slots[X86Slots.Cr0] & Cr0.Pe) == 0;
        changes |= isReal || (cpu.Cpl == 0 && !cpu.IsVirtual8086) ? Eflags.Iopl : 0;
        changes |= MayChangeInterruptFlag(cpu) ? Eflags.If : 0;
        if (width == 2)
        {
            changes &= 0xFFFF;
        }

        cpu.SetEflags((((now & ~changes) | (value & changes)) & ~Eflags.Rf) | (width == 2 ? now & Eflags.Rf : 0));
        cpu.SkipInstruction((int)(immediate >> 8));
        ulong changed = now ^ cpu.Slots[X86Slots.Eflags];
        if ((changed & (Eflags.Tf | Eflags.Ac)) != 0)
        {
            cpu.UpdateContext();
        }

        if ((changed & Eflags.If) != 0)
        {
            state->Attention = 1;
        }

        return (int)ExitReason.Indirect;
    }
}
