using System.Numerics;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>String instructions: single steps are lifted, repetitions and port transfers are helpers.</summary>
/// <remarks>Source: Intel SDM volume 2, MOVS, CMPS, SCAS, LODS, STOS, INS, OUTS, REP.</remarks>
internal static class StringInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        Add(StringOperation.Move, Move, Mnemonic.Movsb, Mnemonic.Movsw, Mnemonic.Movsd, Mnemonic.Movsq);
        Add(StringOperation.Compare, Compare, Mnemonic.Cmpsb, Mnemonic.Cmpsw, Mnemonic.Cmpsd, Mnemonic.Cmpsq);
        Add(StringOperation.Scan, Scan, Mnemonic.Scasb, Mnemonic.Scasw, Mnemonic.Scasd, Mnemonic.Scasq);
        Add(StringOperation.Load, Load, Mnemonic.Lodsb, Mnemonic.Lodsw, Mnemonic.Lodsd, Mnemonic.Lodsq);
        Add(StringOperation.Store, Store, Mnemonic.Stosb, Mnemonic.Stosw, Mnemonic.Stosd, Mnemonic.Stosq);
        Add(StringOperation.Input, null, Mnemonic.Insb, Mnemonic.Insw, Mnemonic.Insd);
        Add(StringOperation.Output, null, Mnemonic.Outsb, Mnemonic.Outsw, Mnemonic.Outsd);

        void Add(StringOperation operation, Action<LiftContext, int, int>? single, params ReadOnlySpan<Mnemonic> mnemonics)
        {
            for (int i = 0; i < mnemonics.Length; i++)
            {
                int width = 1 << i;
                table.Add(mnemonics[i], x => Lift(x, operation, width, single));
            }
        }
    }

    private static void Lift(LiftContext x, StringOperation operation, int width, Action<LiftContext, int, int>? single)
    {
        // MOVSD and CMPSD are names of SSE2 instructions too.
        if (x.Instruction.Code is Code.Movsd_xmm_xmmm64 or Code.Movsd_xmmm64_xmm or Code.Cmpsd_xmm_xmmm64_imm8)
        {
            x.Undefined();
            return;
        }

        int addressWidth = AddressWidth(x.Instruction);
        bool repeats = x.Instruction.HasRepPrefix || x.Instruction.HasRepnePrefix;
        if (!repeats && single is not null)
        {
            single(x, width, addressWidth);
            return;
        }

        int segment = operation is StringOperation.Scan or StringOperation.Store or StringOperation.Input ? X86Slots.Es : LiftContext.SegmentOf(x.Instruction.MemorySegment);
        var request = new StringRequest(operation, width, addressWidth, segment, repeats ? (x.Instruction.HasRepnePrefix ? 2 : 1) : 0);
        x.Helper(X86Helpers.String, x.Const(0), request.Pack());
        if (operation is StringOperation.Compare or StringOperation.Scan)
        {
            x.ForgetFlags();
        }
    }

    private static int AddressWidth(in Instruction instruction)
    {
        for (int i = 0; i < instruction.OpCount; i++)
        {
            switch (instruction.GetOpKind(i))
            {
                case OpKind.MemorySegSI or OpKind.MemorySegDI or OpKind.MemoryESDI:
                    return 2;
                case OpKind.MemorySegESI or OpKind.MemorySegEDI or OpKind.MemoryESEDI:
                    return 4;
                case OpKind.MemorySegRSI or OpKind.MemorySegRDI or OpKind.MemoryESRDI:
                    return 8;
            }
        }

        return 8;
    }

    private static void Move(LiftContext x, int width, int addressWidth)
    {
        Val value = x.Copy(LoadFrom(x, X86Slots.Rsi, SourceSegment(x), width, addressWidth));
        StoreTo(x, width, addressWidth, value);
        Advance(x, X86Slots.Rsi, width, addressWidth);
        Advance(x, X86Slots.Rdi, width, addressWidth);
    }

    private static void Load(LiftContext x, int width, int addressWidth)
    {
        Val value = x.Copy(LoadFrom(x, X86Slots.Rsi, SourceSegment(x), width, addressWidth));
        x.WriteRegister(Accumulator(width), value);
        Advance(x, X86Slots.Rsi, width, addressWidth);
    }

    private static void Store(LiftContext x, int width, int addressWidth)
    {
        StoreTo(x, width, addressWidth, x.Slot(X86Slots.Rax));
        Advance(x, X86Slots.Rdi, width, addressWidth);
    }

    private static void Scan(LiftContext x, int width, int addressWidth)
    {
        Val value = x.Copy(LoadFrom(x, X86Slots.Rdi, X86Slots.Es, width, addressWidth));
        x.SetFlags(FlagKind.Sub, width, x.Slot(X86Slots.Rax), value);
        Advance(x, X86Slots.Rdi, width, addressWidth);
    }

    private static void Compare(LiftContext x, int width, int addressWidth)
    {
        // The manual leaves the order open; where both fault, processors tell of the second operand.
        Val b = x.Copy(LoadFrom(x, X86Slots.Rdi, X86Slots.Es, width, addressWidth));
        Val a = x.Copy(LoadFrom(x, X86Slots.Rsi, SourceSegment(x), width, addressWidth));
        x.SetFlags(FlagKind.Sub, width, a, b);
        Advance(x, X86Slots.Rsi, width, addressWidth);
        Advance(x, X86Slots.Rdi, width, addressWidth);
    }

    private static int SourceSegment(LiftContext x) => LiftContext.SegmentOf(x.Instruction.MemorySegment);

    private static Register Accumulator(int width) => width switch { 1 => Iced.Intel.Register.AL, 2 => Iced.Intel.Register.AX, 4 => Iced.Intel.Register.EAX, _ => Iced.Intel.Register.RAX };

    private static Val LoadFrom(LiftContext x, int index, int segment, int width, int addressWidth)
    {
        (Val address, long displacement) = x.Through(segment, IndexOf(x, index, addressWidth), 0, width, isWrite: false);
        return x.Ir.Load(LiftContext.LoadOf(width), address, displacement);
    }

    private static void StoreTo(LiftContext x, int width, int addressWidth, Val value)
    {
        (Val address, long displacement) = x.Through(X86Slots.Es, IndexOf(x, X86Slots.Rdi, addressWidth), 0, width, isWrite: true);
        x.Ir.Store(LiftContext.StoreOf(width), address, displacement, value);
    }

    private static Val IndexOf(LiftContext x, int index, int addressWidth) => addressWidth == 8 || (addressWidth == 4 && !x.Is64) ? x.Slot(index) : x.Zext(x.Slot(index), addressWidth);

    /// <summary>Moves an index register by the width, downwards where DF is set.</summary>
    private static void Advance(LiftContext x, int index, int width, int addressWidth)
    {
        // DF is bit 10: shifted down it is twice the width or nothing.
        Val back = (x.Slot(X86Slots.Eflags) >>> (9 - BitOperations.Log2((uint)width))) & (ulong)(2 * width);
        Val moved = x.Slot(index) + (ulong)width - back;
        switch (addressWidth)
        {
            case 2:
                x.Ir.SetRegister(index, x.Ir.Binary(Uop.Insert16, x.Slot(index), moved));
                break;
            case 4:
                x.Ir.SetRegister(index, x.Zext(moved, 4));
                break;
            default:
                x.Ir.SetRegister(index, moved);
                break;
        }
    }
}
