using System.Numerics;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Rotations that no micro-op does, double shifts, and the flags of rotations.</summary>
internal static unsafe class RotationKernels
{
    public static readonly PureKernel Rol8 = GuestKernels.Pure(&Rol8Of, Rol8Of);
    public static readonly PureKernel Ror8 = GuestKernels.Pure(&Ror8Of, Ror8Of);
    public static readonly PureKernel Rol16 = GuestKernels.Pure(&Rol16Of, Rol16Of);
    public static readonly PureKernel Ror16 = GuestKernels.Pure(&Ror16Of, Ror16Of);

    private static readonly PureKernel LeftFlags8 = GuestKernels.Pure3(&LeftFlags8Of, LeftFlags8Of);
    private static readonly PureKernel LeftFlags16 = GuestKernels.Pure3(&LeftFlags16Of, LeftFlags16Of);
    private static readonly PureKernel LeftFlags32 = GuestKernels.Pure3(&LeftFlags32Of, LeftFlags32Of);
    private static readonly PureKernel LeftFlags64 = GuestKernels.Pure3(&LeftFlags64Of, LeftFlags64Of);
    private static readonly PureKernel RightFlags8 = GuestKernels.Pure3(&RightFlags8Of, RightFlags8Of);
    private static readonly PureKernel RightFlags16 = GuestKernels.Pure3(&RightFlags16Of, RightFlags16Of);
    private static readonly PureKernel RightFlags32 = GuestKernels.Pure3(&RightFlags32Of, RightFlags32Of);
    private static readonly PureKernel RightFlags64 = GuestKernels.Pure3(&RightFlags64Of, RightFlags64Of);
    private static readonly PureKernel Rcl8 = GuestKernels.Pure3(&Rcl8Of, Rcl8Of);
    private static readonly PureKernel Rcl16 = GuestKernels.Pure3(&Rcl16Of, Rcl16Of);
    private static readonly PureKernel Rcl32 = GuestKernels.Pure3(&Rcl32Of, Rcl32Of);
    private static readonly PureKernel Rcl64 = GuestKernels.Pure3(&Rcl64Of, Rcl64Of);
    private static readonly PureKernel Rcr8 = GuestKernels.Pure3(&Rcr8Of, Rcr8Of);
    private static readonly PureKernel Rcr16 = GuestKernels.Pure3(&Rcr16Of, Rcr16Of);
    private static readonly PureKernel Rcr32 = GuestKernels.Pure3(&Rcr32Of, Rcr32Of);
    private static readonly PureKernel Rcr64 = GuestKernels.Pure3(&Rcr64Of, Rcr64Of);
    private static readonly PureKernel RclFlags8 = GuestKernels.Pure3(&RclFlags8Of, RclFlags8Of);
    private static readonly PureKernel RclFlags16 = GuestKernels.Pure3(&RclFlags16Of, RclFlags16Of);
    private static readonly PureKernel RclFlags32 = GuestKernels.Pure3(&RclFlags32Of, RclFlags32Of);
    private static readonly PureKernel RclFlags64 = GuestKernels.Pure3(&RclFlags64Of, RclFlags64Of);
    private static readonly PureKernel RcrFlags8 = GuestKernels.Pure3(&RcrFlags8Of, RcrFlags8Of);
    private static readonly PureKernel RcrFlags16 = GuestKernels.Pure3(&RcrFlags16Of, RcrFlags16Of);
    private static readonly PureKernel RcrFlags32 = GuestKernels.Pure3(&RcrFlags32Of, RcrFlags32Of);
    private static readonly PureKernel RcrFlags64 = GuestKernels.Pure3(&RcrFlags64Of, RcrFlags64Of);
    private static readonly PureKernel Shld16 = GuestKernels.Pure3(&Shld16Of, Shld16Of);
    private static readonly PureKernel Shld32 = GuestKernels.Pure3(&Shld32Of, Shld32Of);
    private static readonly PureKernel Shld64 = GuestKernels.Pure3(&Shld64Of, Shld64Of);
    private static readonly PureKernel Shrd16 = GuestKernels.Pure3(&Shrd16Of, Shrd16Of);
    private static readonly PureKernel Shrd32 = GuestKernels.Pure3(&Shrd32Of, Shrd32Of);
    private static readonly PureKernel Shrd64 = GuestKernels.Pure3(&Shrd64Of, Shrd64Of);

    /// <summary>The kernel of a rotation's flags: on its result, its masked count and the flags before.</summary>
    public static PureKernel FlagsOf(int width, bool isLeft) => width switch
    {
        1 => isLeft ? LeftFlags8 : RightFlags8,
        2 => isLeft ? LeftFlags16 : RightFlags16,
        4 => isLeft ? LeftFlags32 : RightFlags32,
        _ => isLeft ? LeftFlags64 : RightFlags64,
    };

    /// <summary>The kernel of RCL or RCR: on the operand, the count and the flags before.</summary>
    public static PureKernel ThroughCarry(int width, bool isLeft) => width switch
    {
        1 => isLeft ? Rcl8 : Rcr8,
        2 => isLeft ? Rcl16 : Rcr16,
        4 => isLeft ? Rcl32 : Rcr32,
        _ => isLeft ? Rcl64 : Rcr64,
    };

    /// <summary>The kernel of their flags: on the same.</summary>
    public static PureKernel ThroughCarryFlags(int width, bool isLeft) => width switch
    {
        1 => isLeft ? RclFlags8 : RcrFlags8,
        2 => isLeft ? RclFlags16 : RcrFlags16,
        4 => isLeft ? RclFlags32 : RcrFlags32,
        _ => isLeft ? RclFlags64 : RcrFlags64,
    };

    /// <summary>The kernel of SHLD or SHRD: on both operands and the masked count.</summary>
    public static PureKernel Double(int width, bool isLeft) => width switch
    {
        2 => isLeft ? Shld16 : Shrd16,
        4 => isLeft ? Shld32 : Shrd32,
        _ => isLeft ? Shld64 : Shrd64,
    };

    private static ulong Rol8Of(ulong a, ulong b) => (byte)((byte)a << ((int)b & 7) | (byte)a >> (8 - ((int)b & 7)));

    private static ulong Ror8Of(ulong a, ulong b) => (byte)((byte)a >> ((int)b & 7) | (byte)a << (8 - ((int)b & 7)));

    private static ulong Rol16Of(ulong a, ulong b) => (ushort)((ushort)a << ((int)b & 15) | (ushort)a >> (16 - ((int)b & 15)));

    private static ulong Ror16Of(ulong a, ulong b) => (ushort)((ushort)a >> ((int)b & 15) | (ushort)a << (16 - ((int)b & 15)));

    /// <summary>CF is the lowest bit of the result, OF whether the top bit differs from it.</summary>
    private static ulong LeftFlags(ulong result, ulong count, ulong flags, int bits)
    {
        ulong carry = result & 1, top = (result >> (bits - 1)) & 1;
        return count == 0 ? flags : (flags & ~(Eflags.Cf | Eflags.Of)) | carry | ((carry ^ top) << 11);
    }

    /// <summary>CF is the top bit of the result, OF whether the one below differs from it.</summary>
    private static ulong RightFlags(ulong result, ulong count, ulong flags, int bits)
    {
        ulong carry = (result >> (bits - 1)) & 1, next = (result >> (bits - 2)) & 1;
        return count == 0 ? flags : (flags & ~(Eflags.Cf | Eflags.Of)) | carry | ((carry ^ next) << 11);
    }

    private static ulong LeftFlags8Of(ulong a, ulong b, ulong c) => LeftFlags(a, b, c, 8);

    private static ulong LeftFlags16Of(ulong a, ulong b, ulong c) => LeftFlags(a, b, c, 16);

    private static ulong LeftFlags32Of(ulong a, ulong b, ulong c) => LeftFlags(a, b, c, 32);

    private static ulong LeftFlags64Of(ulong a, ulong b, ulong c) => LeftFlags(a, b, c, 64);

    private static ulong RightFlags8Of(ulong a, ulong b, ulong c) => RightFlags(a, b, c, 8);

    private static ulong RightFlags16Of(ulong a, ulong b, ulong c) => RightFlags(a, b, c, 16);

    private static ulong RightFlags32Of(ulong a, ulong b, ulong c) => RightFlags(a, b, c, 32);

    private static ulong RightFlags64Of(ulong a, ulong b, ulong c) => RightFlags(a, b, c, 64);

    /// <summary>Rotates an operand and CF above it.</summary>
    private static ulong ThroughCarry(ulong a, ulong count, ulong flags, int bits, bool isLeft, out ulong after)
    {
        int n = (int)count & (bits == 64 ? 63 : 31);
        after = flags;
        a &= bits == 64 ? ulong.MaxValue : (1UL << bits) - 1;
        int steps = n % (bits + 1);
        if (n == 0)
        {
            return a;
        }

        UInt128 mask = (UInt128.One << (bits + 1)) - 1, value = a | ((UInt128)(flags & 1) << bits);
        int left = isLeft ? steps : (bits + 1 - steps) % (bits + 1);
        value = ((value << left) | (value >> (bits + 1 - left))) & mask;
        ulong result = (ulong)(value & ((UInt128.One << bits) - 1)), carry = (ulong)(value >> bits) & 1;
        ulong top = (result >> (bits - 1)) & 1, overflow = isLeft ? top ^ carry : top ^ ((result >> (bits - 2)) & 1);
        after = (flags & ~(Eflags.Cf | Eflags.Of)) | carry | (overflow << 11);
        return result;
    }

    private static ulong Rcl8Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 8, isLeft: true, out _);

    private static ulong Rcl16Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 16, isLeft: true, out _);

    private static ulong Rcl32Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 32, isLeft: true, out _);

    private static ulong Rcl64Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 64, isLeft: true, out _);

    private static ulong Rcr8Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 8, isLeft: false, out _);

    private static ulong Rcr16Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 16, isLeft: false, out _);

    private static ulong Rcr32Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 32, isLeft: false, out _);

    private static ulong Rcr64Of(ulong a, ulong b, ulong c) => ThroughCarry(a, b, c, 64, isLeft: false, out _);

    private static ulong FlagsThroughCarry(ulong a, ulong count, ulong flags, int bits, bool isLeft)
    {
        _ = ThroughCarry(a, count, flags, bits, isLeft, out ulong after);
        return after;
    }

    private static ulong RclFlags8Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 8, isLeft: true);

    private static ulong RclFlags16Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 16, isLeft: true);

    private static ulong RclFlags32Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 32, isLeft: true);

    private static ulong RclFlags64Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 64, isLeft: true);

    private static ulong RcrFlags8Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 8, isLeft: false);

    private static ulong RcrFlags16Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 16, isLeft: false);

    private static ulong RcrFlags32Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 32, isLeft: false);

    private static ulong RcrFlags64Of(ulong a, ulong b, ulong c) => FlagsThroughCarry(a, b, c, 64, isLeft: false);

    private static ulong Shld16Of(ulong a, ulong b, ulong count)
    {
        // The second operand follows the first one, and the first one follows again.
        ulong joined = ((ulong)(ushort)a << 32) | ((ulong)(ushort)b << 16) | (ushort)a;
        return (ushort)(joined << (int)count >> 32);
    }

    private static ulong Shld32Of(ulong a, ulong b, ulong count) => (uint)((((a << 32) | (uint)b) << (int)count) >> 32);

    private static ulong Shld64Of(ulong a, ulong b, ulong count) => count == 0 ? a : (a << (int)count) | (b >> (64 - (int)count));

    private static ulong Shrd16Of(ulong a, ulong b, ulong count)
    {
        ulong joined = ((ulong)(ushort)a << 32) | ((ulong)(ushort)b << 16) | (ushort)a;
        return (ushort)(joined >> (int)count);
    }

    private static ulong Shrd32Of(ulong a, ulong b, ulong count) => (uint)(((b << 32) | (uint)a) >> (int)count);

    private static ulong Shrd64Of(ulong a, ulong b, ulong count) => count == 0 ? a : (a >> (int)count) | (b << (64 - (int)count));
}
