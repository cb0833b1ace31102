using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>Floating-point operate instructions: opcodes 14, 15, 16, 17, and FTOIx, ITOFx.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 4.10 "Floating-Point Operate Format Instructions".</remarks>
internal static unsafe class FloatingInstructions
{
    private const ulong Sign = 1UL << 63, SignAndExponent = 0xFFF0_0000_0000_0000;


    private static readonly PureKernel ToS = GuestKernels.Pure(&ToSOf, ToSOf);

    /// <summary>An operate instruction of opcodes 14, 15 and 16.</summary>
    public static void Operate(LiftContext x)
    {
        if (!x.NeedsFloatingPoint())
        {
            return;
        }

        int opcode = x.Instruction.Opcode, function = x.Instruction.FloatingFunction;
        bool isIeee = opcode == 0x16 || (opcode == 0x14 && (function & 0x3F) is 0x0B or 0x2B);
        int rounding = (function >> 6) & 3, trap = (function >> 8) & 7;
        if (isIeee && x.Instruction.Rc != 31 && trap is 0 or 1 or 5 or 7
            && FloatingKernels.Find(function & 0x3F, opcode == 0x14, trapsInexact: (trap & 2) != 0, isDynamic: rounding == 3, isChopped: rounding == 0) is { } kernel && rounding != 1)
        {
            x.Ir.Guarded(kernel, AlphaSlots.F0 + x.Instruction.Rc, x.FloatingA, x.FloatingB, x.Instruction.Word);
            return;
        }

        x.Ir.Helper(AlphaHelpers.Operate, x.Ir.Const(0), x.Instruction.Word);
    }

    /// <summary>Opcode 17: CPYS, CPYSN, CPYSE, MT_FPCR, MF_FPCR, FCMOVxx, CVTLQ, CVTQL.</summary>
    public static void OperateFormatFree(LiftContext x)
    {
        if (!x.NeedsFloatingPoint())
        {
            return;
        }

        Val a = x.FloatingA, b = x.FloatingB;
        switch (x.Instruction.FloatingFunction)
        {
            case 0x020 when x.Instruction.Ra == x.Instruction.Rb:
                x.SetFloating(x.Instruction.Rc, b);
                break;
            case 0x020:
                x.SetFloating(x.Instruction.Rc, (a & Sign) | (b & ~Sign));
                break;
            case 0x021:
                x.SetFloating(x.Instruction.Rc, ((a & Sign) ^ Sign) | (b & ~Sign));
                break;
            case 0x022:
                x.SetFloating(x.Instruction.Rc, (a & SignAndExponent) | (b & ~SignAndExponent));
                break;
            case 0x024:
                x.Ir.SetRegister(AlphaSlots.Fpcr, a & Floating.FloatingControl.Stored);
                break;
            case 0x025:
                x.SetFloating(x.Instruction.Ra, x.Ir.Register(AlphaSlots.Fpcr));
                break;
            case 0x02A:
                BranchInstructions.FloatingMove(Uop.CmovEq)(x);
                break;
            case 0x02B:
                BranchInstructions.FloatingMove(Uop.CmovNe)(x);
                break;
            case 0x02C:
                BranchInstructions.FloatingMove(Uop.CmovLt)(x);
                break;
            case 0x02D:
                BranchInstructions.FloatingMove(Uop.CmovGe)(x);
                break;
            case 0x02E:
                BranchInstructions.FloatingMove(Uop.CmovLe)(x);
                break;
            case 0x02F:
                BranchInstructions.FloatingMove(Uop.CmovGt)(x);
                break;
            default:
                x.Ir.Helper(AlphaHelpers.Operate, x.Ir.Const(0), x.Instruction.Word);
                break;
        }
    }

    /// <summary>FTOIT: Rc &lt;- Fav.</summary>
    public static void Ftoit(LiftContext x)
    {
        if (x.NeedsFloatingPoint())
        {
            x.SetC(x.FloatingA);
        }
    }

    /// <summary>FTOIS: Rc &lt;- SEXT(Fav in memory format).</summary>
    public static void Ftois(LiftContext x)
    {
        if (x.NeedsFloatingPoint())
        {
            x.SetC(x.Ir.Unary(Uop.Sext32, x.Ir.Pure(ToS, x.FloatingA, x.FloatingA)));
        }
    }

    private static ulong ToSOf(ulong a, ulong b) => Floating.RegisterFormats.ToS(a);
}
