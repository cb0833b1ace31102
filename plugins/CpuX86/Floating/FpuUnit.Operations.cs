namespace Kmem.Plugins.CpuX86.Floating;

/// <content>Operations of the opcode D9 on one and two registers.</content>
internal static unsafe partial class FpuUnit
{
    /// <summary>Operations on ST(0).</summary>
    private enum UnaryOperation
    {
        SquareRoot,
        RoundToInteger,
        PowerOfTwo,
        Sine,
        Cosine,
        Tangent,
        SineAndCosine,
    }

    /// <summary>Operations on ST(0) and ST(1) that pop.</summary>
    private enum BinaryOperation
    {
        Logarithm,
        LogarithmOfOnePlus,
        ArcTangent,
    }

    private static void Unary(FpuRegisters* r, UnaryOperation operation)
    {
        if (operation >= UnaryOperation.Sine)
        {
            r->Status &= ~(ulong)FpuRegisters.C2;
        }

        if (r->IsEmpty(0))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        FloatingContext context = r->Context;
        var a = Operand.Of(r->Read(0));
        Extended result;
        switch (operation)
        {
            case UnaryOperation.SquareRoot:
                result = ExtendedArithmetic.SquareRoot(a, ref context);
                break;
            case UnaryOperation.RoundToInteger:
                result = ExtendedArithmetic.RoundToInteger(a, ref context);
                break;
            case UnaryOperation.PowerOfTwo:
                result = Transcendental.PowerOfTwoMinusOne(a, ref context);
                break;
            default:
                if (Trigonometry.IsOutOfRange(a))
                {
                    r->Status |= FpuRegisters.C2;
                    r->SetC1(value: false);
                    return;
                }

                result = operation == UnaryOperation.Sine ? Trigonometry.Sine(a, ref context) : Trigonometry.Cosine(a, ref context);
                break;
        }

        Deliver(r, 0, result, context);
    }

    /// <summary>FPTAN and FSINCOS: they need a register to push to.</summary>
    private static void UnaryAndPush(FpuRegisters* r, UnaryOperation operation)
    {
        r->Status &= ~(ulong)FpuRegisters.C2;
        if (r->IsEmpty(0) || !r->IsEmpty(7))
        {
            if (r->RaiseStackFault(overflow: !r->IsEmpty(0)))
            {
                r->Write(0, Extended.Indefinite);
                r->Push(Extended.Indefinite);
            }

            return;
        }

        var a = Operand.Of(r->Read(0));
        if (Trigonometry.IsOutOfRange(a))
        {
            r->Status |= FpuRegisters.C2;
            r->SetC1(value: false);
            return;
        }

        FloatingContext context = r->Context;
        FloatingContext second = context;
        Extended result = operation == UnaryOperation.Tangent ? Trigonometry.Tangent(a, ref context) : Trigonometry.Sine(a, ref context);
        Extended pushed = operation == UnaryOperation.Tangent ? (a.IsNan || a.Class == OperandClass.Infinity ? result : Extended.One) : Trigonometry.Cosine(a, ref second);
        context.Raised |= second.Raised;
        if (Deliver(r, 0, result, context))
        {
            r->Push(pushed);
        }
    }

    private static void LastTwo(FpuRegisters* r, BinaryOperation operation)
    {
        if (r->IsEmpty(0) || r->IsEmpty(1))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(1, Extended.Indefinite);
                r->Pop();
            }

            return;
        }

        FloatingContext context = r->Context;
        var x = Operand.Of(r->Read(0));
        var y = Operand.Of(r->Read(1));
        Extended result = operation switch
        {
            BinaryOperation.Logarithm => Transcendental.Logarithm(x, y, ref context),
            BinaryOperation.LogarithmOfOnePlus => Transcendental.LogarithmOfOnePlus(x, y, ref context),
            _ => Trigonometry.ArcTangent(x, y, ref context),
        };
        if (Deliver(r, 1, result, context))
        {
            r->Pop();
        }
    }

    private static void Scale(FpuRegisters* r)
    {
        if (r->IsEmpty(0) || r->IsEmpty(1))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        FloatingContext context = r->Context;
        Extended result = ExtendedArithmetic.Scale(Operand.Of(r->Read(0)), Operand.Of(r->Read(1)), ref context);
        Deliver(r, 0, result, context);
    }

    private static void Remainder(FpuRegisters* r, bool toNearest)
    {
        r->Status &= ~(ulong)FpuRegisters.C2;
        if (r->IsEmpty(0) || r->IsEmpty(1))
        {
            if (r->RaiseStackFault(overflow: false))
            {
                r->Write(0, Extended.Indefinite);
            }

            return;
        }

        FloatingContext context = r->Context;
        var a = Operand.Of(r->Read(0));
        var b = Operand.Of(r->Read(1));
        Extended result = ExtendedRemainder.Remainder(a, b, toNearest, ref context, out ulong quotient, out bool isPartial);
        if (Deliver(r, 0, result, context) && !a.IsNan && !b.IsNan && (context.Raised & FloatingFlags.Invalid) == 0)
        {
            r->SetConditions(isPartial ? FpuRegisters.C2
                : ((quotient & 1) != 0 ? FpuRegisters.C1 : 0) | ((quotient & 2) != 0 ? FpuRegisters.C3 : 0) | ((quotient & 4) != 0 ? FpuRegisters.C0 : 0));
        }
    }

    private static void Extract(FpuRegisters* r)
    {
        if (r->IsEmpty(0) || !r->IsEmpty(7))
        {
            if (r->RaiseStackFault(overflow: !r->IsEmpty(0)))
            {
                r->Write(0, Extended.Indefinite);
                r->Push(Extended.Indefinite);
            }

            return;
        }

        FloatingContext context = r->Context;
        Extended exponent = ExtendedArithmetic.Extract(Operand.Of(r->Read(0)), ref context, out Extended significand);
        if (Deliver(r, 0, exponent, context))
        {
            r->Push(significand);
        }
    }
}
