using System.Runtime.Intrinsics;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Floating;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Vectors;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Vector instructions that are carried out as a whole; the immediate is a <see cref="VectorRequest"/>.</summary>
internal static unsafe class VectorHelpers
{
    /// <summary>An operation on integers or a move of lanes.</summary>
    public static readonly HelperFunction Integers = GuestKernels.Helper(&IntegersOf, IntegersOf);

    /// <summary>An operation with MXCSR.</summary>
    public static readonly HelperFunction Floats = GuestKernels.Helper(&FloatsOf, FloatsOf);

    /// <summary>COMISx and UCOMISx: flags into a scratch slot.</summary>
    public static readonly HelperFunction Compare = GuestKernels.Helper(&CompareOf, CompareOf);

    /// <summary>CVTSI2Sx.</summary>
    public static readonly HelperFunction FromInteger = GuestKernels.Helper(&FromIntegerOf, FromIntegerOf);

    /// <summary>CVTSx2SI and CVTTSx2SI.</summary>
    public static readonly HelperFunction ToInteger = GuestKernels.Helper(&ToIntegerOf, ToIntegerOf);

    /// <summary>PCMPxSTRx: flags into a scratch slot.</summary>
    public static readonly HelperFunction CompareStrings = GuestKernels.Helper(&CompareStringsOf, CompareStringsOf);

    /// <summary>LDMXCSR of a value.</summary>
    public static readonly HelperFunction LoadControl = GuestKernels.Helper(&LoadControlOf, LoadControlOf);

    /// <summary>MASKMOVDQU and MASKMOVQ to a linear address.</summary>
    public static readonly HelperFunction StoreMasked = GuestKernels.Helper(&StoreMaskedOf, StoreMaskedOf);

    /// <summary>An instruction of a guarded kernel for scalars: arithmetic, conversions between lanes.</summary>
    public static int ScalarOf(CpuState* state, ulong word)
    {
        VectorRequest request = VectorRequest.UnpackShort(word);
        return Run(state, request with { High = request.Low + X86Slots.XmmHigh - X86Slots.XmmLow, SourceHigh = X86Slots.Zero });
    }

    /// <summary>In the instruction word of a packed operation: the half is the high one.</summary>
    public const uint HighHalf = 0x2000;

    /// <summary>One half of a packed operation of a guarded kernel, into its scratch slot. Where an exception is not masked, both halves are judged together.</summary>
    public static int HalfOf(CpuState* state, ulong word)
    {
        VectorRequest request = VectorRequest.UnpackShort(word);
        int high = request.Low + X86Slots.XmmHigh - X86Slots.XmmLow, half = (word & HighHalf) != 0 ? 1 : 0;
        int sourceHigh = request.SourceLow == X86Slots.Scratch ? X86Slots.Scratch + 1 : request.SourceLow + X86Slots.XmmHigh - X86Slots.XmmLow;
        FloatingContext context = Context(state);
        Vector128<byte> d = Read(state, request.Low, high), s = Read(state, request.SourceLow, sourceHigh);
        const uint AllMasked = 0x1F80;
        if ((state->Slots[X86Slots.Mxcsr] & AllMasked) == AllMasked)
        {
            d = Vector128.Create(d.AsUInt64()[half]).AsByte();
            s = Vector128.Create(s.AsUInt64()[half]).AsByte();
        }

        Vector128<byte> result = VectorOperations.Floats[(int)request.Mnemonic](d, s, 0, ref context);
        if (Note(state, context, out int reason))
        {
            state->Slots[X86Slots.Packed + half] = result.AsUInt64()[half];
        }

        return reason;
    }

    /// <summary>A comparison of a guarded kernel.</summary>
    public static int CompareScalarsOf(CpuState* state, ulong word) => Compare2(state, VectorRequest.UnpackShort(word));

    /// <summary>A conversion from an integer of a guarded kernel.</summary>
    public static int FromIntegerScalarOf(CpuState* state, ulong word) => ConvertFrom(state, VectorRequest.UnpackShort(word));

    /// <summary>A conversion to an integer of a guarded kernel.</summary>
    public static int ToIntegerScalarOf(CpuState* state, ulong word) => ConvertTo(state, VectorRequest.UnpackShort(word));

    /// <summary>Notes what was raised; where it is not masked, the instruction ends with #XM, or with #UD where the system does not want #XM.</summary>
    /// <returns>Whether the destination is to be written.</returns>
    private static bool Note(CpuState* state, in FloatingContext context, out int reason)
    {
        reason = 0;
        if (context.Raised == 0)
        {
            return true;
        }

        FloatingFlags raised = context.IsRefused ? context.Raised & FloatingFlags.BeforeComputation : context.Raised;
        state->Slots[X86Slots.Mxcsr] |= (uint)raised;
        if ((raised & ~context.Masked) == 0)
        {
            return true;
        }

        bool wanted = (state->Slots[X86Slots.Cr4] & Cr4.Osxmmexcpt) != 0;
        reason = X86Cpu.Of(state).Raise(wanted ? X86Fault.SimdFloatingPoint : X86Fault.InvalidOpcode);
        return false;
    }

    private static FloatingContext Context(CpuState* state) => LaneFormat.Context((uint)state->Slots[X86Slots.Mxcsr]);

    private static Vector128<byte> Read(CpuState* state, int low, int high) => Vector128.Create(state->Slots[low], state->Slots[high]).AsByte();

    private static void Write(CpuState* state, int low, int high, Vector128<byte> value)
    {
        state->Slots[low] = value.AsUInt64()[0];
        if (high != X86Slots.Zero)
        {
            state->Slots[high] = value.AsUInt64()[1];
        }
    }

    private static int IntegersOf(CpuState* state, ulong a, ulong immediate)
    {
        VectorRequest r = VectorRequest.Unpack(immediate);
        Vector128<byte> d = Read(state, r.Low, r.High), s = Read(state, r.SourceLow, r.SourceHigh);
        Write(state, r.Low, r.High, VectorOperations.Integers[(int)r.Mnemonic](d, s, r.Immediate));
        return 0;
    }

    private static int FloatsOf(CpuState* state, ulong a, ulong immediate) => Run(state, VectorRequest.Unpack(immediate));

    private static int Run(CpuState* state, VectorRequest r)
    {
        FloatingContext context = Context(state);
        Vector128<byte> d = Read(state, r.Low, r.High), s = Read(state, r.SourceLow, r.SourceHigh);
        Vector128<byte> result = VectorOperations.Floats[(int)r.Mnemonic](d, s, r.Immediate, ref context);
        if (Note(state, context, out int reason))
        {
            Write(state, r.Low, r.High, result);
        }

        return reason;
    }

    private static int CompareOf(CpuState* state, ulong a, ulong immediate) => Compare2(state, VectorRequest.Unpack(immediate));

    private static int Compare2(CpuState* state, VectorRequest r)
    {
        FloatingContext context = Context(state);
        bool isDouble = r.Mnemonic is Mnemonic.Comisd or Mnemonic.Ucomisd, isSignaling = r.Mnemonic is Mnemonic.Comisd or Mnemonic.Comiss;
        int relation = LaneArithmetic.Compare(state->Slots[r.Low], state->Slots[r.SourceLow], isDouble, isSignaling, ref context);
        if (Note(state, context, out int reason))
        {
            state->Slots[X86Slots.Scratch + 2] = relation switch { 1 => Eflags.Cf, 2 => Eflags.Zf, 4 => 0, _ => Eflags.Cf | Eflags.Pf | Eflags.Zf };
        }

        return reason;
    }

    private static int FromIntegerOf(CpuState* state, ulong a, ulong immediate) => ConvertFrom(state, VectorRequest.Unpack(immediate));

    private static int ConvertFrom(CpuState* state, VectorRequest r)
    {
        FloatingContext context = Context(state);
        bool isDouble = r.Mnemonic == Mnemonic.Cvtsi2sd;
        long source = (long)state->Slots[r.SourceLow];
        ulong result = LaneConversions.FromInteger(r.IsWide ? source : (int)source, isDouble, ref context);
        if (Note(state, context, out int reason))
        {
            state->Slots[r.Low] = isDouble ? result : (state->Slots[r.Low] & ~(ulong)uint.MaxValue) | result;
        }

        return reason;
    }

    private static int ToIntegerOf(CpuState* state, ulong a, ulong immediate) => ConvertTo(state, VectorRequest.Unpack(immediate));

    private static int ConvertTo(CpuState* state, VectorRequest r)
    {
        FloatingContext context = Context(state);
        bool isDouble = r.Mnemonic is Mnemonic.Cvtsd2si or Mnemonic.Cvttsd2si, truncates = r.Mnemonic is Mnemonic.Cvttss2si or Mnemonic.Cvttsd2si;
        ulong result = LaneConversions.ToInteger(state->Slots[r.SourceLow], isDouble, r.IsWide ? 64 : 32, truncates, ref context);
        if (Note(state, context, out int reason))
        {
            state->Slots[r.Low] = result;
        }

        return reason;
    }

    private static int CompareStringsOf(CpuState* state, ulong a, ulong immediate)
    {
        VectorRequest r = VectorRequest.Unpack(immediate);
        Vector128<byte> first = Read(state, r.Low, r.High), second = Read(state, r.SourceLow, r.SourceHigh);
        int lengthA, lengthB;
        if (r.Mnemonic is Mnemonic.Pcmpestri or Mnemonic.Pcmpestrm or Mnemonic.Pcmpestri64 or Mnemonic.Pcmpestrm64)
        {
            long x = (long)state->Slots[X86Slots.Rax], y = (long)state->Slots[X86Slots.Rdx];
            lengthA = StringCompare.ExplicitLength(r.IsWide ? x : (int)x, r.Immediate);
            lengthB = StringCompare.ExplicitLength(r.IsWide ? y : (int)y, r.Immediate);
        }
        else
        {
            (lengthA, lengthB) = (StringCompare.ImplicitLength(first, r.Immediate), StringCompare.ImplicitLength(second, r.Immediate));
        }

        var compare = new StringCompare(first, second, r.Immediate, lengthA, lengthB);
        if (r.Mnemonic is Mnemonic.Pcmpestri or Mnemonic.Pcmpistri or Mnemonic.Pcmpestri64)
        {
            state->Slots[X86Slots.Rcx] = compare.Index;
        }
        else
        {
            Write(state, X86Slots.XmmLow, X86Slots.XmmHigh, compare.Mask);
        }

        state->Slots[X86Slots.Scratch + 2] = compare.Flags;
        return 0;
    }

    private static int LoadControlOf(CpuState* state, ulong value, ulong immediate)
    {
        if (((uint)value & ~FpuEnvironment.ControlMask) != 0)
        {
            return X86Cpu.Of(state).Raise(X86Fault.GeneralProtection);
        }

        state->Slots[X86Slots.Mxcsr] = (uint)value;
        return 0;
    }

    private static int StoreMaskedOf(CpuState* state, ulong address, ulong immediate)
    {
        VectorRequest r = VectorRequest.Unpack(immediate);
        Vector128<byte> value = Read(state, r.Low, r.High), mask = Read(state, r.SourceLow, r.SourceHigh);
        IExecution execution = X86Cpu.Of(state).Execution;
        uint count = r.High == X86Slots.Zero ? 8U : 16;

        // All bytes must be there for a write, whichever the mask selects: the manual leaves it open, and AMD's processors do it so.
        if (!execution.Reach(address, write: true, out _) || (((address + count - 1) ^ address) >= 0x1000 && !execution.Reach((address + count - 1) & ~0xFFFUL, write: true, out _)))
        {
            return (int)ExitReason.Fault;
        }

        for (int i = 0; i < count; i++)
        {
            if (mask[i] >= 0x80 && !execution.WriteVirtual(address + (uint)i, 1, value[i]))
            {
                return (int)ExitReason.Fault;
            }
        }

        return 0;
    }
}
