namespace Kmem.Ir;

/// <summary>Builds one block: lifters say what instructions mean, the builder writes micro-ops.</summary>
/// <remarks>
/// Rules for lifters: call <see cref="BeginInstruction"/> for each instruction; do what can fault before a register is set; end the block with
/// one terminator. A slot below <c>registerCount</c> is a guest register, the others are temporaries.
/// </remarks>
/// <param name="registerCount">Number of slots that are guest registers.</param>
/// <param name="zeroSlot">Slot of a register that always reads as zero and swallows writes; -1 for none.</param>
public sealed class Builder(int registerCount, int zeroSlot = -1)
{
    private readonly List<MicroOp> _operations = [];
    private readonly List<InstructionMark> _marks = [];
    private readonly List<string> _staleAliases = [];
    private readonly int[] _changes = new int[registerCount];
    private int _temporary;

    /// <summary>What has been written so far.</summary>
    public IReadOnlyList<MicroOp> Operations => _operations;

    /// <summary>Where instructions begin.</summary>
    public IReadOnlyList<InstructionMark> Marks => _marks;

    /// <summary>Number of slots that are guest registers.</summary>
    public int RegisterCount { get; } = registerCount;

    /// <summary>Virtual address where the block goes on: after it, or the target of its plain jump.</summary>
    public ulong Next { get; private set; }

    /// <summary>Virtual address of a branch's target.</summary>
    public ulong Target { get; private set; }

    /// <summary>Whether a terminator has been written.</summary>
    public bool IsEnded { get; private set; }

    /// <summary>Whether a value may be used again after a register was set to it; then the passes do what the builder else does at once.</summary>
    public bool KeepsTemporaries { get; init; }

    /// <summary>A sentence for each value that was used after its register had been set: mistakes of the lifter.</summary>
    public IReadOnlyList<string> StaleAliases => _staleAliases;

    /// <summary>Empties the builder for the next block.</summary>
    public void Clear()
    {
        _operations.Clear();
        _marks.Clear();
        _staleAliases.Clear();
        _temporary = RegisterCount;
        (IsEnded, Next, Target) = (false, 0, 0);
    }

    /// <summary>Begins an instruction.</summary>
    /// <param name="offset">Its offset in bytes from the block's first instruction.</param>
    public void BeginInstruction(int offset)
    {
        _marks.Add(new InstructionMark(_operations.Count, offset));

        // No value lives longer than its instruction, so temporaries are used again.
        _temporary = RegisterCount;
    }

    /// <summary>A constant.</summary>
    public Val Const(ulong value) => new(this, 0, value, isConstant: true);

    /// <summary>The register in a slot.</summary>
    public Val Register(int slot) => slot == zeroSlot ? Const(0) : new Val(this, slot, 0, isConstant: false, _changes[slot]);

    /// <summary>Sets the register in a slot.</summary>
    public void SetRegister(int slot, Val value)
    {
        if (slot == zeroSlot)
        {
            return;
        }

        if (value.IsConstant)
        {
            Emit(new MicroOp { Code = Uop.Const, D = (ushort)slot, Immediate = value.Constant });
            _changes[slot]++;
            return;
        }

        // What the last micro-op left in a temporary goes straight into the register.
        if (!KeepsTemporaries && value.Slot >= RegisterCount && _operations.Count > 0 && _operations[^1] is var last && UopTable.SetsD(last.Code) && last.D == value.Slot && !UopTable.ReadsD(last.Code))
        {
            last.D = (ushort)slot;
            _operations[^1] = last;
            _changes[slot]++;
            return;
        }

        ushort source = Slot(value);
        if (source != slot)
        {
            Emit(new MicroOp { Code = Uop.Mov, D = (ushort)slot, A = source });
            _changes[slot]++;
        }
    }

    /// <summary>A binary micro-op; constants are folded.</summary>
    public Val Binary(Uop code, Val a, Val b)
    {
        if (a.IsConstant && b.IsConstant)
        {
            return Const(ConstantFolding.Evaluate(code, a.Constant, b.Constant));
        }

        if (b.IsConstant)
        {
            return Emit(new MicroOp { Code = UopTable.WithImmediate(code), D = Temporary(), A = Slot(a), Immediate = b.Constant });
        }

        if (a.IsConstant && code is Uop.Add or Uop.Mul or Uop.And or Uop.Or or Uop.Xor or Uop.SetEq or Uop.AddL or Uop.MulL or Uop.MulHighU or Uop.MulHighS or Uop.Add32 or Uop.And32 or Uop.Or32 or Uop.Xor32 or Uop.Mul32 or Uop.SetEq32)
        {
            return Binary(code, b, a);
        }

        return Emit(new MicroOp { Code = code, D = Temporary(), A = Slot(a), B = Slot(b) });
    }

    /// <summary>A unary micro-op.</summary>
    public Val Unary(Uop code, Val a) => Emit(new MicroOp { Code = code, D = Temporary(), A = Slot(a) });

    /// <summary>A micro-op on two slots and an immediate.</summary>
    public Val Ternary(Uop code, Val a, Val b, ulong immediate) => Emit(new MicroOp { Code = code, D = Temporary(), A = Slot(a), B = Slot(b), Immediate = immediate });

    /// <summary>A conditional move: the register in a slot becomes <paramref name="value"/> where <paramref name="test"/> meets the condition.</summary>
    public void Conditional(Uop code, int slot, Val test, Val value)
    {
        if (slot != zeroSlot)
        {
            Emit(new MicroOp { Code = code, D = (ushort)slot, A = Slot(test), B = Slot(value) });
            if (slot < RegisterCount)
            {
                _changes[slot]++;
            }
        }
    }

    /// <summary>A kernel of the CPU.</summary>
    public Val Pure(PureKernel kernel, Val a, Val b) => Emit(new MicroOp { Code = Uop.Pure, D = Temporary(), A = Slot(a), B = Slot(b), Immediate = (ulong)kernel.Number });

    /// <summary>A kernel of the CPU on three values.</summary>
    public Val Pure3(PureKernel kernel, Val a, Val b, Val c)
    {
        (ushort first, ushort second, ushort third) = (Slot(a), Slot(b), Slot(c));
        return Emit(new MicroOp { Code = Uop.Pure3, D = Temporary(), A = first, B = second, Immediate = ((ulong)third << 32) | (uint)kernel.Number });
    }

    /// <summary>The faults of a store of a byte.</summary>
    public void Probe(Val address, long displacement) => Emit(new MicroOp { Code = Uop.Probe, A = Slot(address), Immediate = (ulong)displacement });

    /// <summary>A helper where an access of some bytes at an offset reaches beyond an end.</summary>
    /// <param name="helper">Called with the offset and the immediate; 0, or the reason to leave.</param>
    /// <param name="offset">Offset of the first byte.</param>
    /// <param name="end">Slot of the first offset beyond.</param>
    /// <param name="width">Bytes, 0..255.</param>
    /// <param name="detail">Bits 31 to 8 of the immediate.</param>
    public void Limit(HelperFunction helper, Val offset, int end, int width, uint detail) =>
        Emit(new MicroOp { Code = Uop.Limit, A = Slot(offset), B = (ushort)end, Immediate = ((ulong)helper.Number << 32) | (detail << 8) | (byte)width });

    /// <summary>A guarded kernel of the CPU that sets a register.</summary>
    public void Guarded(GuardedKernel kernel, int slot, Val a, Val b, uint instruction)
    {
        Emit(new MicroOp { Code = Uop.Guarded, D = (ushort)slot, A = Slot(a), B = Slot(b), Immediate = ((ulong)instruction << 32) | (uint)kernel.Number });
        _changes[slot]++;
    }

    /// <summary>A load.</summary>
    public Val Load(Uop code, Val address, long displacement = 0) =>
        Emit(new MicroOp { Code = code, D = Temporary(), A = Slot(address), Immediate = (ulong)displacement });

    /// <summary>A store.</summary>
    public void Store(Uop code, Val address, long displacement, Val value) =>
        Emit(new MicroOp { Code = code, A = Slot(address), B = Slot(value), Immediate = (ulong)displacement });

    /// <summary>A helper inside of the block.</summary>
    public void Helper(HelperFunction helper, Val a, ulong immediate) =>
        Emit(new MicroOp { Code = Uop.Helper, A = Slot(a), B = (ushort)helper.Number, Immediate = immediate });

    /// <summary>The number of instructions executed before this one.</summary>
    public Val Count() => Emit(new MicroOp { Code = Uop.Count, D = Temporary(), Immediate = (ulong)(_marks.Count - 1) });

    /// <summary>A micro-op that does nothing, for an instruction that does nothing.</summary>
    public void Nothing() => Emit(new MicroOp { Code = Uop.Nop });

    /// <summary>Ends the block with a jump.</summary>
    public void Jump(ulong target)
    {
        Next = target;
        End(new MicroOp { Code = Uop.Jump });
    }

    /// <summary>Ends the block with a branch.</summary>
    public void Branch(Uop code, Val test, ulong target, ulong next)
    {
        (Next, Target) = (next, target);
        End(new MicroOp { Code = code, A = Slot(test) });
    }

    /// <summary>Ends the block with a branch that compares two values.</summary>
    public void BranchIf(Uop code, Val a, Val b, ulong target, ulong next)
    {
        (Next, Target) = (next, target);
        End(b.IsConstant
            ? new MicroOp { Code = UopTable.BranchWithImmediate(code), A = Slot(a), Immediate = b.Constant }
            : new MicroOp { Code = code, A = Slot(a), B = Slot(b) });
    }

    /// <summary>Ends the block with a jump to a computed address.</summary>
    public void JumpTo(Val address) => End(new MicroOp { Code = Uop.JumpTo, A = Slot(address) });

    /// <summary>Ends the block with a helper that sets <see cref="CpuState.Pc"/>.</summary>
    public void ExitHelper(HelperFunction helper, Val a, ulong immediate) =>
        End(new MicroOp { Code = Uop.ExitHelper, A = Slot(a), B = (ushort)helper.Number, Immediate = immediate });

    /// <summary>The finished block's micro-ops, after the passes, with the marks moved along.</summary>
    public (MicroOp[] Operations, InstructionMark[] Marks) Finish()
    {
        if (!IsEnded)
        {
            throw new InvalidOperationException("A block must end with a terminator.");
        }

        MicroOp[] operations = [.. _operations];
        InstructionMark[] marks = [.. _marks];
        for (int i = 0; i < operations.Length; i++)
        {
            if (operations[i].Code == Uop.Count)
            {
                operations[i].Immediate = (ulong)marks.Length - operations[i].Immediate;
            }
        }

        return (operations, marks);
    }

    /// <summary>A value's slot; a constant is brought into a temporary.</summary>
    private ushort Slot(Val value)
    {
        if (!value.IsConstant)
        {
            if (value.Slot < RegisterCount && value.Change != _changes[value.Slot])
            {
                _staleAliases.Add($"micro-op {_operations.Count}: takes the register in slot {value.Slot} by a value from before it was set");
            }

            return (ushort)value.Slot;
        }

        if (value.Constant == 0 && zeroSlot >= 0)
        {
            return (ushort)zeroSlot;
        }

        return (ushort)Emit(new MicroOp { Code = Uop.Const, D = Temporary(), Immediate = value.Constant }).Slot;
    }

    private ushort Temporary() => _temporary < MicroOp.MaxSlot ? (ushort)_temporary++ : throw new InvalidOperationException("An instruction uses too many temporaries.");

    private Val Emit(MicroOp operation)
    {
        _operations.Add(operation);
        return new Val(this, operation.D, 0, isConstant: false);
    }

    private void End(MicroOp operation)
    {
        Emit(operation);
        IsEnded = true;
    }
}
