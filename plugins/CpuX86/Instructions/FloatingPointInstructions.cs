using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>x87 instructions, WAIT, FXSAVE and FXRSTOR: their operands; the meaning is <see cref="FpuUnit"/>'s.</summary>
/// <remarks>Source: Intel SDM volume 1, chapter 8; volume 2, the F* pages.</remarks>
internal static class FloatingPointInstructions
{
    private const int ConditionBelow = 2, ConditionEqual = 4, ConditionBelowOrEqual = 6, ConditionParity = 10;

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        foreach (Code code in Enum.GetValues<Code>())
        {
            OpCodeInfo info = code.ToOpCode();
            if (info.IsInstruction && info.Encoding == EncodingKind.Legacy && (info.OpCode is >= 0xD8 and <= 0xDF || info.OpCode >> 8 is >= 0xD8 and <= 0xDF) && info.Table == OpCodeTableKind.Normal)
            {
                table.Add(code, Execute);
            }
        }

        table.Add(Mnemonic.Wait, Wait);
        table.Add(x => Extended(x, FloatingPointHelpers.AreaKind.SaveExtended), Mnemonic.Fxsave, Mnemonic.Fxsave64);
        table.Add(x => Extended(x, FloatingPointHelpers.AreaKind.RestoreExtended), Mnemonic.Fxrstor, Mnemonic.Fxrstor64);
    }

    private static void Execute(LiftContext x)
    {
        if ((x.Context & X86Context.FloatingOff) != 0)
        {
            x.Raise(X86Fault.DeviceNotAvailable);
            return;
        }

        OpCodeInfo info = x.Instruction.Code.ToOpCode();
        for (int i = 0; i < x.Instruction.OpCount; i++)
        {
            if (x.IsMemory(i))
            {
                OnMemory(x, ((info.OpCode & 7) << 8) | ((uint)info.GroupIndex << 3));
                return;
            }
        }

        OnRegisters(x, info);
    }

    private static void OnRegisters(LiftContext x, OpCodeInfo info)
    {
        uint opcode = info.OpCode & 0x7FF;
        for (int i = 0; i < info.OpCount; i++)
        {
            if (info.GetOpKind(i) == OpCodeOperandKind.sti_opcode)
            {
                opcode |= (uint)(x.Instruction.GetOpRegister(i) - Iced.Intel.Register.ST0);
            }
        }

        switch (x.Instruction.Mnemonic)
        {
            case Mnemonic.Fnstsw or Mnemonic.Fstsw:
                x.WriteRegister(Iced.Intel.Register.AX, x.Slot(X86Slots.X87Status));
                return;
            case Mnemonic.Fninit or Mnemonic.Finit or Mnemonic.Fnclex or Mnemonic.Fclex or Mnemonic.Fneni or Mnemonic.Fndisi or Mnemonic.Fnsetpm or Mnemonic.Fstdw or Mnemonic.Fstsg or Mnemonic.Frstpm:
                x.Helper(FloatingPointHelpers.Registers, x.Const(0), opcode);
                return;
            default:
                Val condition = x.Const(0);
                if (opcode >> 8 is 2 or 3 && ((opcode >> 3) & 7) < 4)
                {
                    int code = ((opcode >> 3) & 3) switch { 0 => ConditionBelow, 1 => ConditionEqual, 2 => ConditionBelowOrEqual, _ => ConditionParity };
                    condition = x.Condition(code | (int)((opcode >> 8) & 1));
                }

                x.Helper(FloatingPointHelpers.Registers, condition, Immediate(x, opcode));
                if (opcode >> 8 is 3 or 7 && ((opcode >> 3) & 7) is 5 or 6)
                {
                    x.SetFlags(x.Slot(FloatingPointHelpers.FlagsSlot));
                }

                return;
        }
    }

    private static void OnMemory(LiftContext x, uint opcode)
    {
        int width = FpuUnit.MemoryWidth(opcode);
        uint group = (opcode >> 3) & 7;
        switch (opcode >> 8, group)
        {
            case (1, 4 or 6):
            case (5, 4 or 6):
                Area(x, opcode);
                return;
            case (1, 5):
                x.Helper(FloatingPointHelpers.LoadControl, x.Load(2), 0);
                return;
            case (1, 7):
                x.Store(2, x.Slot(X86Slots.X87Control));
                return;
            case (5, 7):
                x.Store(2, x.Slot(X86Slots.X87Status));
                return;
            default:
                break;
        }

        if (FpuUnit.IsStore(opcode))
        {
            x.ProbeStore(width);
            Val address = x.Address(width, isWrite: true);
            address = x.Copy(address);
            NoteOffset(x);
            x.Helper(FloatingPointHelpers.Store, address, Immediate(x, opcode));
            return;
        }

        Val low = x.Load(Math.Min(width, 8));
        if (width == 10)
        {
            x.Ir.SetRegister(X86Slots.Scratch, x.Load(2, 8));
        }

        NoteOffset(x);
        x.Helper((opcode & 0x100) == 0 ? FloatingPointHelpers.Arithmetic : FloatingPointHelpers.Load, low, Immediate(x, opcode));
    }

    /// <summary>FLDENV, FNSTENV, FRSTOR, FNSAVE.</summary>
    private static void Area(LiftContext x, uint opcode)
    {
        bool isWide = x.Instruction.MemorySize is MemorySize.FpuEnv28 or MemorySize.FpuState108, isStore = (opcode & 0x10) != 0;
        bool hasRegisters = opcode >> 8 == 5;
        EnvironmentForm form = (isWide ? EnvironmentForm.Wide : 0) | (x.IsProtected ? EnvironmentForm.Protected : 0);
        int length = FpuEnvironment.Length(form) + (hasRegisters ? 80 : 0);
        if (isStore)
        {
            x.ProbeStore(length);
        }

        FloatingPointHelpers.AreaKind kind = isStore
            ? hasRegisters ? FloatingPointHelpers.AreaKind.Save : FloatingPointHelpers.AreaKind.SaveEnvironment
            : hasRegisters ? FloatingPointHelpers.AreaKind.Restore : FloatingPointHelpers.AreaKind.LoadEnvironment;
        x.Helper(FloatingPointHelpers.Area, x.Address(length, isStore), (ulong)kind | ((ulong)form << 8));
    }

    private static void Extended(LiftContext x, FloatingPointHelpers.AreaKind kind)
    {
        if ((x.Context & X86Context.FloatingOff) != 0)
        {
            x.Raise(X86Fault.DeviceNotAvailable);
            return;
        }

        bool isWide = x.Instruction.Mnemonic is Mnemonic.Fxsave64 or Mnemonic.Fxrstor64, isStore = kind == FloatingPointHelpers.AreaKind.SaveExtended;
        Val address = x.Copy(x.Address(byte.MaxValue, isStore));
        x.Ir.Limit(X86Helpers.Misaligned, address & 15, X86Slots.Zero, 0, 0);
        if (isStore)
        {
            x.Ir.Probe(address, 0);
            x.Ir.Probe(address, FpuEnvironment.ExtendedLength - 1);
        }

        x.Helper(FloatingPointHelpers.Area, address, (ulong)kind | (isWide ? (ulong)EnvironmentForm.Wide << 8 : 0));
    }

    private static void Wait(LiftContext x)
    {
        if ((x.Context & X86Context.WaitOff) != 0)
        {
            x.Raise(X86Fault.DeviceNotAvailable);
            return;
        }

        x.Helper(FloatingPointHelpers.CheckPending, x.Const(0), 0);
    }

    private static void NoteOffset(LiftContext x) => x.Ir.SetRegister(FloatingPointHelpers.OffsetSlot, x.Offset());

    private static ulong Immediate(LiftContext x, uint opcode)
    {
        ulong segment = x.Instruction.OpCount > 0 && x.Instruction.MemorySegment >= Iced.Intel.Register.ES ? (ulong)LiftContext.SegmentOf(x.Instruction.MemorySegment) : X86Slots.Ds;
        return opcode | (segment << 11) | FloatingPointHelpers.Waits | (x.Ip << 16);
    }
}
