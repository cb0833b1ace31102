using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Shifts and rotations.</summary>
/// <remarks>Source: Intel SDM volume 2, SAL/SAR/SHL/SHR, RCL/RCR/ROL/ROR, SHLD, SHRD, SARX/SHLX/SHRX, RORX.</remarks>
internal static class ShiftInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(x => Shift(x, ShiftLeft), Mnemonic.Shl, Mnemonic.Sal);
        table.Add(Mnemonic.Shr, x => Shift(x, ShiftRight));
        table.Add(Mnemonic.Sar, x => Shift(x, ShiftArithmetic));
        table.Add(Mnemonic.Rol, x => Rotate(x, isLeft: true));
        table.Add(Mnemonic.Ror, x => Rotate(x, isLeft: false));
        table.Add(Mnemonic.Rcl, x => RotateThroughCarry(x, isLeft: true));
        table.Add(Mnemonic.Rcr, x => RotateThroughCarry(x, isLeft: false));
        table.Add(Mnemonic.Shld, x => ShiftDouble(x, isLeft: true));
        table.Add(Mnemonic.Shrd, x => ShiftDouble(x, isLeft: false));
        table.Add(Mnemonic.Shlx, x => x.Write(0, x.Ir.Binary(x.Width(0) == 4 ? Uop.Shl32 : Uop.Shl, x.Read(1), x.Read(2))));
        table.Add(Mnemonic.Shrx, x => x.Write(0, x.Ir.Binary(x.Width(0) == 4 ? Uop.Shr32 : Uop.Shr, x.Read(1), x.Read(2))));
        table.Add(Mnemonic.Sarx, x => x.Write(0, x.Ir.Binary(x.Width(0) == 4 ? Uop.Sar32 : Uop.Sar, x.Read(1), x.Read(2))));
        table.Add(Mnemonic.Rorx, x => x.Write(0, x.Ir.Binary(x.Width(0) == 4 ? Uop.Ror32 : Uop.Ror, x.Read(1), x.Read(2))));
    }

    /// <summary>The result of a shift and the value whose top or lowest bit was shifted out last.</summary>
    private delegate (Val Result, Val Out, FlagKind Kind) ShiftMethod(LiftContext x, Val a, Val count, int width);

    private static void Shift(LiftContext x, ShiftMethod method)
    {
        int width = x.Width(0);
        ulong mask = width == 8 ? 63UL : 31;
        Val a = x.Read(0), count = x.Read(1) & mask;
        if (count.IsConstant && count.Constant == 0)
        {
            // Nothing happens but that a 32-bit register is written.
            x.Write(0, a);
            return;
        }

        (Val result, Val last, FlagKind kind) = method(x, a, count, width);
        if (count.IsConstant)
        {
            if (x.IsMemory(0))
            {
                x.Write(0, result);
                x.SetFlags(kind, width, result, last);
                return;
            }

            x.Ir.SetRegister(X86Slots.FlagB, last);
            x.Write(0, result);
            x.SetFlags(kind, width, x.After(0, result));
            return;
        }

        (result, last, count) = (x.Copy(result), x.Copy(last), x.Copy(count));
        x.Write(0, result);
        x.SetFlagsIf(count, kind, width, result, last);
    }

    private static (Val Result, Val Out, FlagKind Kind) ShiftLeft(LiftContext x, Val a, Val count, int width) =>
        (x.Ir.Binary(width == 4 ? Uop.Shl32 : Uop.Shl, a, count), LessOne(x, Uop.Shl, a, count), FlagKind.ShiftLeft);

    private static (Val Result, Val Out, FlagKind Kind) ShiftRight(LiftContext x, Val a, Val count, int width)
    {
        a = x.Zext(a, width);
        return (x.Ir.Binary(Uop.Shr, a, count), LessOne(x, Uop.Shr, a, count), FlagKind.ShiftRight);
    }

    private static (Val Result, Val Out, FlagKind Kind) ShiftArithmetic(LiftContext x, Val a, Val count, int width)
    {
        a = x.Sext(a, width);
        return (x.Ir.Binary(Uop.Sar, a, count), LessOne(x, Uop.Sar, a, count), FlagKind.ShiftRight);
    }

    private static Val LessOne(LiftContext x, Uop code, Val a, Val count) => count.IsConstant && count.Constant == 1 ? a : x.Ir.Binary(code, a, count - 1);

    /// <summary>ROL, ROR: CF and OF change where the masked count is not zero.</summary>
    private static void Rotate(LiftContext x, bool isLeft)
    {
        int width = x.Width(0);
        Val a = x.Read(0), count = x.Read(1) & (width == 8 ? 63UL : 31);
        if (count.IsConstant && count.Constant == 0)
        {
            x.Write(0, a);
            return;
        }

        Val result = width switch
        {
            8 => x.Ir.Binary(isLeft ? Uop.Rol : Uop.Ror, a, count),
            4 => x.Ir.Binary(isLeft ? Uop.Rol32 : Uop.Ror32, a, count),
            2 => x.Ir.Pure(isLeft ? RotationKernels.Rol16 : RotationKernels.Ror16, a, count),
            _ => x.Ir.Pure(isLeft ? RotationKernels.Rol8 : RotationKernels.Ror8, a, count),
        };
        (result, count) = (x.Copy(result), x.Copy(count));
        x.Write(0, result);
        Val flags = x.Flags();
        x.SetFlags(x.Ir.Pure3(RotationKernels.FlagsOf(width, isLeft), result, count, flags));
    }

    private static void RotateThroughCarry(LiftContext x, bool isLeft)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.Read(0)), count = x.Copy(x.Read(1)), flags = x.Flags();
        Val result = x.Ir.Pure3(RotationKernels.ThroughCarry(width, isLeft), a, count, flags);
        Val after = x.Ir.Pure3(RotationKernels.ThroughCarryFlags(width, isLeft), a, count, flags);
        x.Write(0, result);
        x.SetFlags(after);
    }

    /// <summary>SHLD, SHRD. With 16 bits and a count above 16 the result is undefined; here the operands are shifted through as if they stood side by side.</summary>
    private static void ShiftDouble(LiftContext x, bool isLeft)
    {
        int width = x.Width(0);
        Val a = x.Copy(x.Read(0)), b = x.Read(1), count = x.Copy(x.Read(2) & (width == 8 ? 63UL : 31));
        Val result = x.Ir.Pure3(RotationKernels.Double(width, isLeft), a, b, count);
        Val last = isLeft ? LessOne(x, Uop.Shl, a, count) : LessOne(x, Uop.Shr, x.Zext(a, width), count);
        (result, last) = (x.Copy(result), x.Copy(last));
        x.Write(0, result);
        if (!count.IsConstant)
        {
            x.SetFlagsIf(count, isLeft ? FlagKind.ShiftLeft : FlagKind.ShiftRight, width, result, last);
        }
        else if (count.Constant != 0)
        {
            x.SetFlags(isLeft ? FlagKind.ShiftLeft : FlagKind.ShiftRight, width, result, last);
        }
    }
}
