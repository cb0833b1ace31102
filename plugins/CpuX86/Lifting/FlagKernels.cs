using System.Numerics;
using System.Runtime.CompilerServices;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>The arithmetic flags from what they follow from.</summary>
/// <remarks>Source: Intel SDM volume 1, 3.4.3.1 "Status Flags", and the instructions' pages in volume 2.</remarks>
internal static unsafe class FlagKernels
{
    /// <summary>All six flags, from A, B and the kind.</summary>
    public static readonly PureKernel All = GuestKernels.Pure3(&Flags, Flags);

    /// <summary>The conditions of the condition codes 0, 2, 4, ... 14 (the odd ones are their opposites), from A, B and the kind: 0 or 1.</summary>
    public static readonly PureKernel[] Conditions =
    [
        GuestKernels.Pure3(&Overflow, Overflow), GuestKernels.Pure3(&Below, Below), GuestKernels.Pure3(&Equal, Equal), GuestKernels.Pure3(&BelowOrEqual, BelowOrEqual),
        GuestKernels.Pure3(&Sign, Sign), GuestKernels.Pure3(&Parity, Parity), GuestKernels.Pure3(&Less, Less), GuestKernels.Pure3(&LessOrEqual, LessOrEqual),
    ];

    /// <summary>The number of a kind for operands of some bytes.</summary>
    public static ulong Number(FlagKind kind, int width) => ((ulong)kind << 2) | (uint)BitOperations.Log2((uint)width);

    /// <summary>The six flags.</summary>
    public static ulong Flags(ulong a, ulong b, ulong number)
    {
        var kind = (FlagKind)(number >> 2);
        if (kind == FlagKind.Explicit)
        {
            return a & Eflags.Arithmetic;
        }

        int log2 = (int)number & 3, shift = 64 - (8 << log2);

        // At the top of 64 bits, carries leave by themselves and signs are signs.
        ulong result, x = a << shift, y = b << shift, one = 1UL << shift, carry = 0, overflow = 0, auxiliary = 0;
        switch (kind)
        {
            case FlagKind.Add:
                result = x + y;
                carry = result < x ? 1UL : 0;
                overflow = ((x ^ result) & (y ^ result)) >> 63;
                auxiliary = (a ^ b ^ (result >> shift)) & 0x10;
                break;
            case FlagKind.AddCarry:
                result = x + y + one;
                carry = result <= x ? 1UL : 0;
                overflow = ((x ^ result) & (y ^ result)) >> 63;
                auxiliary = (a ^ b ^ (result >> shift)) & 0x10;
                break;
            case FlagKind.Sub:
                result = x - y;
                carry = x < y ? 1UL : 0;
                overflow = ((x ^ y) & (x ^ result)) >> 63;
                auxiliary = (a ^ b ^ (result >> shift)) & 0x10;
                break;
            case FlagKind.SubBorrow:
                result = x - y - one;
                carry = x <= y ? 1UL : 0;
                overflow = ((x ^ y) & (x ^ result)) >> 63;
                auxiliary = (a ^ b ^ (result >> shift)) & 0x10;
                break;
            case FlagKind.Increment:
                result = x;
                carry = b & 1;
                overflow = x == 1UL << 63 ? 1UL : 0;
                auxiliary = (a & 0xF) == 0 ? 0x10UL : 0;
                break;
            case FlagKind.Decrement:
                result = x;
                carry = b & 1;
                overflow = x == (1UL << 63) - one ? 1UL : 0;
                auxiliary = (a & 0xF) == 0xF ? 0x10UL : 0;
                break;
            case FlagKind.ShiftLeft:
                result = x;
                carry = y >> 63;
                overflow = (x ^ y) >> 63;
                break;
            case FlagKind.ShiftRight:
                result = x;
                carry = b & 1;
                overflow = (x ^ y) >> 63;
                break;
            case FlagKind.Carry:
                result = x;
                carry = b & 1;
                overflow = (b >> 11) & 1;
                break;
            default:
                result = x;
                break;
        }

        ulong flags = carry | (overflow << 11) | auxiliary | ((result >> 63) << 7) | (result == 0 ? Eflags.Zf : 0);
        return flags | (ParityOf(result >> shift) << 2);
    }

    /// <summary>1 where the low byte has an even number of set bits.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ulong ParityOf(ulong result)
    {
        uint folded = (uint)(byte)result;
        folded ^= folded >> 4;
        return (0x9669u >> (int)(folded & 15)) & 1;
    }

    /// <summary>Whether a condition holds for a flags word.</summary>
    /// <param name="flags">The flags.</param>
    /// <param name="code">Condition code 0..15.</param>
    public static bool Holds(ulong flags, int code)
    {
        bool less = ((flags >> 7) & 1) != ((flags >> 11) & 1);
        bool holds = (code >> 1) switch
        {
            0 => (flags & Eflags.Of) != 0,
            1 => (flags & Eflags.Cf) != 0,
            2 => (flags & Eflags.Zf) != 0,
            3 => (flags & (Eflags.Cf | Eflags.Zf)) != 0,
            4 => (flags & Eflags.Sf) != 0,
            5 => (flags & Eflags.Pf) != 0,
            6 => less,
            _ => less || (flags & Eflags.Zf) != 0,
        };
        return holds != ((code & 1) != 0);
    }

    /// <summary>The number 0..15 of a condition as opcodes have it.</summary>
    public static int NumberOf(ConditionCode code) => code switch
    {
        ConditionCode.o => 0,
        ConditionCode.no => 1,
        ConditionCode.b => 2,
        ConditionCode.ae => 3,
        ConditionCode.e => 4,
        ConditionCode.ne => 5,
        ConditionCode.be => 6,
        ConditionCode.a => 7,
        ConditionCode.s => 8,
        ConditionCode.ns => 9,
        ConditionCode.p => 10,
        ConditionCode.np => 11,
        ConditionCode.l => 12,
        ConditionCode.ge => 13,
        ConditionCode.le => 14,
        _ => 15,
    };

    private static ulong Overflow(ulong a, ulong b, ulong number) => (Flags(a, b, number) >> 11) & 1;

    private static ulong Below(ulong a, ulong b, ulong number)
    {
        int shift = 64 - (8 << ((int)number & 3));
        return (FlagKind)(number >> 2) switch
        {
            FlagKind.Sub => a << shift < b << shift ? 1UL : 0,
            FlagKind.Logic => 0,
            _ => Flags(a, b, number) & 1,
        };
    }

    private static ulong Equal(ulong a, ulong b, ulong number)
    {
        int shift = 64 - (8 << ((int)number & 3));
        return (FlagKind)(number >> 2) switch
        {
            FlagKind.Sub => (a ^ b) << shift == 0 ? 1UL : 0,
            FlagKind.Explicit => (a >> 6) & 1,
            FlagKind.Add or FlagKind.AddCarry or FlagKind.SubBorrow => (Flags(a, b, number) >> 6) & 1,
            _ => a << shift == 0 ? 1UL : 0,
        };
    }

    private static ulong BelowOrEqual(ulong a, ulong b, ulong number)
    {
        int shift = 64 - (8 << ((int)number & 3));
        return (FlagKind)(number >> 2) switch
        {
            FlagKind.Sub => a << shift <= b << shift ? 1UL : 0,
            _ => (Flags(a, b, number) & (Eflags.Cf | Eflags.Zf)) != 0 ? 1UL : 0,
        };
    }

    private static ulong Sign(ulong a, ulong b, ulong number) => (Flags(a, b, number) >> 7) & 1;

    private static ulong Parity(ulong a, ulong b, ulong number) => (Flags(a, b, number) >> 2) & 1;

    private static ulong Less(ulong a, ulong b, ulong number)
    {
        int shift = 64 - (8 << ((int)number & 3));
        return (FlagKind)(number >> 2) == FlagKind.Sub
            ? (long)(a << shift) < (long)(b << shift) ? 1UL : 0
            : Holds(Flags(a, b, number), 12) ? 1UL : 0;
    }

    private static ulong LessOrEqual(ulong a, ulong b, ulong number)
    {
        int shift = 64 - (8 << ((int)number & 3));
        return (FlagKind)(number >> 2) == FlagKind.Sub
            ? (long)(a << shift) <= (long)(b << shift) ? 1UL : 0
            : Holds(Flags(a, b, number), 14) ? 1UL : 0;
    }
}
