using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Vectors;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>SSE to SSE4.2, AES and PCLMULQDQ on XMM registers: packed and scalar operations. Moves are in <see cref="VectorMoves"/>, MMX in <see cref="MmxInstructions"/>.</summary>
/// <remarks>Source: Intel SDM volume 1, chapters 10 to 12; volume 2; exceptions by type: volume 2, 2.5 and volume 3, 2.5 and 13.1.</remarks>
internal static unsafe class VectorInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        foreach (Mnemonic mnemonic in Enum.GetValues<Mnemonic>())
        {
            if (VectorOperations.Integers[(int)mnemonic] != null)
            {
                table.Add(mnemonic, Packed);
            }
            else if (VectorOperations.Floats[(int)mnemonic] != null && mnemonic != Mnemonic.Cmpsd)
            {
                table.Add(mnemonic, Floating);
            }
        }

        // The mnemonic alone is that of a string instruction.
        table.Add(Code.Cmpsd_xmm_xmmm64_imm8, Floating);
        table.Add(Logical, Mnemonic.Pand, Mnemonic.Andps, Mnemonic.Andpd, Mnemonic.Pandn, Mnemonic.Andnps, Mnemonic.Andnpd, Mnemonic.Por, Mnemonic.Orps, Mnemonic.Orpd, Mnemonic.Pxor, Mnemonic.Xorps, Mnemonic.Xorpd);
        table.Add(Unpack, Mnemonic.Punpcklbw, Mnemonic.Punpckhbw, Mnemonic.Punpcklwd, Mnemonic.Punpckhwd, Mnemonic.Punpckldq, Mnemonic.Punpckhdq, Mnemonic.Punpcklqdq, Mnemonic.Punpckhqdq, Mnemonic.Unpcklps, Mnemonic.Unpckhps, Mnemonic.Unpcklpd, Mnemonic.Unpckhpd);
        table.Add(Shuffle, Mnemonic.Pshufd, Mnemonic.Shufps);
        table.Add(Shift, Mnemonic.Psllw, Mnemonic.Pslld, Mnemonic.Psllq, Mnemonic.Psrlw, Mnemonic.Psrld, Mnemonic.Psrlq, Mnemonic.Psraw, Mnemonic.Psrad, Mnemonic.Pslldq, Mnemonic.Psrldq);
        table.Add(Scalar, [.. ScalarKernels.Arithmetic.Keys]);
        table.Add(PackedDoubles, [.. ScalarKernels.Packed.Keys]);
        table.Add(Compare, Mnemonic.Comiss, Mnemonic.Comisd, Mnemonic.Ucomiss, Mnemonic.Ucomisd);
        table.Add(FromInteger, Mnemonic.Cvtsi2ss, Mnemonic.Cvtsi2sd);
        table.Add(ToInteger, Mnemonic.Cvtss2si, Mnemonic.Cvtsd2si, Mnemonic.Cvttss2si, Mnemonic.Cvttsd2si);
        table.Add(CompareStrings, Mnemonic.Pcmpestri, Mnemonic.Pcmpestrm, Mnemonic.Pcmpistri, Mnemonic.Pcmpistrm, Mnemonic.Pcmpestri64, Mnemonic.Pcmpestrm64);
        table.Add(Blend, Mnemonic.Pblendvb, Mnemonic.Blendvps, Mnemonic.Blendvpd);
        table.Add(Mnemonic.Ptest, Test);
        table.Add(MoveMask, Mnemonic.Pmovmskb, Mnemonic.Movmskps, Mnemonic.Movmskpd);
        table.Add(Insert, Mnemonic.Pinsrb, Mnemonic.Pinsrw, Mnemonic.Pinsrd, Mnemonic.Pinsrq);
        table.Add(Extract, Mnemonic.Pextrb, Mnemonic.Pextrw, Mnemonic.Pextrd, Mnemonic.Pextrq, Mnemonic.Extractps);
        table.Add(Mnemonic.Ldmxcsr, LoadControl);
        table.Add(Mnemonic.Stmxcsr, StoreControl);
    }

    /// <summary>Ends the block with #UD or #NM where SSE instructions can't be used.</summary>
    /// <returns>Whether the instruction may go on.</returns>
    public static bool IsAvailable(LiftContext x)
    {
        if ((x.Context & X86Context.Vectors) == 0)
        {
            x.Undefined();
            return false;
        }

        if ((x.Context & X86Context.VectorsOff) != 0)
        {
            x.Raise(X86Fault.DeviceNotAvailable);
            return false;
        }

        return true;
    }

    /// <summary>Number of an XMM register operand.</summary>
    public static int Number(LiftContext x, int operand) => x.Instruction.GetOpRegister(operand) - Iced.Intel.Register.XMM0;

    /// <summary>The immediate byte, which is the last operand.</summary>
    public static uint Immediate(LiftContext x)
    {
        int last = x.Instruction.OpCount - 1;
        return last > 0 && x.Instruction.GetOpKind(last) == OpKind.Immediate8 ? x.Instruction.Immediate8 : 0U;
    }

    /// <summary>The halves of an XMM register or of a memory operand; of a narrower operand the rest is zero.</summary>
    public static (Val Low, Val High) Read(LiftContext x, int operand, bool isAligned = true)
    {
        if (!x.IsMemory(operand))
        {
            int number = Number(x, operand);
            return (x.Slot(X86Slots.XmmLow + number), x.Slot(X86Slots.XmmHigh + number));
        }

        int width = x.Width(operand);
        return width == 16 ? x.Load128(isAligned) : (x.Load(width), x.Const(0));
    }

    /// <summary>The slots of an operand's halves; a memory operand is loaded into scratch slots.</summary>
    public static (int Low, int High) Place(LiftContext x, int operand, bool isAligned = true)
    {
        if (!x.IsMemory(operand))
        {
            int number = Number(x, operand);
            return (X86Slots.XmmLow + number, X86Slots.XmmHigh + number);
        }

        (Val low, Val high) = Read(x, operand, isAligned);
        x.Ir.SetRegister(X86Slots.Scratch, low);
        if (high.IsConstant)
        {
            return (X86Slots.Scratch, X86Slots.Zero);
        }

        x.Ir.SetRegister(X86Slots.Scratch + 1, high);
        return (X86Slots.Scratch, X86Slots.Scratch + 1);
    }

    /// <summary>Sets both halves of an XMM register.</summary>
    public static void Write(LiftContext x, int number, Val low, Val high)
    {
        x.Ir.SetRegister(X86Slots.XmmLow + number, low);
        x.Ir.SetRegister(X86Slots.XmmHigh + number, high);
    }

    private static VectorRequest Request(LiftContext x, (int Low, int High) source)
    {
        int number = Number(x, 0);
        return new VectorRequest(x.Instruction.Mnemonic, Immediate(x), X86Slots.XmmLow + number, X86Slots.XmmHigh + number, source.Low, source.High);
    }

    private static bool IsMmx(LiftContext x) => MmxInstructions.TryLift(x);

    private static void Packed(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        if (!LaneKernels.Halves.TryGetValue(x.Instruction.Mnemonic, out PureKernel? kernel))
        {
            VectorRequest request = Request(x, Place(x, 1));
            if (x.Instruction.Mnemonic == Mnemonic.Insertps && x.IsMemory(1))
            {
                // A doubleword from memory has no lanes to choose from.
                request = request with { Immediate = request.Immediate & 0x3F };
            }

            x.Helper(VectorHelpers.Integers, x.Const(0), request.Pack());
            return;
        }

        (Val low, Val high) = Read(x, 1);
        int number = Number(x, 0);
        x.Ir.SetRegister(X86Slots.XmmLow + number, x.Ir.Pure(kernel, x.Slot(X86Slots.XmmLow + number), low));
        x.Ir.SetRegister(X86Slots.XmmHigh + number, x.Ir.Pure(kernel, x.Slot(X86Slots.XmmHigh + number), high));
    }

    private static void Floating(LiftContext x)
    {
        if (!IsMmx(x) && IsAvailable(x))
        {
            x.Helper(VectorHelpers.Floats, x.Const(0), Request(x, Place(x, 1)).Pack());
        }
    }

    private static void Logical(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        int number = Number(x, 0);
        Mnemonic mnemonic = x.Instruction.Mnemonic;
        if (!x.IsMemory(1) && Number(x, 1) == number && mnemonic is Mnemonic.Pxor or Mnemonic.Xorps or Mnemonic.Xorpd)
        {
            Write(x, number, x.Const(0), x.Const(0));
            return;
        }

        (Val low, Val high) = Read(x, 1);
        x.Ir.SetRegister(X86Slots.XmmLow + number, Combine(x, mnemonic, x.Slot(X86Slots.XmmLow + number), low));
        x.Ir.SetRegister(X86Slots.XmmHigh + number, Combine(x, mnemonic, x.Slot(X86Slots.XmmHigh + number), high));
    }

    /// <summary>A logical operation on halves.</summary>
    public static Val Combine(LiftContext x, Mnemonic mnemonic, Val d, Val s) => mnemonic switch
    {
        Mnemonic.Pand or Mnemonic.Andps or Mnemonic.Andpd => d & s,
        Mnemonic.Pandn or Mnemonic.Andnps or Mnemonic.Andnpd => x.Ir.Binary(Uop.AndNot, s, d),
        Mnemonic.Por or Mnemonic.Orps or Mnemonic.Orpd => d | s,
        _ => d ^ s,
    };

    private static void Unpack(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        int number = Number(x, 0);
        (Val sourceLow, Val sourceHigh) = Read(x, 1);
        Mnemonic mnemonic = x.Instruction.Mnemonic;
        bool isHigh = mnemonic is Mnemonic.Punpckhbw or Mnemonic.Punpckhwd or Mnemonic.Punpckhdq or Mnemonic.Punpckhqdq or Mnemonic.Unpckhps or Mnemonic.Unpckhpd;
        Val a = x.Slot((isHigh ? X86Slots.XmmHigh : X86Slots.XmmLow) + number), b = isHigh ? sourceHigh : sourceLow;
        (PureKernel? low, PureKernel? high) = mnemonic switch
        {
            Mnemonic.Punpcklbw or Mnemonic.Punpckhbw => (LaneKernels.InterleaveLowBytes, LaneKernels.InterleaveHighBytes),
            Mnemonic.Punpcklwd or Mnemonic.Punpckhwd => (LaneKernels.InterleaveLowWords, LaneKernels.InterleaveHighWords),
            Mnemonic.Punpckldq or Mnemonic.Punpckhdq or Mnemonic.Unpcklps or Mnemonic.Unpckhps => (LaneKernels.InterleaveLowDoublewords, LaneKernels.InterleaveHighDoublewords),
            _ => ((PureKernel?)null, (PureKernel?)null),
        };
        if (low is null || high is null)
        {
            // Quadwords: two moves; the low half is set first, as the high one may be its source no more then.
            b = x.Copy(b);
            Write(x, number, a, b);
            return;
        }

        Val first = x.Ir.Pure(low, a, b), second = x.Ir.Pure(high, a, b);
        Write(x, number, first, second);
    }

    private static void Shuffle(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        int number = Number(x, 0);
        (Val low, Val high) source = Read(x, 1);
        (Val low, Val high) first = x.Instruction.Mnemonic == Mnemonic.Pshufd ? source : (x.Slot(X86Slots.XmmLow + number), x.Slot(X86Slots.XmmHigh + number));
        uint order = Immediate(x);
        Val newLow = Pair(x, first, order & 3, (order >> 2) & 3), newHigh = Pair(x, source, (order >> 4) & 3, order >> 6);
        Write(x, number, newLow, newHigh);
    }

    /// <summary>Two doublewords of an operand as a half; never the register itself.</summary>
    private static Val Pair(LiftContext x, (Val Low, Val High) source, uint first, uint second)
    {
        if (first == second - 1 && (first & 1) == 0)
        {
            return x.Copy(first == 0 ? source.Low : source.High);
        }

        Val a = first < 2 ? source.Low : source.High, b = second < 2 ? source.Low : source.High;
        a = (first & 1) != 0 ? a >>> 32 : a & uint.MaxValue;
        b = (second & 1) != 0 ? b & ~(ulong)uint.MaxValue : b << 32;
        return a | b;
    }

    private static void Shift(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        Mnemonic mnemonic = x.Instruction.Mnemonic;
        if (x.Instruction.GetOpKind(1) != OpKind.Immediate8)
        {
            x.Helper(VectorHelpers.Integers, x.Const(0), Request(x, Place(x, 1)).Pack());
            return;
        }

        int number = Number(x, 0), count = (int)Immediate(x);
        Val low = x.Slot(X86Slots.XmmLow + number), high = x.Slot(X86Slots.XmmHigh + number);
        switch (mnemonic)
        {
            case Mnemonic.Psllq when count < 64:
                Write(x, number, low << count, high << count);
                break;
            case Mnemonic.Psrlq when count < 64:
                Write(x, number, low >>> count, high >>> count);
                break;
            case Mnemonic.Psrldq:
                ShiftBytes(x, number, X86Slots.XmmLow, X86Slots.XmmHigh, count, isLeft: false);
                break;
            case Mnemonic.Pslldq:
                ShiftBytes(x, number, X86Slots.XmmHigh, X86Slots.XmmLow, count, isLeft: true);
                break;
            default:
                // The count is a source like any other.
                x.Ir.SetRegister(X86Slots.Scratch, x.Const((uint)count));
                x.Helper(VectorHelpers.Integers, x.Const(0), Request(x, (X86Slots.Scratch, X86Slots.Zero)).Pack());
                break;
        }
    }

    /// <summary>A shift of the whole register: the half that gets bits from the other one comes first.</summary>
    private static void ShiftBytes(LiftContext x, int number, int near, int far, int count, bool isLeft)
    {
        Val to = x.Slot(near + number), from = x.Slot(far + number);
        int bits = count * 8;
        if (count == 0)
        {
            return;
        }

        if (count >= 8)
        {
            x.Ir.SetRegister(near + number, count >= 16 ? x.Const(0) : Move(from, bits - 64, isLeft));
            x.Ir.SetRegister(far + number, x.Const(0));
            return;
        }

        x.Ir.SetRegister(near + number, Move(to, bits, isLeft) | Move(from, 64 - bits, !isLeft));
        x.Ir.SetRegister(far + number, Move(from, bits, isLeft));

        static Val Move(Val value, int bits, bool isLeft) => bits == 0 ? value : isLeft ? value << bits : value >>> bits;
    }

    private static void Scalar(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (int source, _) = Place(x, 1);
        int low = X86Slots.XmmLow + Number(x, 0);
        var request = new VectorRequest(x.Instruction.Mnemonic, 0, low, 0, source, 0);
        x.Ir.Guarded(ScalarKernels.Arithmetic[x.Instruction.Mnemonic], low, x.Slot(low), x.Slot(source), request.PackShort());
    }

    private static void PackedDoubles(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (int source, int sourceHigh) = Place(x, 1);
        int number = Number(x, 0), low = X86Slots.XmmLow + number, high = X86Slots.XmmHigh + number;
        uint word = new VectorRequest(x.Instruction.Mnemonic, 0, low, 0, source, 0).PackShort();
        GuardedKernel kernel = ScalarKernels.Packed[x.Instruction.Mnemonic];
        x.Ir.Guarded(kernel, X86Slots.Packed, x.Slot(low), x.Slot(source), word);
        x.Ir.Guarded(kernel, X86Slots.Packed + 1, x.Slot(high), x.Slot(sourceHigh), word | VectorHelpers.HighHalf);
        Write(x, number, x.Slot(X86Slots.Packed), x.Slot(X86Slots.Packed + 1));
    }

    private static void Compare(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (int source, _) = Place(x, 1);
        int low = X86Slots.XmmLow + Number(x, 0);
        bool isDouble = x.Instruction.Mnemonic is Mnemonic.Comisd or Mnemonic.Ucomisd;
        var request = new VectorRequest(x.Instruction.Mnemonic, 0, low, 0, source, 0);
        x.Ir.Guarded(isDouble ? ScalarKernels.CompareDoubles : ScalarKernels.CompareSingles, X86Slots.Scratch + 2, x.Slot(low), x.Slot(source), request.PackShort());
        x.SetFlags(x.Slot(X86Slots.Scratch + 2));
    }

    private static void FromInteger(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        bool isWide = x.Width(1) == 8;
        x.Ir.SetRegister(X86Slots.Scratch, x.Sext(x.Read(1), x.Width(1)));
        int low = X86Slots.XmmLow + Number(x, 0);
        var request = new VectorRequest(x.Instruction.Mnemonic, 0, low, 0, X86Slots.Scratch, 0, isWide);
        x.Ir.Guarded(x.Instruction.Mnemonic == Mnemonic.Cvtsi2sd ? ScalarKernels.FromInteger : ScalarKernels.FromIntegerSingle, low, x.Slot(low), x.Slot(X86Slots.Scratch), request.PackShort());
    }

    private static void ToInteger(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (int source, _) = Place(x, 1);
        int target = x.RegisterSlot(0);
        bool isWide = x.Width(0) == 8;
        var request = new VectorRequest(x.Instruction.Mnemonic, 0, target, X86Slots.Zero, source, X86Slots.Zero, isWide);
        GuardedKernel? kernel = (x.Instruction.Mnemonic, isWide) switch
        {
            (Mnemonic.Cvttsd2si, true) => ScalarKernels.Truncate64,
            (Mnemonic.Cvttsd2si, false) => ScalarKernels.Truncate32,
            (Mnemonic.Cvttss2si, false) => ScalarKernels.TruncateSingle32,
            _ => null,
        };
        if (kernel is null)
        {
            x.Helper(VectorHelpers.ToInteger, x.Const(0), request.Pack());
            return;
        }

        x.Ir.Guarded(kernel, target, x.Slot(source), x.Slot(source), request.PackShort());
    }

    private static void CompareStrings(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        bool isWide = x.Instruction.Mnemonic is Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64;
        x.Helper(VectorHelpers.CompareStrings, x.Const(0), (Request(x, Place(x, 1, isAligned: false)) with { IsWide = isWide }).Pack());
        x.SetFlags(x.Slot(X86Slots.Scratch + 2));
    }

    private static void Blend(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (Val low, Val high) = Read(x, 1);
        int number = Number(x, 0);
        PureKernel spread = x.Instruction.Mnemonic switch { Mnemonic.Pblendvb => LaneKernels.ByteMask, Mnemonic.Blendvps => LaneKernels.DoublewordMask, _ => LaneKernels.QuadwordMask };
        Val maskLow = x.Ir.Pure(spread, x.Slot(X86Slots.XmmLow), x.Slot(X86Slots.XmmLow)), maskHigh = x.Ir.Pure(spread, x.Slot(X86Slots.XmmHigh), x.Slot(X86Slots.XmmHigh));
        Val newLow = (low & maskLow) | x.Ir.Binary(Uop.AndNot, x.Slot(X86Slots.XmmLow + number), maskLow);
        Val newHigh = (high & maskHigh) | x.Ir.Binary(Uop.AndNot, x.Slot(X86Slots.XmmHigh + number), maskHigh);
        Write(x, number, newLow, newHigh);
    }

    private static void Test(LiftContext x)
    {
        if (!IsAvailable(x))
        {
            return;
        }

        (Val low, Val high) = Read(x, 1);
        int number = Number(x, 0);
        Val d0 = x.Slot(X86Slots.XmmLow + number), d1 = x.Slot(X86Slots.XmmHigh + number);
        Val both = (low & d0) | (high & d1), rest = x.Ir.Binary(Uop.AndNot, low, d0) | x.Ir.Binary(Uop.AndNot, high, d1);
        x.SetFlags((x.Ir.Binary(Uop.SetEq, both, x.Const(0)) << 6) | x.Ir.Binary(Uop.SetEq, rest, x.Const(0)));
    }

    private static void MoveMask(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        int number = Number(x, 1);
        Val low = x.Slot(X86Slots.XmmLow + number), high = x.Slot(X86Slots.XmmHigh + number);
        Val mask = x.Instruction.Mnemonic switch
        {
            Mnemonic.Pmovmskb => x.Ir.Pure(LaneKernels.ByteSigns, low, low) | (x.Ir.Pure(LaneKernels.ByteSigns, high, high) << 8),
            Mnemonic.Movmskps => x.Ir.Pure(LaneKernels.DoublewordSigns, low, low) | (x.Ir.Pure(LaneKernels.DoublewordSigns, high, high) << 2),
            _ => (low >>> 63) | ((high >>> 63) << 1),
        };
        x.WriteRegister(x.Instruction.Op0Register, mask);
    }

    private static void Insert(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        x.Ir.SetRegister(X86Slots.Scratch, x.Read(1));
        x.Helper(VectorHelpers.Integers, x.Const(0), Request(x, (X86Slots.Scratch, X86Slots.Zero)).Pack());
    }

    private static void Extract(LiftContext x)
    {
        if (IsMmx(x) || !IsAvailable(x))
        {
            return;
        }

        int width = x.Instruction.Mnemonic switch { Mnemonic.Pextrb => 1, Mnemonic.Pextrw => 2, Mnemonic.Pextrq => 8, _ => 4 };
        int lane = (int)Immediate(x) & ((16 / width) - 1), number = Number(x, 1), bit = lane * width * 8;
        Val half = x.Slot((bit < 64 ? X86Slots.XmmLow : X86Slots.XmmHigh) + number), value = (bit & 63) == 0 ? half : half >>> (bit & 63);
        if (x.IsMemory(0))
        {
            x.Store(width, value);
        }
        else
        {
            x.WriteRegister(x.Instruction.Op0Register, x.Zext(value, width));
        }
    }

    private static void LoadControl(LiftContext x)
    {
        if (IsAvailable(x))
        {
            x.Helper(VectorHelpers.LoadControl, x.Load(4), 0);
        }
    }

    private static void StoreControl(LiftContext x)
    {
        if (IsAvailable(x))
        {
            x.Store(4, x.Slot(X86Slots.Mxcsr));
        }
    }
}
