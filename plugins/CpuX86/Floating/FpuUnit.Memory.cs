namespace Kmem.Plugins.CpuX86.Floating;

/// <content>Loads and stores.</content>
internal static unsafe partial class FpuUnit
{
    /// <summary>Width in bytes of the memory operand of an opcode (second byte below C0); 0 for those whose width the mode decides, and for what there isn't.</summary>
    public static int MemoryWidth(uint opcode)
    {
        uint group = (opcode >> 3) & 7;
        return (opcode >> 8) switch
        {
            0 => 4,
            1 => group is 0 or 2 or 3 ? 4 : group is 5 or 7 ? 2 : 0,
            2 => 4,
            3 => group < 4 ? 4 : group is 5 or 7 ? 10 : 0,
            4 => 8,
            5 => group < 4 ? 8 : group == 7 ? 2 : 0,
            6 => 2,
            _ => group < 4 ? 2 : group is 4 or 6 ? 10 : 8,
        };
    }

    /// <summary>Whether an opcode with a memory operand writes it.</summary>
    public static bool IsStore(uint opcode)
    {
        uint group = (opcode >> 3) & 7;
        return (opcode >> 8) switch
        {
            1 => group is 2 or 3 or 6 or 7,
            3 => group is 1 or 2 or 3 or 7,
            5 => group is 1 or 2 or 3 or 6 or 7,
            7 => group is 1 or 2 or 3 or 6 or 7,
            _ => false,
        };
    }

    /// <summary>FLD, FILD, FBLD from memory.</summary>
    /// <param name="r">The registers.</param>
    /// <param name="opcode">11 bits.</param>
    /// <param name="low">The operand.</param>
    /// <param name="high">Its bytes 8 and 9.</param>
    public static void ExecuteLoad(FpuRegisters* r, uint opcode, ulong low, ushort high)
    {
        uint group = (opcode >> 3) & 7;
        switch (opcode >> 8)
        {
            case 1:
                LoadReal(r, Operand.OfSingle((uint)low));
                break;
            case 3:
                Push(r, group == 5 ? new Extended(low, high) : Operand.OfInteger((int)low).ToExtended());
                break;
            case 5:
                LoadReal(r, Operand.OfDouble(low));
                break;
            default:
                Push(r, group == 0 ? Operand.OfInteger((short)low).ToExtended() : group == 4 ? ExtendedConversions.OfPackedDecimal(low, high) : Operand.OfInteger((long)low).ToExtended());
                break;
        }
    }

    /// <summary>FST, FSTP, FIST, FISTP, FISTTP, FBSTP to memory: changes the registers, and tells what is to be written.</summary>
    /// <param name="r">The registers.</param>
    /// <param name="opcode">11 bits.</param>
    /// <param name="low">The operand.</param>
    /// <param name="high">Its bytes 8 and 9.</param>
    /// <returns>Whether there is anything to write: not where an exception forbids it.</returns>
    public static bool ExecuteStore(FpuRegisters* r, uint opcode, out ulong low, out ushort high)
    {
        uint kind = opcode >> 8, group = (opcode >> 3) & 7;
        bool pop = group != 2;
        (low, high) = (0, 0);
        FloatingContext context = r->Context;
        bool isEmpty = r->IsEmpty(0);
        if (isEmpty && !r->RaiseStackFault(overflow: false))
        {
            return false;
        }

        // What an empty register gives where that is masked is what Indefinite gives, without a second exception.
        Operand value = isEmpty ? new Operand { Class = OperandClass.QuietNan, Image = Extended.Indefinite, Value = new Number(true, 0, 0) } : Operand.Of(r->Read(0));
        if (kind == 3 && group == 7)
        {
            Extended image = isEmpty ? Extended.Indefinite : r->Read(0);
            (low, high) = (image.Significand, image.SignExponent);
        }
        else if (kind is 1 or 5 && group != 1)
        {
            low = kind == 1 ? ExtendedConversions.ToSingle(value, ref context) : ExtendedConversions.ToDouble(value, ref context);
        }
        else if (kind == 7 && group == 6)
        {
            low = ExtendedConversions.ToPackedDecimal(value, ref context, out high);
        }
        else
        {
            context.Rounding = group == 1 ? RoundingControl.Zero : context.Rounding;
            low = ExtendedConversions.ToInteger(value, kind == 3 ? 32 : kind == 5 || group == 7 ? 64 : 16, ref context);
        }

        if (!isEmpty)
        {
            // An overflow or underflow that is not masked leaves memory and register alone.
            FloatingFlags forbidding = FloatingFlags.Invalid | FloatingFlags.Overflow | FloatingFlags.Underflow;
            bool refused = (context.Raised & ~context.Masked & forbidding) != 0;
            if (refused)
            {
                context.Raised &= ~FloatingFlags.Precision;
            }

            r->SetC1(context.RoundedUp && !refused);
            r->Raise(context.Raised);
            if (refused)
            {
                return false;
            }
        }

        if (pop)
        {
            r->Pop();
        }

        return true;
    }

    /// <summary>FLD m32, FLD m64: with the exceptions of a conversion.</summary>
    private static void LoadReal(FpuRegisters* r, in Operand value)
    {
        if (!r->IsEmpty(7))
        {
            Push(r, default);
            return;
        }

        FloatingFlags raised = value.Class == OperandClass.SignalingNan ? FloatingFlags.Invalid : value.IsDenormal ? FloatingFlags.Denormal : 0;
        r->SetC1(value: false);
        if (r->Raise(raised) && raised == FloatingFlags.Invalid)
        {
            return;
        }

        // A denormal is exact in a register; it is loaded even where that exception is not masked.
        r->Push(value.IsNan ? value.Image.Quieted() : value.ToExtended());
    }
}
