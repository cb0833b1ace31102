using Kmem.Ir;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>x87 instructions as helpers: the immediate holds the opcode in bits 10:0, the operand's segment in 13:11, <see cref="Waits"/>, and the instruction's offset from bit 16 on.</summary>
/// <remarks>The operand's offset is in a scratch slot. Source: Intel SDM volume 1, 8.1.8 (pointers), 8.6 and 8.7 (reporting of exceptions).</remarks>
internal static unsafe class FloatingPointHelpers
{
    /// <summary>The instruction is no control instruction: it waits for exceptions and is the one that the pointers tell of.</summary>
    public const ulong Waits = 1UL << 14;

    /// <summary>Slots that hold the operand's offset, and flags that an instruction sets.</summary>
    public const int OffsetSlot = X86Slots.Scratch + 1, FlagsSlot = X86Slots.Scratch + 2;

    /// <summary>#MF where an exception waits.</summary>
    public static readonly HelperFunction CheckPending = GuestKernels.Helper(&CheckPendingOf, CheckPendingOf);

    /// <summary>A form without memory; the argument is FCMOVcc's condition.</summary>
    public static readonly HelperFunction Registers = GuestKernels.Helper(&RegistersOf, RegistersOf);

    /// <summary>Arithmetic with an operand from memory, which is the argument.</summary>
    public static readonly HelperFunction Arithmetic = GuestKernels.Helper(&ArithmeticOf, ArithmeticOf);

    /// <summary>A load: the argument is the operand, its bytes 8 and 9 are in a scratch slot.</summary>
    public static readonly HelperFunction Load = GuestKernels.Helper(&LoadOf, LoadOf);

    /// <summary>A store to the linear address that is the argument.</summary>
    public static readonly HelperFunction Store = GuestKernels.Helper(&StoreOf, StoreOf);

    /// <summary>FLDCW of the argument.</summary>
    public static readonly HelperFunction LoadControl = GuestKernels.Helper(&LoadControlOf, LoadControlOf);

    /// <summary>FNSTENV, FLDENV, FNSAVE, FRSTOR at the linear address that is the argument; the immediate is an <see cref="AreaKind"/> and an <see cref="EnvironmentForm"/>.</summary>
    public static readonly HelperFunction Area = GuestKernels.Helper(&AreaOf, AreaOf);

    /// <summary>What is done with an area of memory.</summary>
    public enum AreaKind
    {
        /// <summary>FNSTENV.</summary>
        SaveEnvironment,

        /// <summary>FLDENV.</summary>
        LoadEnvironment,

        /// <summary>FNSAVE.</summary>
        Save,

        /// <summary>FRSTOR.</summary>
        Restore,

        /// <summary>FXSAVE.</summary>
        SaveExtended,

        /// <summary>FXRSTOR.</summary>
        RestoreExtended,
    }

    /// <summary>The registers of a CPU.</summary>
    public static FpuRegisters* Of(CpuState* state) => (FpuRegisters*)(state->Slots + X86Slots.X87Significand);

    /// <summary>0, or the reason to leave the block where an exception waits.</summary>
    public static int Check(CpuState* state) => Of(state)->IsPending ? X86Cpu.Of(state).RaiseFloatingPoint() : 0;

    private static int CheckPendingOf(CpuState* state, ulong a, ulong immediate) => Check(state);

    /// <summary>Waits for exceptions and notes the instruction.</summary>
    private static int Begin(CpuState* state, ulong immediate, bool hasOperand)
    {
        FpuRegisters* r = Of(state);
        if ((immediate & Waits) == 0)
        {
            return 0;
        }

        if (r->IsPending && Check(state) is var reason and not 0)
        {
            return reason;
        }

        r->Opcode = immediate & 0x7FF;
        r->InstructionPointer = (ulong)((long)immediate >> 16);
        r->InstructionSelector = state->Slots[X86Slots.Selector + X86Slots.Cs];
        if (hasOperand)
        {
            r->DataPointer = state->Slots[OffsetSlot];
            r->DataSelector = state->Slots[X86Slots.Selector + (int)((immediate >> 11) & 7)];
        }

        return 0;
    }

    private static int RegistersOf(CpuState* state, ulong condition, ulong immediate)
    {
        if (Begin(state, immediate, hasOperand: false) is var reason and not 0)
        {
            return reason;
        }

        if (FpuUnit.ExecuteRegister(Of(state), (uint)immediate & 0x7FF, condition != 0, out uint flags))
        {
            state->Slots[FlagsSlot] = flags;
        }

        return Signal(state);
    }

    private static int ArithmeticOf(CpuState* state, ulong operand, ulong immediate)
    {
        if (Begin(state, immediate, hasOperand: true) is var reason and not 0)
        {
            return reason;
        }

        FpuUnit.ExecuteArithmetic(Of(state), (uint)immediate & 0x7FF, operand);
        return Signal(state);
    }

    private static int LoadOf(CpuState* state, ulong operand, ulong immediate)
    {
        if (Begin(state, immediate, hasOperand: true) is var reason and not 0)
        {
            return reason;
        }

        FpuUnit.ExecuteLoad(Of(state), (uint)immediate & 0x7FF, operand, (ushort)state->Slots[X86Slots.Scratch]);
        return Signal(state);
    }

    private static int StoreOf(CpuState* state, ulong address, ulong immediate)
    {
        FpuRegisters* r = Of(state);
        FpuRegisters before = *r;
        if (Begin(state, immediate, hasOperand: true) is var reason and not 0)
        {
            return reason;
        }

        uint opcode = (uint)immediate & 0x7FF;
        if (FpuUnit.ExecuteStore(r, opcode, out ulong low, out ushort high))
        {
            // Both ends were found writable before.
            IExecution execution = X86Cpu.Of(state).Execution;
            int width = FpuUnit.MemoryWidth(opcode);
            if (!execution.WriteVirtual(address, Math.Min(width, 8), low) || (width == 10 && !execution.WriteVirtual(address + 8, 2, high)))
            {
                *r = before;
                return (int)ExitReason.Fault;
            }
        }

        return Signal(state);
    }

    private static int LoadControlOf(CpuState* state, ulong value, ulong immediate)
    {
        if (Check(state) is var reason and not 0)
        {
            return reason;
        }

        FpuUnit.LoadControl(Of(state), value);
        return Signal(state);
    }

    /// <summary>Lets the CPU drive FERR# where CR0.NE is clear.</summary>
    private static int Signal(CpuState* state)
    {
        if ((state->Slots[X86Slots.Cr0] & Cr0.Ne) == 0)
        {
            X86Cpu.Of(state).SignalFloatingPoint(Of(state)->IsPending);
        }

        return 0;
    }

    private static int AreaOf(CpuState* state, ulong address, ulong immediate)
    {
        FpuRegisters* r = Of(state);
        var kind = (AreaKind)(immediate & 0xFF);
        var form = (EnvironmentForm)((immediate >> 8) & 0xFF);
        if (kind is AreaKind.LoadEnvironment or AreaKind.Restore && Check(state) is var reason and not 0)
        {
            return reason;
        }

        byte* area = stackalloc byte[FpuEnvironment.ExtendedLength];
        int environment = FpuEnvironment.Length(form);
        switch (kind)
        {
            case AreaKind.SaveEnvironment:
            case AreaKind.Save:
                FpuRegisters before = *r;
                FpuEnvironment.Save(r, area, form);
                FpuEnvironment.SaveRegisters(r, area + environment);
                if (!Write(state, address, area, 0, kind == AreaKind.Save ? environment + 80 : environment))
                {
                    *r = before;
                    return (int)ExitReason.Fault;
                }

                if (kind == AreaKind.Save)
                {
                    r->Initialize();
                }

                return 0;
            case AreaKind.LoadEnvironment:
            case AreaKind.Restore:
                if (!Read(state, address, area, kind == AreaKind.Restore ? environment + 80 : environment))
                {
                    return (int)ExitReason.Fault;
                }

                FpuEnvironment.Load(r, area, form);
                if (kind == AreaKind.Restore)
                {
                    FpuEnvironment.LoadRegisters(r, area + environment);
                }

                return Signal(state);
            case AreaKind.SaveExtended:
                return SaveExtended(state, address, area, form);
            default:
                return RestoreExtended(state, address, area, form);
        }
    }

    private static int SaveExtended(CpuState* state, ulong address, byte* area, EnvironmentForm form)
    {
        bool hasVectors = (state->Slots[X86Slots.Cr4] & Cr4.Osfxsr) != 0;
        int count = XmmCount(state);
        new Span<byte>(area, FpuEnvironment.ExtendedLength).Clear();
        FpuEnvironment.SaveExtended(Of(state), area, (form & EnvironmentForm.Wide) != 0);
        *(uint*)(area + 24) = (uint)state->Slots[X86Slots.Mxcsr];
        *(uint*)(area + 28) = FpuEnvironment.ControlMask;
        for (int i = 0; i < count; i++)
        {
            *(ulong*)(area + 160 + (16 * i)) = state->Slots[X86Slots.XmmLow + i];
            *(ulong*)(area + 168 + (16 * i)) = state->Slots[X86Slots.XmmHigh + i];
        }

        // Bytes that the instruction does not define are left as they are.
        return Write(state, address, area, 0, hasVectors ? 160 + (16 * count) : 160) ? 0 : (int)ExitReason.Fault;
    }

    private static int RestoreExtended(CpuState* state, ulong address, byte* area, EnvironmentForm form)
    {
        bool hasVectors = (state->Slots[X86Slots.Cr4] & Cr4.Osfxsr) != 0;
        int count = XmmCount(state);
        if (!Read(state, address, area, FpuEnvironment.ExtendedLength))
        {
            return (int)ExitReason.Fault;
        }

        uint mxcsr = *(uint*)(area + 24);
        if (hasVectors && (mxcsr & ~FpuEnvironment.ControlMask) != 0)
        {
            return X86Cpu.Of(state).Raise(X86Fault.GeneralProtection);
        }

        FpuEnvironment.LoadExtended(Of(state), area, (form & EnvironmentForm.Wide) != 0);
        if (hasVectors)
        {
            state->Slots[X86Slots.Mxcsr] = mxcsr;
            for (int i = 0; i < count; i++)
            {
                state->Slots[X86Slots.XmmLow + i] = *(ulong*)(area + 160 + (16 * i));
                state->Slots[X86Slots.XmmHigh + i] = *(ulong*)(area + 168 + (16 * i));
            }
        }

        return Signal(state);
    }

    /// <summary>XMM registers that FXSAVE keeps: 16 in 64-bit code, else 8.</summary>
    private static int XmmCount(CpuState* state) => ((X86Context)state->Context & X86Context.Code64) != 0 ? 16 : 8;

    private static bool Read(CpuState* state, ulong address, byte* area, int length)
    {
        IExecution execution = X86Cpu.Of(state).Execution;
        for (int i = 0; i < length; i += 2)
        {
            if (!execution.ReadVirtual(address + (uint)i, 2, out ulong value))
            {
                return false;
            }

            *(ushort*)(area + i) = (ushort)value;
        }

        return true;
    }

    private static bool Write(CpuState* state, ulong address, byte* area, int from, int length)
    {
        IExecution execution = X86Cpu.Of(state).Execution;
        int i = from;
        for (; i + 8 <= length; i += 8)
        {
            if (!execution.WriteVirtual(address + (uint)i, 8, *(ulong*)(area + i)))
            {
                return false;
            }
        }

        for (; i < length; i += 2)
        {
            if (!execution.WriteVirtual(address + (uint)i, 2, *(ushort*)(area + i)))
            {
                return false;
            }
        }

        return true;
    }
}
