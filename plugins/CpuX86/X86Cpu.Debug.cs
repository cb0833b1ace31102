using Iced.Intel;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>Breakpoints of the debug registers, and alignment checks: what is looked at before each instruction while <see cref="X86Context.Debug"/> is set.</content>
/// <remarks>Source: Intel SDM volume 3, 17.2 "Debug Registers", 17.3.1 "Debug Exception (#DB)", 6.15 "Alignment Check Exception (#AC)".</remarks>
public sealed unsafe partial class X86Cpu
{
    /// <summary>Kinds of breakpoints, as DR7's R/W fields number them.</summary>
    private const int ExecuteKind = 0, WriteKind = 1, PortKind = 2;

    private VATryGetRegisterValue? _registerValue;

    /// <summary>Whether a breakpoint is on, or data accesses must be aligned.</summary>
    internal bool WatchesMemory => (Slots[X86Slots.Dr0 + 7] & 0xFF) != 0 || MustAlign;

    private bool MustAlign => Cpl == 3 && (Slots[X86Slots.Cr0] & Cr0.Am) != 0 && (Slots[X86Slots.Eflags] & Eflags.Ac) != 0;

    /// <summary>The breakpoints of execution that an address meets, as bits of DR6.</summary>
    internal ulong MatchBreakpoint(ulong address)
    {
        ulong hit = 0;
        for (int i = 0; i < 4; i++)
        {
            hit |= KindOfBreakpoint(i) == ExecuteKind && Slots[X86Slots.Dr0 + i] == address ? 1UL << i : 0;
        }

        return hit;
    }

    /// <summary>Tells DR6 of an exception: the four bits of the breakpoints are those of this one, the others are only ever set.</summary>
    internal void ReportBreakpoints(ulong reason) => Slots[X86Slots.Dr0 + 6] = (Slots[X86Slots.Dr0 + 6] & ~0xFUL) | reason;

    /// <summary>Looks at the memory that the present instruction is about to access: data breakpoints trap when it is done, misaligned accesses fault.</summary>
    /// <returns>False at a fault, which is then in the state.</returns>
    internal bool WatchMemory()
    {
        ulong before = State->Pc;
        State->Pc = CurrentPc;
        bool isDecoded = TryDecodeCurrent(out Instruction instruction);
        State->Pc = before;
        if (!isDecoded)
        {
            return true;
        }

        bool mustAlign = MustAlign;
        foreach (UsedMemory memory in _infos.GetInfo(instruction).GetUsedMemory())
        {
            int width = memory.MemorySize.GetSize();
            if (width == 0 || memory.Access is OpAccess.None or OpAccess.NoMemAccess || !memory.TryGetVirtualAddress(0, out ulong address, _registerValue ??= RegisterValue))
            {
                continue;
            }

            if (!IsLongMode)
            {
                address = (uint)address;
            }

            if (mustAlign && width is 2 or 4 or 8 && (address & (ulong)(width - 1)) != 0)
            {
                Raise(X86Fault.AlignmentCheck);
                return false;
            }

            bool isWrite = memory.Access is OpAccess.Write or OpAccess.CondWrite or OpAccess.ReadWrite or OpAccess.ReadCondWrite;
            if (Match(address, width, isWrite, isPort: false) is var hit and not 0)
            {
                Interrupts.RaiseTrap(hit);
            }
        }

        return true;
    }

    /// <summary>Looks at a port that is about to be accessed: a breakpoint of it traps when the instruction is done.</summary>
    internal void WatchPort(ushort port, int width)
    {
        if ((Context & X86Context.Debug) != 0 && (Slots[X86Slots.Cr4] & Cr4.De) != 0 && Match(port, width, isWrite: true, isPort: true) is var hit and not 0)
        {
            Interrupts.RaiseTrap(hit);
        }
    }

    private int KindOfBreakpoint(int number)
    {
        ulong control = Slots[X86Slots.Dr0 + 7];
        return ((control >> (2 * number)) & 3) == 0 ? -1 : (int)(control >> (16 + (4 * number))) & 3;
    }

    private ulong Match(ulong address, int width, bool isWrite, bool isPort)
    {
        ulong hit = 0;
        for (int i = 0; i < 4; i++)
        {
            int kind = KindOfBreakpoint(i);
            if (kind <= ExecuteKind || (kind == PortKind) != isPort || (kind == WriteKind && !isWrite))
            {
                continue;
            }

            // Lengths 0 to 3 are 1, 2, 8 and 4 bytes, and the address is rounded down to them.
            ulong length = ((Slots[X86Slots.Dr0 + 7] >> (18 + (4 * i))) & 3) switch { 0 => 1, 1 => 2, 2 => 8, _ => 4 };
            ulong first = Slots[X86Slots.Dr0 + i] & ~(length - 1);
            hit |= address < first + length && first < address + (ulong)width ? 1UL << i : 0;
        }

        return hit;
    }

    /// <summary>A register as an address needs it: a segment register is its base.</summary>
    private bool RegisterValue(Register register, int elementIndex, int elementSize, out ulong value)
    {
        value = 0;
        if (register.IsSegmentRegister())
        {
            int segment = register - Register.ES;
            value = Is64 && segment is not (X86Slots.Fs or X86Slots.Gs) ? 0 : Slots[X86Slots.SegmentBase + segment];
            return true;
        }

        if (!register.IsGPR())
        {
            return false;
        }

        ulong whole = Slots[register.GetNumber()];
        value = register.GetSize() switch { 2 => (ushort)whole, 4 => (uint)whole, 8 => whole, _ => (byte)whole };
        return true;
    }
}
