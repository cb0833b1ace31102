using Kmem.Ir;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.Plugins.CpuAlpha;

/// <summary>What instructions do that no micro-op does.</summary>
internal static unsafe class AlphaHelpers
{
    /// <summary>Raises the illegal-instruction fault.</summary>
    public static readonly HelperFunction Illegal = GuestKernels.Helper(&IllegalOf, IllegalOf);

    /// <summary>Raises the floating-point-off fault.</summary>
    public static readonly HelperFunction FloatingPointOff = GuestKernels.Helper(&FloatingPointOffOf, FloatingPointOffOf);

    /// <summary>Raises the integer-overflow trap where its operand is not zero; the immediate is the register mask.</summary>
    public static readonly HelperFunction TrapOverflow = GuestKernels.Helper(&TrapOverflowOf, TrapOverflowOf);

    /// <summary>STx_C: the immediate holds the slot of Ra and the width.</summary>
    public static readonly HelperFunction StoreConditional = GuestKernels.Helper(&StoreConditionalOf, StoreConditionalOf);

    /// <summary>A floating-point operate instruction in software; the immediate is the instruction.</summary>
    public static readonly HelperFunction Operate = GuestKernels.Helper(&OperateHelper, OperateHelper);

    /// <summary>Carries out a floating-point operate instruction.</summary>
    public static int OperateOf(CpuState* state, ulong word)
    {
        uint instruction = (uint)word;
        int fa = (int)(instruction >> 21) & 31, fb = (int)(instruction >> 16) & 31, fc = (int)instruction & 31;
        ulong a = instruction >> 26 == 0x14 && fb == 31 ? (fa == 31 ? 0 : state->Slots[fa]) : fa == 31 ? 0 : state->Slots[AlphaSlots.F0 + fa];
        ulong b = fb == 31 ? 0 : state->Slots[AlphaSlots.F0 + fb];
        FloatingUnit.Execute(instruction, a, b, state->Slots[AlphaSlots.Fpcr], out FloatingOutcome outcome);
        if (outcome.Kind == FloatingOutcomeKind.IllegalInstruction)
        {
            return Raise(state, AlphaFault.IllegalInstruction, 0, 0);
        }

        state->Slots[AlphaSlots.Fpcr] = outcome.Fpcr;
        if (outcome.WritesResult && fc != 31)
        {
            state->Slots[AlphaSlots.F0 + fc] = outcome.Result;
        }

        return outcome.Kind == FloatingOutcomeKind.Ok ? 0 : Raise(state, AlphaFault.Arithmetic, (ulong)outcome.TrapSummary, outcome.MaskIsEmpty ? 0 : 1UL << (32 + fc));
    }

    /// <summary>Notes a fault.</summary>
    public static int Raise(CpuState* state, AlphaFault fault, ulong address, ulong detail)
    {
        (state->Fault, state->FaultAddress, state->FaultDetail) = ((int)fault, address, detail);
        return (int)ExitReason.Fault;
    }

    private static int IllegalOf(CpuState* state, ulong a, ulong immediate) => Raise(state, AlphaFault.IllegalInstruction, 0, 0);

    private static int FloatingPointOffOf(CpuState* state, ulong a, ulong immediate) => Raise(state, AlphaFault.FloatingPointOff, 0, 0);

    private static int TrapOverflowOf(CpuState* state, ulong a, ulong immediate) => a == 0 ? 0 : Raise(state, AlphaFault.Arithmetic, 64, immediate);

    private static int OperateHelper(CpuState* state, ulong a, ulong immediate) => OperateOf(state, immediate);

    private static int StoreConditionalOf(CpuState* state, ulong address, ulong immediate)
    {
        int slot = (int)(immediate & 0xFF), width = (int)(immediate >> 8);
        AlphaCpu cpu = AlphaCpu.Of(state);
        if ((address & (ulong)(width - 1)) != 0)
        {
            cpu.RaiseMemoryFault(address, MemoryAccess.Store, width, default, Abstractions.AccessResult.Misaligned);
            return (int)ExitReason.Fault;
        }

        bool stands = state->Slots[AlphaSlots.LockFlag] != 0 && state->Slots[AlphaSlots.LockAddress] == address;
        if (stands && !cpu.Execution.WriteVirtual(address, width, slot == AlphaSlots.Zero ? 0 : state->Slots[slot]))
        {
            return (int)ExitReason.Fault;
        }

        state->Slots[AlphaSlots.LockFlag] = 0;
        if (slot != AlphaSlots.Zero)
        {
            state->Slots[slot] = stands ? 1UL : 0;
        }

        return 0;
    }
}
