using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <content>Operands: registers, immediates, memory.</content>
internal sealed partial class LiftContext
{
    private static readonly Uop[] Loads = [Uop.Load8, Uop.Load16U, Uop.Load32U, Uop.Load64U];
    private static readonly Uop[] Stores = [Uop.Store8, Uop.Store16U, Uop.Store32U, Uop.Store64U];

    private Val _address;
    private long _displacement;
    private bool _hasAddress;

    /// <summary>Takes the next instruction.</summary>
    public void Take(in Instruction instruction, ulong ip)
    {
        (_instruction, Ip, _hasAddress) = (instruction, ip, false);
    }

    /// <summary>Bytes of an operand.</summary>
    public int Width(int operand) => _instruction.GetOpKind(operand) switch
    {
        OpKind.Register => _instruction.GetOpRegister(operand).GetSize(),
        OpKind.Memory => _instruction.MemorySize.GetSize(),
        _ => Width(0),
    };

    /// <summary>Bytes of the first operand's register.</summary>
    public int Width0() => _instruction.Op0Register.GetSize();

    /// <summary>Whether an operand is memory.</summary>
    public bool IsMemory(int operand) => _instruction.GetOpKind(operand) == OpKind.Memory;

    /// <summary>The slot of an operand that is a general register.</summary>
    public int RegisterSlot(int operand) => GeneralRegisters.SlotOf(_instruction.GetOpRegister(operand));

    /// <summary>An operand's raw value: a register, an immediate (sign-extended), or memory.</summary>
    public Val Read(int operand)
    {
        switch (_instruction.GetOpKind(operand))
        {
            case OpKind.Register:
                return ReadRegister(_instruction.GetOpRegister(operand));
            case OpKind.Memory:
                return Load(Width(operand));
            default:
                return Const(_instruction.GetImmediate(operand));
        }
    }

    /// <summary>An operand with zeros above.</summary>
    public Val ReadZext(int operand) => IsMemory(operand) ? Read(operand) : Zext(Read(operand), Width(operand));

    /// <summary>An operand with its sign above.</summary>
    public Val ReadSext(int operand) => Sext(Read(operand), Width(operand));

    /// <summary>A general register's raw value; that of AH, CH, DH and BH is shifted down.</summary>
    public Val ReadRegister(Register register)
    {
        Val value = Slot(GeneralRegisters.SlotOf(register));
        return GeneralRegisters.IsHighByte(register) ? value >>> 8 : value;
    }

    /// <summary>Sets a general register to the low bytes of a value; a 32-bit one gets zeros above.</summary>
    public void WriteRegister(Register register, Val value)
    {
        int slot = GeneralRegisters.SlotOf(register);
        switch (register.GetSize())
        {
            case 1:
                Ir.SetRegister(slot, Ir.Binary(GeneralRegisters.IsHighByte(register) ? Uop.Insert8H : Uop.Insert8, Slot(slot), value));
                break;
            case 2:
                Ir.SetRegister(slot, Ir.Binary(Uop.Insert16, Slot(slot), value));
                break;
            case 4:
                Ir.SetRegister(slot, IsZeroExtended(value) ? value : Zext(value, 4));
                break;
            default:
                Ir.SetRegister(slot, value);
                break;
        }
    }

    /// <summary>Sets an operand to the low bytes of a value.</summary>
    public void Write(int operand, Val value)
    {
        if (IsMemory(operand))
        {
            Store(Width(operand), value);
        }
        else
        {
            WriteRegister(_instruction.GetOpRegister(operand), value);
        }
    }

    /// <summary>The value of a register operand after it was set, for use in flags; of memory the value itself.</summary>
    public Val After(int operand, Val value) =>
        !IsMemory(operand) && _instruction.GetOpRegister(operand).GetSize() >= 4 ? Slot(RegisterSlot(operand)) : value;

    /// <summary>Loads the memory operand, zero-extended.</summary>
    /// <param name="width">1, 2, 4 or 8 bytes.</param>
    /// <param name="offset">Bytes from the operand's address.</param>
    public Val Load(int width, int offset = 0)
    {
        FindAddress(width + offset, isWrite: false);
        return Ir.Load(LoadOf(width), _address, _displacement + offset);
    }

    /// <summary>Stores into the memory operand.</summary>
    /// <param name="width">1, 2, 4 or 8 bytes.</param>
    /// <param name="value">The value.</param>
    /// <param name="offset">Bytes from the operand's address.</param>
    public void Store(int width, Val value, int offset = 0)
    {
        FindAddress(width + offset, isWrite: true);
        Ir.Store(StoreOf(width), _address, _displacement + offset, value);
    }

    /// <summary>The linear address of the memory operand.</summary>
    /// <param name="width">Bytes that will be accessed, for the segment's limit.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    public Val Address(int width, bool isWrite)
    {
        FindAddress(width, isWrite);
        return _displacement == 0 ? _address : _address + (ulong)_displacement;
    }

    /// <summary>Takes an address beside the memory operand's, as bit tests with an offset in a register do.</summary>
    /// <param name="distance">Bytes from the operand.</param>
    /// <param name="width">Bytes that will be accessed.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    public void MoveAddress(Val distance, int width, bool isWrite)
    {
        (Val value, long displacement) = OffsetParts();
        value += distance;
        if (AddressWidth() < 8)
        {
            (value, displacement) = (Zext(value + (ulong)displacement, AddressWidth()), 0);
        }

        _hasAddress = true;
        (_address, _displacement) = Through(SegmentOf(_instruction.MemorySegment), value, displacement, width, isWrite);
        _address = Copy(_address);
        if (!Is64)
        {
            _offset = Copy(_offset);
        }
    }

    /// <summary>Loads 16 bytes from the memory operand.</summary>
    /// <param name="isAligned">Whether an address that is no multiple of 16 is a #GP.</param>
    public (Val Low, Val High) Load128(bool isAligned)
    {
        FindAddress(16, isWrite: false);
        Align(isAligned);
        Val low = Ir.Load(Uop.Load64U, _address, _displacement);
        return (low, Ir.Load(Uop.Load64U, _address, _displacement + 8));
    }

    /// <summary>Stores 16 bytes into the memory operand; nothing is written where a part of it faults.</summary>
    public void Store128(Val low, Val high, bool isAligned)
    {
        FindAddress(16, isWrite: true);
        Align(isAligned);
        if (!isAligned)
        {
            Ir.Probe(_address, _displacement + 15);
        }

        Ir.Store(Uop.Store64U, _address, _displacement, low);
        Ir.Store(Uop.Store64U, _address, _displacement + 8, high);
    }

    /// <summary>Makes sure that all bytes of the memory operand can be written, before anything changes.</summary>
    public void ProbeStore(int width)
    {
        FindAddress(width, isWrite: true);
        Ir.Probe(_address, _displacement);
        Ir.Probe(_address, _displacement + width - 1);
    }

    /// <summary>The micro-op that loads some bytes.</summary>
    public static Uop LoadOf(int width) => Loads[System.Numerics.BitOperations.Log2((uint)width)];

    /// <summary>The micro-op that stores some bytes.</summary>
    public static Uop StoreOf(int width) => Stores[System.Numerics.BitOperations.Log2((uint)width)];

    /// <summary>The memory operand's offset in its segment, as LEA has it: as many bytes as the address size.</summary>
    public Val Offset()
    {
        (Val value, long displacement) = OffsetParts();
        return displacement == 0 ? value : value + (ulong)displacement;
    }

    /// <summary>Whether a value surely has zeros in its upper half: a constant, or what the last micro-op made so.</summary>
    private bool IsZeroExtended(Val value)
    {
        if (value.IsConstant)
        {
            return value.Constant <= uint.MaxValue;
        }

        if (Ir.Operations.Count == 0 || value.Slot < Ir.RegisterCount)
        {
            return false;
        }

        MicroOp last = Ir.Operations[^1];
        return UopTable.SetsD(last.Code) && last.D == value.Slot && ZeroExtending.Contains(last.Code);
    }

    private static readonly HashSet<Uop> ZeroExtending =
    [
        Uop.Zext8, Uop.Zext16, Uop.Zext32, Uop.Load8, Uop.Load16U, Uop.Load32U, Uop.Load16, Uop.Load32,
        Uop.Add32, Uop.Sub32, Uop.And32, Uop.Or32, Uop.Xor32, Uop.Shl32, Uop.Shr32, Uop.Sar32, Uop.Mul32, Uop.Rol32, Uop.Ror32,
        Uop.Add32I, Uop.Sub32I, Uop.And32I, Uop.Or32I, Uop.Xor32I, Uop.Shl32I, Uop.Shr32I, Uop.Sar32I, Uop.Mul32I, Uop.Rol32I, Uop.Ror32I,
        Uop.SetEq, Uop.SetLtS, Uop.SetLeS, Uop.SetLtU, Uop.SetLeU, Uop.SetEqI, Uop.SetLtSI, Uop.SetLeSI, Uop.SetLtUI, Uop.SetLeUI,
        Uop.SetEq32, Uop.SetLtS32, Uop.SetLeS32, Uop.SetLtU32, Uop.SetLeU32, Uop.SetEq32I, Uop.SetLtS32I, Uop.SetLeS32I, Uop.SetLtU32I, Uop.SetLeU32I,
    ];

    private void Align(bool isAligned)
    {
        if (isAligned)
        {
            Val address = _displacement == 0 ? _address : _address + (ulong)_displacement;
            Ir.Limit(X86Helpers.Misaligned, address & 15, X86Slots.Zero, 0, 0);
        }
    }

    private void FindAddress(int width, bool isWrite)
    {
        if (_hasAddress && (Is64 || !isWrite))
        {
            return;
        }

        bool wasFound = _hasAddress;
        _hasAddress = true;
        int segment = SegmentOf(_instruction.MemorySegment);
        if (!wasFound && !IsFlat(segment, isWrite: true))
        {
            // A load that a store will follow: the segment's rights come before faults of the page.
            isWrite |= IsChanged();
        }

        if (wasFound)
        {
            // A load before: what is left to look at is whether the segment may be written.
            if (!IsFlat(segment, isWrite))
            {
                CheckLimit(_offset, segment, width, isWrite);
            }

            return;
        }

        (Val value, long displacement) = OffsetParts();
        (_address, _displacement) = Through(segment, value, displacement, width, isWrite);
    }

    /// <summary>Whether the memory operand is read and written.</summary>
    private bool IsChanged() => _instruction.Op0Kind == OpKind.Memory && _instruction.Mnemonic != Mnemonic.Arpl && Infos.GetInfo(_instruction).GetOpAccess(0) is OpAccess.ReadWrite or OpAccess.ReadCondWrite;

    private static readonly InstructionInfoFactory Infos = new();

    private Val _offset;

    /// <summary>The linear address of an offset in a segment, with what must be checked.</summary>
    /// <param name="segment">The segment register's number.</param>
    /// <param name="value">The offset's variable part.</param>
    /// <param name="displacement">Bytes added to it.</param>
    /// <param name="width">Bytes that will be accessed.</param>
    /// <param name="isWrite">Whether they will be written.</param>
    /// <param name="isProtection">Whether an offset beyond SS is a #GP too, not a #SS.</param>
    public (Val Address, long Displacement) Through(int segment, Val value, long displacement, int width, bool isWrite, bool isProtection = false)
    {
        if (Is64)
        {
            return segment is X86Slots.Fs or X86Slots.Gs ? (Slot(X86Slots.SegmentBase + segment) + value, displacement) : (value, displacement);
        }

        if (displacement != 0)
        {
            value += (ulong)displacement;
        }

        _offset = value;
        if (IsFlat(segment, isWrite))
        {
            return (value, 0);
        }

        CheckLimit(value, segment, width, isWrite, isProtection);
        return (Ir.Binary(Uop.Add32, Slot(X86Slots.SegmentBase + segment), value), 0);
    }

    /// <summary>The number of a segment register.</summary>
    public static int SegmentOf(Register register) => register - Register.ES;

    private void CheckLimit(Val offset, int segment, int width, bool isWrite, bool isProtection = false) =>
        Ir.Limit(X86Helpers.SegmentLimit, offset, (isWrite ? X86Slots.WriteEnd : X86Slots.ReadEnd) + segment, width, (uint)segment | (isWrite ? 8u : 0) | (isProtection ? 16u : 0));

    private bool IsFlat(int segment, bool isWrite) =>
        Is64 || ((Context & X86Context.Flat) != 0 && (segment is X86Slots.Ds or X86Slots.Es or X86Slots.Ss || (segment == X86Slots.Cs && !isWrite)));

    /// <summary>Bytes of the memory operand's offset.</summary>
    public int AddressWidth()
    {
        if (_instruction.MemoryBase is Register.RIP)
        {
            return 8;
        }

        if (_instruction.MemoryBase is Register.EIP)
        {
            return 4;
        }

        if (_instruction.MemoryBase != Register.None)
        {
            return _instruction.MemoryBase.GetSize();
        }

        if (_instruction.MemoryIndex != Register.None)
        {
            return _instruction.MemoryIndex.GetSize();
        }

        return _instruction.MemoryDisplSize is 0 or 1 ? (Is64 ? 8 : 4) : _instruction.MemoryDisplSize;
    }

    /// <summary>The offset as a value and a displacement that may be added to it in 64 bits; where the offset has fewer bits, the displacement is in the value.</summary>
    private (Val Value, long Displacement) OffsetParts()
    {
        Register first = _instruction.MemoryBase, index = _instruction.MemoryIndex;
        ulong displacement = _instruction.MemoryDisplacement64;
        int width = AddressWidth();
        if (first is Register.RIP or Register.EIP)
        {
            return (Const(0), (long)displacement);
        }

        if (first == Register.None && index == Register.None)
        {
            return (Const(displacement & Mask(width)), 0);
        }

        if (width == 8)
        {
            Val value = first == Register.None ? Slot(GeneralRegisters.SlotOf(index)) : Slot(GeneralRegisters.SlotOf(first));
            if (first == Register.None)
            {
                return (value << System.Numerics.BitOperations.Log2((uint)_instruction.MemoryIndexScale), (long)displacement);
            }

            if (index == Register.None)
            {
                return (value, (long)displacement);
            }

            Val scaled = Slot(GeneralRegisters.SlotOf(index));
            return (_instruction.MemoryIndexScale == 1 ? value + scaled : Ir.Ternary(Uop.ShlAdd, scaled, value, (ulong)System.Numerics.BitOperations.Log2((uint)_instruction.MemoryIndexScale)), (long)displacement);
        }

        Val sum = first == Register.None ? Const(0) : Slot(GeneralRegisters.SlotOf(first));
        bool isExact = width == 4 && !Is64;
        if (index != Register.None)
        {
            Val scaled = Slot(GeneralRegisters.SlotOf(index));
            scaled = _instruction.MemoryIndexScale == 1 ? scaled : scaled << System.Numerics.BitOperations.Log2((uint)_instruction.MemoryIndexScale);
            sum = sum.IsConstant ? scaled : sum + scaled;
            isExact = false;
        }

        if (width == 4)
        {
            return (displacement != 0 ? Ir.Binary(Uop.Add32, sum, Const((uint)displacement)) : isExact ? sum : Zext(sum, 4), 0);
        }

        return (Zext(displacement != 0 ? sum + displacement : sum, 2), 0);
    }
}
