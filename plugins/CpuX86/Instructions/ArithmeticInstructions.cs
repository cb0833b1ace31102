using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Addition, subtraction, logic, multiplication, division.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static class ArithmeticInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Add, Sum(FlagKind.Add, Uop.Add, Uop.Add32));
        table.Add(Mnemonic.Sub, Sum(FlagKind.Sub, Uop.Sub, Uop.Sub32));
        table.Add(Mnemonic.Cmp, Cmp);
        table.Add(Mnemonic.Adc, WithCarry(FlagKind.Add));
        table.Add(Mnemonic.Sbb, WithCarry(FlagKind.Sub));
        table.Add(Mnemonic.And, Logic(Uop.And, Uop.And32));
        table.Add(Mnemonic.Or, Logic(Uop.Or, Uop.Or32));
        table.Add(Mnemonic.Xor, Logic(Uop.Xor, Uop.Xor32));
        table.Add(Mnemonic.Test, Test);
        table.Add(Mnemonic.Inc, Step(FlagKind.Increment, 1));
        table.Add(Mnemonic.Dec, Step(FlagKind.Decrement, ulong.MaxValue));
        table.Add(Mnemonic.Neg, Neg);
        table.Add(Mnemonic.Not, Not);
        table.Add(Mnemonic.Mul, Mul);
        table.Add(Mnemonic.Imul, Imul);
        table.Add(Mnemonic.Mulx, Mulx);
        table.Add(Mnemonic.Div, x => Div(x, isSigned: false));
        table.Add(Mnemonic.Idiv, x => Div(x, isSigned: true));
        table.Add(Mnemonic.Adcx, x => AddWithFlag(x, Eflags.Cf));
        table.Add(Mnemonic.Adox, x => AddWithFlag(x, Eflags.Of));
    }

    /// <summary>ADD, SUB: DEST &lt;- DEST op SRC; all flags by the result.</summary>
    private static LiftMethod Sum(FlagKind kind, Uop wide, Uop narrow) => x =>
    {
        int width = x.Width(0);
        Val a = x.Read(0), b = x.Read(1);
        if (x.IsMemory(0))
        {
            x.Write(0, x.Ir.Binary(width == 4 ? narrow : wide, a, b));
            x.SetFlags(kind, width, a, b);
            return;
        }

        x.SetFlags(kind, width, a, b);
        if (width == 8 && b.IsConstant is false && b.Slot == a.Slot && kind == FlagKind.Sub)
        {
            x.Write(0, x.Const(0));
            return;
        }

        x.Write(0, x.Ir.Binary(width == 4 ? narrow : wide, a, b));
    };

    private static void Cmp(LiftContext x)
    {
        Val a = x.Read(0), b = x.Read(1);
        x.SetFlags(FlagKind.Sub, x.Width(0), a, b);
    }

    /// <summary>ADC, SBB.</summary>
    private static LiftMethod WithCarry(FlagKind kind) => x =>
    {
        int width = x.Width(0);
        Val a = x.Copy(x.Read(0)), b = x.Copy(x.Read(1)), carry = x.Copy(x.Carry());
        Val result = kind == FlagKind.Add ? a + b + carry : a - b - carry;
        x.Write(0, result);
        x.SetFlagsWithCarry(kind, width, a, b, carry);
    };

    /// <summary>AND, OR, XOR: CF and OF become 0.</summary>
    private static LiftMethod Logic(Uop wide, Uop narrow) => x =>
    {
        int width = x.Width(0);
        if (wide == Uop.Xor && !x.IsMemory(0) && x.Instruction.GetOpKind(1) == OpKind.Register && x.Instruction.Op0Register == x.Instruction.Op1Register)
        {
            x.Write(0, x.Const(0));
            x.SetFlags(FlagKind.Logic, width, x.Const(0));
            return;
        }

        Val result = x.Ir.Binary(width == 4 ? narrow : wide, x.Read(0), x.Read(1));
        x.Write(0, result);
        x.SetFlags(FlagKind.Logic, width, x.After(0, result));
    };

    private static void Test(LiftContext x)
    {
        Val a = x.Read(0), b = x.Read(1);
        bool isSame = !a.IsConstant && !b.IsConstant && a.Slot == b.Slot;
        x.SetFlags(FlagKind.Logic, x.Width(0), isSame ? a : x.Ir.Binary(Uop.And, a, b));
    }

    /// <summary>INC, DEC: CF stays.</summary>
    private static LiftMethod Step(FlagKind kind, ulong step) => x =>
    {
        int width = x.Width(0);
        Val a = x.Read(0), carry = x.Copy(x.Carry());
        Val result = x.Ir.Binary(width == 4 ? Uop.Add32 : Uop.Add, a, x.Const(width == 4 ? (uint)step : step));
        x.Write(0, result);
        x.SetFlags(kind, width, x.After(0, result), carry);
    };

    private static void Neg(LiftContext x)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.Read(0));
        x.Write(0, x.Ir.Binary(width == 4 ? Uop.Sub32 : Uop.Sub, x.Const(0), a));
        x.SetFlags(FlagKind.Sub, width, x.Const(0), a);
    }

    private static void Not(LiftContext x) => x.Write(0, x.Ir.Binary(x.Width(0) == 4 ? Uop.Xor32 : Uop.Xor, x.Read(0), x.Const(x.Width(0) == 4 ? uint.MaxValue : ulong.MaxValue)));

    /// <summary>MUL: CF and OF tell whether the upper half is not zero.</summary>
    private static void Mul(LiftContext x)
    {
        int width = x.Width(0);
        if (width == 8)
        {
            Val a = x.Copy(x.Slot(X86Slots.Rax)), b = x.Copy(x.Read(0));
            x.Ir.SetRegister(X86Slots.Rax, a * b);
            x.Ir.SetRegister(X86Slots.Rdx, x.Ir.Binary(Uop.MulHighU, a, b));
            x.SetFlags(FlagKind.Carry, 8, x.Slot(X86Slots.Rax), IsNotZero(x, x.Slot(X86Slots.Rdx)));
            return;
        }

        Val product = x.Zext(x.Slot(X86Slots.Rax), width) * x.ReadZext(0);
        WriteProduct(x, product, width);
        x.SetFlags(FlagKind.Carry, width, product, IsNotZero(x, product >>> (8 * width)));
    }

    private static void Imul(LiftContext x)
    {
        int operands = x.Instruction.OpCount, width = x.Width(0);
        Val a = operands == 1 ? x.Slot(X86Slots.Rax) : x.Read(operands == 3 ? 1 : 0), b = operands == 3 ? x.Read(2) : operands == 2 ? x.Read(1) : x.Read(0);
        if (width == 8)
        {
            a = x.Copy(a);
            b = x.Copy(b);
            Val low = x.Copy(a * b), high = x.Ir.Binary(Uop.MulHighS, a, b);
            Val overflows = IsNotZero(x, high ^ (low >> 63));
            if (operands == 1)
            {
                x.Ir.SetRegister(X86Slots.Rdx, x.Copy(high));
                x.Ir.SetRegister(X86Slots.Rax, low);
            }
            else
            {
                x.Write(0, low);
            }

            x.SetFlags(FlagKind.Carry, 8, low, overflows);
            return;
        }

        Val product = x.Sext(a, width) * x.Sext(b, width);
        Val isWide = IsNotZero(x, x.Sext(product, width) ^ product);
        if (operands == 1)
        {
            WriteProduct(x, product, width);
        }
        else
        {
            x.Write(0, product);
        }

        x.SetFlags(FlagKind.Carry, width, product, isWide);
    }

    private static void Mulx(LiftContext x)
    {
        int width = x.Width(0);
        Val a = x.Zext(x.Slot(X86Slots.Rdx), width), b = x.ReadZext(2);
        Val low, high;
        if (width == 8)
        {
            (a, b) = (x.Copy(a), x.Copy(b));
            (low, high) = (x.Copy(a * b), x.Copy(x.Ir.Binary(Uop.MulHighU, a, b)));
        }
        else
        {
            Val product = a * b;
            (low, high) = (product, product >>> 32);
        }

        // Where both destinations are one, it gets the upper half.
        x.Write(1, low);
        x.Write(0, high);
    }

    /// <summary>DIV, IDIV: #DE where the divisor is zero or the quotient too large.</summary>
    private static void Div(LiftContext x, bool isSigned)
    {
        int width = x.Width(0);
        Val divisor = isSigned ? x.ReadSext(0) : x.ReadZext(0), quotient, remainder;
        if (width == 8)
        {
            Val low = x.Slot(X86Slots.Rax), high = x.Slot(X86Slots.Rdx);
            x.Ir.Limit(X86Helpers.DivideError, x.Ir.Pure3(isSigned ? DivisionKernels.OverflowsS64 : DivisionKernels.OverflowsU64, low, high, divisor), X86Slots.Zero, 0, 0);
            quotient = x.Ir.Pure3(isSigned ? DivisionKernels.QuotientS64 : DivisionKernels.QuotientU64, low, high, divisor);
            remainder = x.Ir.Pure3(isSigned ? DivisionKernels.RemainderS64 : DivisionKernels.RemainderU64, low, high, divisor);
            x.Ir.SetRegister(X86Slots.Rax, quotient);
            x.Ir.SetRegister(X86Slots.Rdx, remainder);
            return;
        }

        Val dividend = width switch
        {
            1 => x.Zext(x.Slot(X86Slots.Rax), 2),
            2 => x.Zext(x.Slot(X86Slots.Rax), 2) | (x.Zext(x.Slot(X86Slots.Rdx), 2) << 16),
            _ => x.Zext(x.Slot(X86Slots.Rax), 4) | (x.Slot(X86Slots.Rdx) << 32),
        };
        if (isSigned && width < 4)
        {
            dividend = x.Sext(dividend, 2 * width);
        }

        Val overflows = isSigned ? x.Ir.Pure3(DivisionKernels.OverflowsS, dividend, divisor, x.Const((ulong)width)) : x.Ir.Binary(Uop.SetLeU, divisor, dividend >>> (8 * width));
        x.Ir.Limit(X86Helpers.DivideError, overflows, X86Slots.Zero, 0, 0);
        quotient = x.Ir.Pure(isSigned ? DivisionKernels.QuotientS : DivisionKernels.QuotientU, dividend, divisor);
        remainder = x.Ir.Pure(isSigned ? DivisionKernels.RemainderS : DivisionKernels.RemainderU, dividend, divisor);
        if (width == 1)
        {
            x.WriteRegister(Iced.Intel.Register.AX, x.Ir.Binary(Uop.Insert8H, x.Zext(quotient, 1), remainder));
            return;
        }

        x.WriteRegister(width == 2 ? Iced.Intel.Register.AX : Iced.Intel.Register.EAX, quotient);
        x.WriteRegister(width == 2 ? Iced.Intel.Register.DX : Iced.Intel.Register.EDX, remainder);
    }

    /// <summary>ADCX, ADOX: an addition whose carry is CF or OF alone.</summary>
    private static void AddWithFlag(LiftContext x, ulong flag)
    {
        int width = x.Width(0), shift = flag == Eflags.Cf ? 0 : 11;
        Val a = x.Copy(x.Read(0)), b = x.Copy(x.Read(1)), flags = x.Copy(x.Flags());
        Val carry = (flags >>> shift) & 1, leaves;
        if (width == 4)
        {
            Val sum = x.Zext(a, 4) + x.Zext(b, 4) + carry;
            leaves = sum >>> 32;
            x.Write(0, sum);
        }
        else
        {
            Val sum = a + b, result = x.Copy(sum + carry);
            leaves = x.Ir.Binary(Uop.SetLtU, sum, a) | x.Ir.Binary(Uop.SetLtU, result, sum);
            x.Write(0, result);
        }

        x.SetFlags((flags & ~flag) | (shift == 0 ? leaves : leaves << shift));
    }

    /// <summary>CF and OF where a value is not zero.</summary>
    private static Val IsNotZero(LiftContext x, Val value) => x.Ir.Binary(Uop.SetLtU, x.Const(0), value) * x.Const(Eflags.Cf | Eflags.Of);

    private static void WriteProduct(LiftContext x, Val product, int width)
    {
        switch (width)
        {
            case 1:
                x.WriteRegister(Iced.Intel.Register.AX, product);
                break;
            case 2:
                x.WriteRegister(Iced.Intel.Register.AX, product);
                x.WriteRegister(Iced.Intel.Register.DX, product >>> 16);
                break;
            default:
                x.WriteRegister(Iced.Intel.Register.EAX, x.Zext(product, 4));
                x.WriteRegister(Iced.Intel.Register.EDX, product >>> 32);
                break;
        }
    }
}
