using System.Runtime.Intrinsics;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Vectors;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>MMX: the vector instructions whose registers are the significands of the x87.</summary>
/// <remarks>
/// Source: Intel SDM volume 1, chapter 9; volume 3, 12.1 to 12.5. Each one but EMMS makes TOP zero and all registers valid; one that is written gets an exponent of ones.
/// Operations are those of XMM registers with the operand in the low half, where needed with both operands in one.
/// </remarks>
internal static unsafe class MmxInstructions
{
    private static readonly HelperFunction EnterFunction = GuestKernels.Helper(&EnterOf, EnterOf);
    private static readonly HelperFunction Operate = GuestKernels.Helper(&OperateOf, OperateOf);
    private static readonly HelperFunction Unavailable = GuestKernels.Helper(&UnavailableOf, UnavailableOf);

    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table) => table.Add(Mnemonic.Emms, Emms);

    /// <summary>Lifts an instruction that has an MMX register among its operands.</summary>
    /// <returns>Whether it has.</returns>
    public static bool TryLift(LiftContext x)
    {
        Register target = OperandRegister(x, 0), source = OperandRegister(x, 1);
        if (!target.IsMM() && !source.IsMM() && !(x.Instruction.Mnemonic == Mnemonic.Cvtpi2ps))
        {
            return false;
        }

        if ((target.IsXMM() || source.IsXMM()) && !VectorInstructions.IsAvailable(x))
        {
            return true;
        }

        if (!IsAvailable(x))
        {
            return true;
        }

        if (VectorOperations.Floats[(int)x.Instruction.Mnemonic] != null)
        {
            Convert(x, target, source);
            return true;
        }

        if (!target.IsMM())
        {
            ToGeneral(x, source - Iced.Intel.Register.MM0);
            return true;
        }

        int number = target - Iced.Intel.Register.MM0;
        Val operand = source.IsMM() ? Slot(x, source - Iced.Intel.Register.MM0)
            : x.IsMemory(1) ? x.Load(x.Width(1))
            : x.Instruction.GetOpKind(1) == OpKind.Immediate8 ? x.Const(x.Instruction.Immediate8)
            : x.Slot(x.RegisterSlot(1));
        operand = source.IsMM() ? x.Copy(operand) : operand;
        if (LaneKernels.Halves.TryGetValue(x.Instruction.Mnemonic, out PureKernel? kernel))
        {
            Enter(x);
            Write(x, number, x.Ir.Pure(kernel, Slot(x, number), operand));
            return true;
        }

        x.Helper(Operate, operand, (ulong)x.Instruction.Mnemonic | ((ulong)VectorInstructions.Immediate(x) << 16) | ((ulong)number << 24));
        return true;
    }

    /// <summary>Ends the block with #UD or #NM where MMX instructions can't be used.</summary>
    /// <returns>Whether the instruction may go on.</returns>
    public static bool IsAvailable(LiftContext x)
    {
        if ((x.Context & X86Context.FloatingOff) == 0)
        {
            return true;
        }

        x.Ir.ExitHelper(Unavailable, x.Const(0), 0);
        return false;
    }

    /// <summary>What an MMX instruction does to the x87 before anything else, with #MF where an exception waits.</summary>
    public static void Enter(LiftContext x) => x.Helper(EnterFunction, x.Const(0), 0);

    /// <summary>Sets an MMX register.</summary>
    public static void Write(LiftContext x, int number, Val value)
    {
        x.Ir.SetRegister(X86Slots.X87Significand + number, value);
        x.Ir.SetRegister(X86Slots.X87Exponent + number, x.Const(0xFFFF));
    }

    private static Val Slot(LiftContext x, int number) => x.Slot(X86Slots.X87Significand + number);

    private static Register OperandRegister(LiftContext x, int operand) =>
        x.Instruction.OpCount > operand && x.Instruction.GetOpKind(operand) == OpKind.Register ? x.Instruction.GetOpRegister(operand) : Iced.Intel.Register.None;

    /// <summary>PMOVMSKB, PEXTRW.</summary>
    private static void ToGeneral(LiftContext x, int number)
    {
        Enter(x);
        Val value = Slot(x, number);
        int bit = (int)(VectorInstructions.Immediate(x) & 3) * 16;
        value = x.Instruction.Mnemonic == Mnemonic.Pmovmskb ? x.Ir.Pure(LaneKernels.ByteSigns, value, value) : x.Zext(bit == 0 ? value : value >>> bit, 2);
        x.WriteRegister(x.Instruction.Op0Register, value);
    }

    /// <summary>CVTPI2PS, CVTPI2PD, CVTPS2PI, CVTPD2PI and the truncating ones.</summary>
    private static void Convert(LiftContext x, Register target, Register source)
    {
        (int Low, int High) place = source.IsMM() ? (X86Slots.X87Significand + (source - Iced.Intel.Register.MM0), X86Slots.Zero) : VectorInstructions.Place(x, 1);

        // CVTPI2PS and CVTPI2PD from memory leave the x87 alone.
        if (source.IsMM() || target.IsMM())
        {
            Enter(x);
        }

        int number = target - (target.IsMM() ? Iced.Intel.Register.MM0 : Iced.Intel.Register.XMM0);
        (int Low, int High) result = target.IsMM() ? (X86Slots.X87Significand + number, X86Slots.Zero) : (X86Slots.XmmLow + number, X86Slots.XmmHigh + number);
        x.Helper(VectorHelpers.Floats, x.Const(0), new VectorRequest(x.Instruction.Mnemonic, 0, result.Low, result.High, place.Low, place.High).Pack());
        if (target.IsMM())
        {
            x.Ir.SetRegister(X86Slots.X87Exponent + number, x.Const(0xFFFF));
        }
    }

    private static void Emms(LiftContext x)
    {
        if (IsAvailable(x))
        {
            x.Helper(FloatingPointHelpers.CheckPending, x.Const(0), 0);
            x.Ir.SetRegister(X86Slots.X87Tags, x.Const(0));
            x.Ir.SetRegister(X86Slots.X87Status, x.Slot(X86Slots.X87Status) & ~0x3800UL);
        }
    }

    /// <summary>Makes TOP zero and all registers valid.</summary>
    /// <returns>0, or the reason to leave: an exception waits.</returns>
    private static int Begin(CpuState* state)
    {
        if (FloatingPointHelpers.Check(state) is var reason and not 0)
        {
            return reason;
        }

        state->Slots[X86Slots.X87Status] &= ~0x3800UL;
        state->Slots[X86Slots.X87Tags] = 0xFF;
        return 0;
    }

    private static int EnterOf(CpuState* state, ulong a, ulong immediate) => Begin(state);

    private static int OperateOf(CpuState* state, ulong source, ulong immediate)
    {
        if (Begin(state) is var reason and not 0)
        {
            return reason;
        }

        int number = (int)(immediate >> 24) & 7;
        ref ulong register = ref state->Slots[X86Slots.X87Significand + number];
        register = Execute((Mnemonic)(immediate & 0x1FFF), register, source, (byte)(immediate >> 16));
        state->Slots[X86Slots.X87Exponent + number] = 0xFFFF;
        return 0;
    }

    /// <summary>An operation on two MMX registers.</summary>
    internal static ulong Execute(Mnemonic mnemonic, ulong d, ulong s, uint immediate)
    {
        Vector128<byte> x = Vector128.CreateScalar(d).AsByte(), y = Vector128.CreateScalar(s).AsByte();
        switch (mnemonic)
        {
            case Mnemonic.Packsswb or Mnemonic.Packssdw or Mnemonic.Packuswb or Mnemonic.Phaddw or Mnemonic.Phaddd or Mnemonic.Phaddsw or Mnemonic.Phsubw or Mnemonic.Phsubd or Mnemonic.Phsubsw:
                // Results of the first operand's pairs, then the second's: both in one register.
                x = Vector128.Create(d, s).AsByte();
                break;
            case Mnemonic.Punpckhbw:
                return Shuffles.Punpcklbw(x, y, 0).AsUInt64()[1];
            case Mnemonic.Punpckhwd:
                return Shuffles.Punpcklwd(x, y, 0).AsUInt64()[1];
            case Mnemonic.Punpckhdq:
                return Shuffles.Punpckldq(x, y, 0).AsUInt64()[1];
            case Mnemonic.Palignr:
                return Shuffles.AlignRight(d, s, immediate);
            case Mnemonic.Pshufb:
                y = Vector128.CreateScalar(s & 0x8787878787878787).AsByte();
                break;
            case Mnemonic.Pinsrw:
                immediate &= 3;
                break;
            default:
                break;
        }

        return VectorOperations.Integers[(int)mnemonic](x, y, immediate).AsUInt64()[0];
    }

    /// <summary>CR0.EM makes MMX instructions unknown, CR0.TS unavailable.</summary>
    private static int UnavailableOf(CpuState* state, ulong a, ulong immediate) =>
        X86Cpu.Of(state).Raise((state->Slots[X86Slots.Cr0] & Cr0.Em) != 0 ? X86Fault.InvalidOpcode : X86Fault.DeviceNotAvailable);
}
