using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Moves, exchanges, conversions of width, conditional moves.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static unsafe class MoveInstructions
{
    private static readonly PureKernel Swap16 = GuestKernels.Pure(&Swap16Of, Swap16Of);
    private static readonly PureKernel Swap32 = GuestKernels.Pure(&Swap32Of, Swap32Of);
    private static readonly PureKernel Swap64 = GuestKernels.Pure(&Swap64Of, Swap64Of);

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Mov, Mov);
        table.Add(Mnemonic.Movnti, x => x.Write(0, x.Read(1)));
        table.Add(Mnemonic.Movzx, x => x.Write(0, x.ReadZext(1)));
        table.Add(x => x.Write(0, x.ReadSext(1)), Mnemonic.Movsx, Mnemonic.Movsxd);
        table.Add(Mnemonic.Lea, Lea);
        table.Add(Mnemonic.Xchg, Xchg);
        table.Add(Mnemonic.Xadd, Xadd);
        table.Add(Mnemonic.Cmpxchg, Cmpxchg);
        table.Add(Mnemonic.Cmpxchg8b, x => CompareExchangeWide(x, 8));
        table.Add(Mnemonic.Cmpxchg16b, x => CompareExchangeWide(x, 16));
        table.Add(Mnemonic.Bswap, Bswap);
        table.Add(Mnemonic.Movbe, Movbe);
        table.Add(Mnemonic.Xlatb, Xlat);
        table.Add(Mnemonic.Cbw, x => x.WriteRegister(Iced.Intel.Register.AX, x.Sext(x.Slot(X86Slots.Rax), 1)));
        table.Add(Mnemonic.Cwde, x => x.WriteRegister(Iced.Intel.Register.EAX, x.Sext(x.Slot(X86Slots.Rax), 2)));
        table.Add(Mnemonic.Cdqe, x => x.Ir.SetRegister(X86Slots.Rax, x.Sext(x.Slot(X86Slots.Rax), 4)));
        table.Add(Mnemonic.Cwd, x => x.WriteRegister(Iced.Intel.Register.DX, x.Sext(x.Slot(X86Slots.Rax), 2) >> 16));
        table.Add(Mnemonic.Cdq, x => x.Ir.SetRegister(X86Slots.Rdx, x.Ir.Binary(Uop.Sar32, x.Slot(X86Slots.Rax), x.Const(31))));
        table.Add(Mnemonic.Cqo, x => x.Ir.SetRegister(X86Slots.Rdx, x.Slot(X86Slots.Rax) >> 63));
        table.Add(Cmov, Mnemonic.Cmova, Mnemonic.Cmovae, Mnemonic.Cmovb, Mnemonic.Cmovbe, Mnemonic.Cmove, Mnemonic.Cmovg, Mnemonic.Cmovge, Mnemonic.Cmovl, Mnemonic.Cmovle, Mnemonic.Cmovne, Mnemonic.Cmovno, Mnemonic.Cmovnp, Mnemonic.Cmovns, Mnemonic.Cmovo, Mnemonic.Cmovp, Mnemonic.Cmovs);
        table.Add(x => x.Write(0, x.Condition(FlagKernels.NumberOf(x.Instruction.ConditionCode))), Mnemonic.Seta, Mnemonic.Setae, Mnemonic.Setb, Mnemonic.Setbe, Mnemonic.Sete, Mnemonic.Setg, Mnemonic.Setge, Mnemonic.Setl, Mnemonic.Setle, Mnemonic.Setne, Mnemonic.Setno, Mnemonic.Setnp, Mnemonic.Setns, Mnemonic.Seto, Mnemonic.Setp, Mnemonic.Sets);
        table.Add(_ => { }, Mnemonic.Nop, Mnemonic.Endbr64, Mnemonic.Endbr32, Mnemonic.Reservednop, Mnemonic.Prefetch, Mnemonic.Prefetchw, Mnemonic.Prefetchnta, Mnemonic.Prefetcht0, Mnemonic.Prefetcht1, Mnemonic.Prefetcht2, Mnemonic.Prefetchit0, Mnemonic.Prefetchit1, Mnemonic.Prefetchwt1, Mnemonic.Cldemote, Mnemonic.Sfence, Mnemonic.Lfence, Mnemonic.Mfence);
        table.Add(Code.Reservednop_rm16_r16_0F0D, ReservedPrefetch);
        table.Add(Code.Reservednop_rm32_r32_0F0D, ReservedPrefetch);
        table.Add(Code.Reservednop_rm64_r64_0F0D, ReservedPrefetch);
    }

    /// <summary>PREFETCH with a register: an invalid opcode of AMD's processors, nothing on Intel's.</summary>
    private static void ReservedPrefetch(LiftContext x)
    {
        if (x.Cpu.CpuModel.IsAmd && !x.IsMemory(0))
        {
            x.Undefined();
        }
    }

    private static void Mov(LiftContext x)
    {
        Register target = x.Instruction.Op0Register, source = x.Instruction.GetOpKind(1) == OpKind.Register ? x.Instruction.Op1Register : Iced.Intel.Register.None;
        if (target.IsSegmentRegister() || source.IsSegmentRegister() || target.IsCR() || source.IsCR() || target.IsDR() || source.IsDR() || target.IsTR() || source.IsTR())
        {
            SystemInstructions.Mov(x);
            return;
        }

        x.Write(0, x.Read(1));
    }

    private static void Lea(LiftContext x) => x.Write(0, x.Offset());

    private static void Xchg(LiftContext x)
    {
        // Where one operand is memory, it is the first one or the second one: the store comes before the register.
        (int memory, int other) = x.IsMemory(1) ? (1, 0) : (0, 1);
        Val a = x.Read(memory), b = x.Copy(x.Read(other));
        a = x.IsMemory(memory) ? a : x.Copy(a);
        x.Write(memory, b);
        x.Write(other, a);
    }

    private static void Xadd(LiftContext x)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.Read(0)), b = x.Copy(x.Read(1)), sum = x.Ir.Binary(width == 4 ? Uop.Add32 : Uop.Add, a, b);
        if (x.IsMemory(0))
        {
            x.Write(0, sum);
            x.Write(1, a);
        }
        else
        {
            x.Write(1, a);
            x.Write(0, sum);
        }

        x.SetFlags(FlagKind.Add, width, a, b);
    }

    /// <summary>CMPXCHG: the destination is written in any case, with its own value where the comparison fails.</summary>
    private static void Cmpxchg(LiftContext x)
    {
        int width = x.Width(0);
        Val destination = x.Copy(x.Read(0)), accumulator = x.Copy(x.Slot(X86Slots.Rax)), source = x.Read(1);
        Val a = x.Zext(accumulator, width), b = x.Zext(destination, width);
        Val equal = x.Ir.Binary(Uop.SetEq, a, b);
        Val written = x.Copy(destination);
        x.Ir.Conditional(Uop.CmovNe, written.Slot, equal, source);
        if (x.IsMemory(0))
        {
            x.Write(0, written);
            WriteAccumulator();
        }
        else if (x.Instruction.Op0Register.GetSize() < 4)
        {
            WriteAccumulator();
            x.Write(0, written);
        }
        else
        {
            // A 32-bit register that stays keeps its upper half; only what is written is extended.
            WriteAccumulator();
            x.Ir.Conditional(Uop.CmovNe, x.RegisterSlot(0), equal, x.Zext(written, width));
        }

        x.SetFlags(FlagKind.Sub, width, accumulator, destination);

        void WriteAccumulator()
        {
            Val loaded = width < 4 ? x.Ir.Binary(width == 1 ? Uop.Insert8 : Uop.Insert16, x.Slot(X86Slots.Rax), destination) : b;
            x.Ir.Conditional(Uop.CmovEq, X86Slots.Rax, equal, loaded);
        }
    }

    private static void CompareExchangeWide(LiftContext x, int width)
    {
        x.Helper(X86Helpers.CompareExchangeWide, x.Address(width, isWrite: true), (ulong)width);
        x.ForgetFlags();
    }

    private static void Bswap(LiftContext x)
    {
        int slot = x.RegisterSlot(0);
        switch (x.Width(0))
        {
            case 8:
                x.Ir.SetRegister(slot, x.Ir.Pure(Swap64, x.Slot(slot), x.Slot(slot)));
                break;
            case 4:
                x.Ir.SetRegister(slot, x.Ir.Pure(Swap32, x.Slot(slot), x.Slot(slot)));
                break;
            default:
                // Undefined by the manual; processors clear the word.
                x.Write(0, x.Const(0));
                break;
        }
    }

    private static void Movbe(LiftContext x)
    {
        Val value = x.Read(1);
        x.Write(0, x.Ir.Pure(x.Width(0) switch { 2 => Swap16, 4 => Swap32, _ => Swap64 }, value, value));
    }

    private static void Xlat(LiftContext x)
    {
        Val index = x.Zext(x.Slot(X86Slots.Rax), 1);
        int width = x.Instruction.MemoryBase.GetSize();
        Val offset = x.Zext(x.Slot(X86Slots.Rbx) + index, width);
        (Val address, long displacement) = x.Through(LiftContext.SegmentOf(x.Instruction.MemorySegment), offset, 0, 1, isWrite: false);
        x.WriteRegister(Iced.Intel.Register.AL, x.Ir.Load(Uop.Load8, address, displacement));
    }

    /// <summary>CMOVcc: the source is read in any case, and a 32-bit destination gets zeros above in any case.</summary>
    private static void Cmov(LiftContext x)
    {
        Val source = x.Read(1);
        Val condition = x.Condition(FlagKernels.NumberOf(x.Instruction.ConditionCode));
        int slot = x.RegisterSlot(0);
        switch (x.Width(0))
        {
            case 8:
                x.Ir.Conditional(Uop.CmovNe, slot, condition, source);
                break;
            case 4:
                x.Ir.Conditional(Uop.CmovNe, slot, condition, source);
                x.Ir.SetRegister(slot, x.Zext(x.Slot(slot), 4));
                break;
            default:
                x.Ir.Conditional(Uop.CmovNe, slot, condition, x.Ir.Binary(Uop.Insert16, x.Slot(slot), source));
                break;
        }
    }

    private static ulong Swap16Of(ulong a, ulong b) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((ushort)a);

    private static ulong Swap32Of(ulong a, ulong b) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness((uint)a);

    private static ulong Swap64Of(ulong a, ulong b) => System.Buffers.Binary.BinaryPrimitives.ReverseEndianness(a);
}
