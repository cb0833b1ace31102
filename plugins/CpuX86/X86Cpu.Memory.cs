using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Memory;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>Memory and ports as helpers use them, and faults of accesses.</content>
public sealed unsafe partial class X86Cpu
{
    /// <summary>In a page fault's detail: the access was the CPU's own, or a fetch; the error code is right as it is.</summary>
    private const ulong IsFinal = 0x1_0000;

    /// <summary>In the detail of a #GP: the address was not canonical, and the instruction tells whether it is a #SS.</summary>
    private const ulong IsNotCanonical = 0x2_0000;

    private readonly InstructionInfoFactory _infos = new();

    /// <summary>Finds the linear address of bytes in a segment; false where they are beyond its limit or may not be accessed so.</summary>
    internal bool TryLinear(int segment, ulong offset, ulong length, bool isWrite, out ulong address)
    {
        if (Is64)
        {
            address = segment is X86Slots.Fs or X86Slots.Gs ? Slots[X86Slots.SegmentBase + segment] + offset : offset;
            return true;
        }

        address = (uint)(Slots[X86Slots.SegmentBase + segment] + offset);
        if (offset + length <= Slots[(isWrite ? X86Slots.WriteEnd : X86Slots.ReadEnd) + segment])
        {
            return true;
        }

        ulong attributes = Slots[X86Slots.Attributes + segment], limit = Slots[X86Slots.SegmentLimit + segment];
        bool isDown = (attributes & (SegmentAttributes.Present | SegmentAttributes.Code | SegmentAttributes.Down)) == (SegmentAttributes.Present | SegmentAttributes.Down);
        ulong last = (attributes & SegmentAttributes.Big) != 0 ? uint.MaxValue : ushort.MaxValue;
        return isDown && (Slots[X86Slots.Cr0] & Cr0.Pe) != 0 && !IsVirtual8086 && (!isWrite || (attributes & SegmentAttributes.Writable) != 0) && offset > limit && offset + length - 1 <= last;
    }

    /// <summary>Finds the linear address of bytes in a segment, or raises #SS or #GP.</summary>
    internal bool Linear(int segment, ulong offset, int width, bool isWrite, out ulong address)
    {
        if (TryLinear(segment, offset, (ulong)width, isWrite, out address))
        {
            return true;
        }

        Raise(segment == X86Slots.Ss ? X86Fault.StackFault : X86Fault.GeneralProtection);
        return false;
    }

    /// <summary>Loads through a segment; false at a fault, which is then in the state.</summary>
    internal bool Load(int segment, ulong offset, int width, out ulong value)
    {
        value = 0;
        return Linear(segment, offset, width, isWrite: false, out ulong address) && Execution.ReadVirtual(address, width, out value);
    }

    /// <summary>Stores through a segment.</summary>
    internal bool Store(int segment, ulong offset, int width, ulong value) => Linear(segment, offset, width, isWrite: true, out ulong address) && Execution.WriteVirtual(address, width, value);

    /// <summary>Whether a store through a segment would go well; else the fault is in the state.</summary>
    internal bool Probe(int segment, ulong offset, int width) =>
        Linear(segment, offset, width, isWrite: true, out ulong address) && Execution.Reach(address, write: true, out _) && Execution.Reach(address + (uint)width - 1, write: true, out _);

    /// <summary>Loads as the CPU itself does from its tables: with the rights of level 0.</summary>
    internal bool LoadSystem(ulong address, int width, out ulong value)
    {
        bool before = BeginSystem();
        bool done = Execution.ReadVirtual(IsLongMode ? address : (uint)address, width, out value);
        EndSystem(before);
        return done;
    }

    /// <summary>Stores as the CPU itself does into its tables.</summary>
    internal bool StoreSystem(ulong address, int width, ulong value)
    {
        bool before = BeginSystem();
        bool done = Execution.WriteVirtual(IsLongMode ? address : (uint)address, width, value);
        EndSystem(before);
        return done;
    }

    /// <summary>Whether the CPU itself could store there.</summary>
    internal bool ProbeSystem(ulong address)
    {
        bool before = BeginSystem();
        bool done = Execution.Reach(IsLongMode ? address : (uint)address, write: true, out _);
        EndSystem(before);
        return done;
    }

    /// <summary>Reads a port; all ones where nobody answers.</summary>
    internal ulong ReadPort(ushort port, int width)
    {
        Execution.PayForAccess();
        return Ports is not null && Ports.Read(port, width, out ulong value, new AccessAttributes(Master)) == AccessResult.Ok ? value : ulong.MaxValue >> (64 - (8 * width));
    }

    /// <summary>Writes a port.</summary>
    internal void WritePort(ushort port, int width, ulong value)
    {
        Execution.PayForAccess();
        _ = Ports?.Write(port, width, value & (ulong.MaxValue >> (64 - (8 * width))), new AccessAttributes(Master));
    }

    /// <summary>Notes an exception.</summary>
    /// <returns>The reason to leave the block.</returns>
    internal int Raise(X86Fault fault, ulong error = 0)
    {
        (State->Fault, State->FaultAddress, State->FaultDetail) = ((int)fault, 0, error);
        return (int)ExitReason.Fault;
    }

    /// <inheritdoc/>
    public void RaiseMemoryFault(ulong address, MemoryAccess access, int width, TranslatedAddress translation, AccessResult result)
    {
        if ((translation.Fault & PageTables.PageFault) != 0)
        {
            bool isFinal = access == MemoryAccess.Fetch || _tables.IsSystemAccess;
            (State->Fault, State->FaultAddress, State->FaultDetail) = ((int)X86Fault.PageFault, address, (ushort)translation.Fault | (isFinal ? IsFinal : 0));
        }
        else if (translation.Fault != 0)
        {
            Raise(X86Fault.GeneralProtection, access == MemoryAccess.Fetch || _tables.IsSystemAccess ? 0 : IsNotCanonical);
        }

        // An address that nobody answers reads as the bus gives it: no fault.
    }

    /// <summary>
    /// What only the instruction itself tells of a fault: whether a load was the first half of a change, whether an address was one of the stack, which byte of the
    /// operand was the first that could not be accessed, and whether the operand reaches beyond the addresses there are.
    /// </summary>
    private void CompleteFault()
    {
        ulong detail = State->FaultDetail;
        State->FaultDetail = (ushort)detail;
        bool isPage = State->Fault == (int)X86Fault.PageFault && (detail & IsFinal) == 0;
        if ((!isPage && (detail & IsNotCanonical) == 0) || !TryDecodeCurrent(out Instruction instruction))
        {
            return;
        }

        int operand = -1;
        for (int i = 0; i < instruction.OpCount; i++)
        {
            operand = instruction.GetOpKind(i) == OpKind.Memory ? i : operand;
        }

        bool isStack = operand >= 0 ? IsStackOperand(instruction) : instruction.IsStackInstruction || instruction.Mnemonic is Mnemonic.Ret or Mnemonic.Leave or Mnemonic.Enter or Mnemonic.Call;
        if (!isPage)
        {
            State->Fault = (int)(isStack ? X86Fault.StackFault : X86Fault.GeneralProtection);
        }
        else if (operand >= 0 && !IsBeyondAddresses(instruction, operand, isStack) && instruction.Mnemonic != Mnemonic.Arpl && _infos.GetInfo(instruction).GetOpAccess(operand) is OpAccess.ReadWrite or OpAccess.ReadCondWrite)
        {
            State->FaultDetail |= 2;
        }
    }

    /// <summary>Whether a memory operand's faults are those of the stack; in 64-bit code prefixes of other segments than FS and GS don't count.</summary>
    private bool IsStackOperand(in Instruction instruction) => !Is64 || instruction.MemorySegment is Iced.Intel.Register.FS or Iced.Intel.Register.GS
        ? instruction.MemorySegment == Iced.Intel.Register.SS
        : instruction.MemoryBase.GetFullRegister() is Iced.Intel.Register.RSP or Iced.Intel.Register.RBP;

    /// <summary>Sets a page fault's address to the operand's first byte in the page, or makes it a #GP or #SS where the operand's last byte has no address.</summary>
    private bool IsBeyondAddresses(in Instruction instruction, int operand, bool isStack)
    {
        ulong address = State->FaultAddress, length = (ulong)instruction.MemorySize.GetSize();
        if (!instruction.TryGetVirtualAddress(operand, 0, out ulong first, _registerValue ??= RegisterValue))
        {
            return false;
        }

        first = IsLongMode && Is64 ? first : (uint)first;
        if (address - first >= length)
        {
            return false;
        }

        ulong last = first + length - 1;
        bool isOffset = Is64 || Slots[X86Slots.SegmentBase + (instruction.MemorySegment - Iced.Intel.Register.ES)] == 0;
        if (isOffset && (Is64 ? (ulong)((long)(last << 16) >> 16) != last : last > uint.MaxValue))
        {
            Raise(isStack ? X86Fault.StackFault : X86Fault.GeneralProtection);
            return true;
        }

        MemoryAccess access = (State->FaultDetail & 2) != 0 ? MemoryAccess.Store : MemoryAccess.Load;
        if ((first ^ address) >= 0x1000 && _tables.Translate(first, access).Fault is var fault and not 0)
        {
            // Both pages of the operand are missing: the first counts.
            (State->FaultAddress, State->FaultDetail) = (first, (ushort)fault);
            return false;
        }

        State->FaultAddress = Math.Max(first, address & ~0xFFFUL);
        return false;
    }

    /// <summary>Decodes the instruction at the program counter once more.</summary>
    private bool TryDecodeCurrent(out Instruction instruction)
    {
        var bytes = new byte[15];
        int length = 0;
        for (; length < bytes.Length; length++)
        {
            TranslatedAddress translation = _tables.Translate(State->Pc + (uint)length, MemoryAccess.Fetch);
            if (translation.Fault != 0 || !Execution.ReadPhysical(translation.Physical, 1, out ulong value))
            {
                break;
            }

            bytes[length] = (byte)value;
        }

        var decoder = Decoder.Create(Is64 ? 64 : (Context & X86Context.Code32) != 0 ? 32 : 16, bytes.AsSpan(0, length).ToArray(), Ip, CpuModel.DecoderOptions);
        decoder.Decode(out instruction);
        return decoder.LastError == DecoderError.None;
    }

    private bool BeginSystem()
    {
        bool before = _tables.IsSystemAccess;
        _tables.IsSystemAccess = true;
        Execution.SelectMode((Slots[X86Slots.Cr4] & Cr4.Smap) != 0 ? 2 : 0, window: false);
        return before;
    }

    private void EndSystem(bool before)
    {
        _tables.IsSystemAccess = before;
        Execution.SelectMode(_mmuMode, window: false);
    }

    private int _mmuMode;
}
