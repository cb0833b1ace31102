namespace Kmem.Plugins.CpuX86.Floating;

/// <content>The opcodes D9 and DD with a register operand, moves on the stack, control instructions.</content>
internal static unsafe partial class FpuUnit
{
    /// <summary>FNCLEX: the exceptions' flags are cleared.</summary>
    public static void ClearExceptions(FpuRegisters* r) => r->Status &= ~(ulong)(FpuRegisters.Busy | 0xFF);

    /// <summary>FLDCW: an exception that was found and is not masked any more is pending.</summary>
    public static void LoadControl(FpuRegisters* r, ulong value)
    {
        r->Control = NormalizeControl(value);
        r->Summarize();
    }

    /// <summary>The control word as it reads after a write: bit 6 is always set, bits 7 and 13 to 15 never.</summary>
    public static ulong NormalizeControl(ulong value) => (value & 0x1F3F) | 0x40;

    private static void Control(FpuRegisters* r, int i)
    {
        if (i == 2)
        {
            ClearExceptions(r);
        }
        else if (i == 3)
        {
            r->Initialize();
        }
    }

    private static void ExecuteDD(FpuRegisters* r, uint group, int i)
    {
        switch (group)
        {
            case 0:
                Free(r, i);
                break;
            case 1:
                Exchange(r, i);
                break;
            case 2:
            case 3:
                Store(r, i, pop: group == 3);
                break;
            default:
                Compare(r, i, isUnordered: true, pops: group == 5 ? 1 : 0);
                break;
        }
    }

    private static void ExecuteD9(FpuRegisters* r, uint group, int i)
    {
        switch ((group << 3) | (uint)i)
        {
            case < 8:
                Duplicate(r, i);
                break;
            case < 16:
                Exchange(r, i);
                break;
            case 16:
                // FNOP.
                break;
            case >= 24 and < 32:
                // An old copy of FSTP that does not mind an empty register.
                if (r->IsEmpty(0))
                {
                    r->SetC1(value: false);
                    r->Pop();
                }
                else
                {
                    Store(r, i, pop: true);
                }

                break;
            case 32:
            case 33:
                ChangeSign(r, clear: i == 1);
                break;
            case 36:
                Test(r);
                break;
            case 37:
                Examine(r);
                break;
            case >= 40 and < 47:
                Push(r, Constant(i, r->Context));
                break;
            case 48:
                Unary(r, UnaryOperation.PowerOfTwo);
                break;
            case 49:
                LastTwo(r, BinaryOperation.Logarithm);
                break;
            case 50:
                UnaryAndPush(r, UnaryOperation.Tangent);
                break;
            case 51:
                LastTwo(r, BinaryOperation.ArcTangent);
                break;
            case 52:
                Extract(r);
                break;
            case 53:
            case 56:
                Remainder(r, toNearest: i == 5);
                break;
            case 54:
            case 55:
                r->Move(i == 6 ? -1 : 1);
                r->SetC1(value: false);
                break;
            case 57:
                LastTwo(r, BinaryOperation.LogarithmOfOnePlus);
                break;
            case 58:
                Unary(r, UnaryOperation.SquareRoot);
                break;
            case 59:
                UnaryAndPush(r, UnaryOperation.SineAndCosine);
                break;
            case 60:
                Unary(r, UnaryOperation.RoundToInteger);
                break;
            case 61:
                Scale(r);
                break;
            case 62:
                Unary(r, UnaryOperation.Sine);
                break;
            case 63:
                Unary(r, UnaryOperation.Cosine);
                break;
            default:
                break;
        }
    }

    /// <summary>Pushes a value, where there is room.</summary>
    internal static void Push(FpuRegisters* r, Extended value)
    {
        if (!r->IsEmpty(7))
        {
            if (r->RaiseStackFault(overflow: true))
            {
                r->Push(Extended.Indefinite);
            }

            return;
        }

        r->SetC1(value: false);
        r->Push(value);
    }

    /// <summary>FLD ST(i).</summary>
    private static void Duplicate(FpuRegisters* r, int i)
    {
        if (r->IsEmpty(i))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Push(Extended.Indefinite);
            }

            return;
        }

        Push(r, r->Read(i));
    }

    /// <summary>FST ST(i), FSTP ST(i).</summary>
    private static void Store(FpuRegisters* r, int i, bool pop)
    {
        Extended value = r->Read(0);
        if (r->IsEmpty(0))
        {
            if (!r->RaiseStackFault(overflow: false))
            {
                return;
            }

            value = Extended.Indefinite;
        }
        else
        {
            r->SetC1(value: false);
        }

        r->Write(i, value);
        if (pop)
        {
            r->Pop();
        }
    }

    /// <summary>FXCH.</summary>
    private static void Exchange(FpuRegisters* r, int i)
    {
        Extended first = r->Read(0), second = r->Read(i);
        bool firstEmpty = r->IsEmpty(0), secondEmpty = r->IsEmpty(i);
        if (firstEmpty || secondEmpty)
        {
            if (!r->RaiseStackFault(overflow: false))
            {
                return;
            }

            first = firstEmpty ? Extended.Indefinite : first;
            second = secondEmpty ? Extended.Indefinite : second;
        }
        else
        {
            r->SetC1(value: false);
        }

        r->Write(0, second);
        r->Write(i, first);
    }

    private static void Free(FpuRegisters* r, int i)
    {
        r->Tags &= ~(1UL << r->Physical(i));
        r->SetC1(value: false);
    }

    /// <summary>FCHS, FABS.</summary>
    private static void ChangeSign(FpuRegisters* r, bool clear)
    {
        if (r->IsEmpty(0))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        r->SetC1(value: false);
        Extended value = r->Read(0);
        r->Write(0, value.WithSign(!clear && !value.IsNegative));
    }

    /// <summary>FLD1, FLDL2T, FLDL2E, FLDPI, FLDLG2, FLDLN2, FLDZ: 66-bit constants, rounded as the control word wants.</summary>
    private static Extended Constant(int i, FloatingContext context)
    {
        Number n = i switch
        {
            0 => new Number(false, 0, Extended.IntegerBit),
            1 => new Number(false, 1, 0xD49A784BCD1B8AFE, 0x492B_F6FF_4DAF_DB4C),
            2 => new Number(false, 0, 0xB8AA3B295C17F0BB, 0xBE87_FED0_691D_3E88),
            3 => new Number(false, 1, 0xC90FDAA22168C234, 0xC4C6_628B_80DC_1CD1),
            4 => new Number(false, -2, 0x9A209A84FBCFF798, 0x8F89_59AC_0B7C_9178),
            5 => new Number(false, -1, 0xB17217F7D1CF79AB, 0xC9E3_B398_03F2_F6AF),
            _ => default,
        };
        if (i == 6)
        {
            return Extended.Zero(negative: false);
        }

        context.Precision = 64;
        return Rounding.ToExtended(n, ref context);
    }
}
