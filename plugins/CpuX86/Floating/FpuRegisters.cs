using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Kmem.Plugins.CpuX86.Floating;

/// <summary>The x87's registers, as they lie in the slots of a CPU.</summary>
/// <remarks>Source: Intel SDM vol. 1, 8.1. Significands stand together: they are the MMX registers.</remarks>
[StructLayout(LayoutKind.Sequential)]
internal unsafe struct FpuRegisters
{
    /// <summary>Number of 64-bit slots.</summary>
    public const int Slots = 24;

    /// <summary>The control word after FNINIT.</summary>
    public const ushort InitialControl = 0x37F;

    /// <summary>SF: the invalid operation is one of the register stack.</summary>
    public const uint StackFault = 0x40;

    /// <summary>ES: an exception is pending.</summary>
    public const uint ErrorSummary = 0x80;

    /// <summary>B, a copy of ES.</summary>
    public const uint Busy = 0x8000;

    /// <summary>Condition codes.</summary>
    public const uint C0 = 0x100, C1 = 0x200, C2 = 0x400, C3 = 0x4000;

    /// <summary>Significands of R0 to R7.</summary>
    public fixed ulong Significands[8];

    /// <summary>Signs and exponents of R0 to R7.</summary>
    public fixed ulong SignExponents[8];

    /// <summary>Control word.</summary>
    public ulong Control;

    /// <summary>Status word, TOP included.</summary>
    public ulong Status;

    /// <summary>Bit n is set where Rn is not empty.</summary>
    public ulong Tags;

    /// <summary>Offset of the last instruction that was not a control instruction.</summary>
    public ulong InstructionPointer;

    /// <summary>Selector of its code segment.</summary>
    public ulong InstructionSelector;

    /// <summary>Offset of its memory operand.</summary>
    public ulong DataPointer;

    /// <summary>Selector of its operand's segment.</summary>
    public ulong DataSelector;

    /// <summary>Its opcode: low 3 bits of the first byte, and the second byte.</summary>
    public ulong Opcode;

    /// <summary>Number of the register that is ST(0).</summary>
    public readonly int Top => (int)(Status >> 11) & 7;

    /// <summary>Whether an exception waits for the next instruction.</summary>
    public readonly bool IsPending => (Status & ErrorSummary) != 0;

    /// <summary>How the control word wants operations done.</summary>
    public readonly FloatingContext Context => new()
    {
        Rounding = (RoundingControl)((Control >> 10) & 3),
        Masked = (FloatingFlags)Control & FloatingFlags.All,
        Precision = ((Control >> 8) & 3) switch { 0 => 24, 2 => 53, _ => 64 },
    };

    /// <summary>FNINIT.</summary>
    public void Initialize()
    {
        (Control, Status, Tags) = (InitialControl, 0, 0);
        (InstructionPointer, DataPointer, InstructionSelector, DataSelector, Opcode) = (0, 0, 0, 0, 0);
    }

    /// <summary>Number of the register that is ST(i).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly int Physical(int i) => (Top + i) & 7;

    /// <summary>Whether ST(i) is empty.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly bool IsEmpty(int i) => ((Tags >> Physical(i)) & 1) == 0;

    /// <summary>ST(i).</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public readonly Extended Read(int i)
    {
        int register = Physical(i);
        return new Extended(Significands[register], (ushort)SignExponents[register]);
    }

    /// <summary>Sets ST(i), which is not empty then.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Write(int i, Extended value)
    {
        int register = Physical(i);
        Significands[register] = value.Significand;
        SignExponents[register] = value.SignExponent;
        Tags |= 1UL << register;
    }

    /// <summary>Moves TOP: +1 is towards an emptier stack.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Move(int distance) => Status = (Status & ~0x3800UL) | ((ulong)((Top + distance) & 7) << 11);

    /// <summary>Empties ST(0) and moves TOP.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public void Pop()
    {
        Tags &= ~(1UL << Top);
        Move(1);
    }

    /// <summary>Moves TOP and sets ST(0).</summary>
    public void Push(Extended value)
    {
        Move(-1);
        Write(0, value);
    }

    /// <summary>Sets the condition codes C3, C2, C0, and C1 to 0.</summary>
    public void SetConditions(uint codes) => Status = (Status & ~(ulong)(C0 | C1 | C2 | C3)) | codes;

    /// <summary>Sets C1.</summary>
    public void SetC1(bool value) => Status = (Status & ~(ulong)C1) | (value ? C1 : 0);

    /// <summary>Makes ES and B follow the flags and the masks.</summary>
    public void Summarize()
    {
        bool pending = (Status & ~Control & (uint)FloatingFlags.All) != 0;
        Status = (Status & ~(ulong)(ErrorSummary | Busy)) | (pending ? ErrorSummary | Busy : 0);
    }

    /// <summary>Notes exceptions.</summary>
    /// <returns>Whether one of them is not masked.</returns>
    public bool Raise(FloatingFlags flags)
    {
        Status |= (uint)flags;
        bool unmasked = ((uint)flags & ~(uint)Control) != 0;
        if (unmasked)
        {
            Status |= ErrorSummary | Busy;
        }

        return unmasked;
    }

    /// <summary>Notes a stack fault.</summary>
    /// <param name="overflow">Whether a register was not empty that should be.</param>
    /// <returns>Whether the invalid-operation exception is masked, so that the instruction goes on.</returns>
    public bool RaiseStackFault(bool overflow)
    {
        Status |= StackFault;
        SetC1(overflow);
        return !Raise(FloatingFlags.Invalid);
    }
}
