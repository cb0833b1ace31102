using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Kmem.Ir;

/// <summary>The meaning of every micro-op that computes: one method each, called by the interpreter and by translated code.</summary>
/// <remarks>Booleans are 0 and 1. Shift counts use their low six bits.</remarks>
public static class Kernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

#pragma warning disable CS1591 // One line each: the line is the documentation.
    [MethodImpl(Inline)] public static ulong Mov(ulong a) => a;
    [MethodImpl(Inline)] public static ulong Add(ulong a, ulong b) => a + b;
    [MethodImpl(Inline)] public static ulong Sub(ulong a, ulong b) => a - b;
    [MethodImpl(Inline)] public static ulong Mul(ulong a, ulong b) => a * b;
    [MethodImpl(Inline)] public static ulong MulHighU(ulong a, ulong b) => Bmi2.X64.IsSupported ? Bmi2.X64.MultiplyNoFlags(a, b) : Math.BigMul(a, b, out _);
    [MethodImpl(Inline)] public static ulong And(ulong a, ulong b) => a & b;
    [MethodImpl(Inline)] public static ulong Or(ulong a, ulong b) => a | b;
    [MethodImpl(Inline)] public static ulong Xor(ulong a, ulong b) => a ^ b;
    [MethodImpl(Inline)] public static ulong AndNot(ulong a, ulong b) => a & ~b;
    [MethodImpl(Inline)] public static ulong OrNot(ulong a, ulong b) => a | ~b;
    [MethodImpl(Inline)] public static ulong XorNot(ulong a, ulong b) => a ^ ~b;
    [MethodImpl(Inline)] public static ulong Shl(ulong a, ulong b) => a << (int)b;
    [MethodImpl(Inline)] public static ulong Shr(ulong a, ulong b) => a >> (int)b;
    [MethodImpl(Inline)] public static ulong Sar(ulong a, ulong b) => (ulong)((long)a >> (int)b);
    [MethodImpl(Inline)] public static ulong AddL(ulong a, ulong b) => (ulong)(long)((int)a + (int)b);
    [MethodImpl(Inline)] public static ulong SubL(ulong a, ulong b) => (ulong)(long)((int)a - (int)b);
    [MethodImpl(Inline)] public static ulong MulL(ulong a, ulong b) => (ulong)(long)((int)a * (int)b);
    [MethodImpl(Inline)] public static ulong SetEq(ulong a, ulong b) => a == b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLtS(ulong a, ulong b) => (long)a < (long)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLeS(ulong a, ulong b) => (long)a <= (long)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLtU(ulong a, ulong b) => a < b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLeU(ulong a, ulong b) => a <= b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong ShlAdd(ulong a, ulong b, ulong count) => (a << (int)count) + b;
    [MethodImpl(Inline)] public static ulong ShlSub(ulong a, ulong b, ulong count) => (a << (int)count) - b;
    [MethodImpl(Inline)] public static ulong ShlAddL(ulong a, ulong b, ulong count) => (ulong)(long)((int)(a << (int)count) + (int)b);
    [MethodImpl(Inline)] public static ulong ShlSubL(ulong a, ulong b, ulong count) => (ulong)(long)((int)(a << (int)count) - (int)b);
    [MethodImpl(Inline)] public static ulong Sext8(ulong a) => (ulong)(long)(sbyte)a;
    [MethodImpl(Inline)] public static ulong Sext16(ulong a) => (ulong)(long)(short)a;
    [MethodImpl(Inline)] public static ulong Sext32(ulong a) => (ulong)(long)(int)a;
    [MethodImpl(Inline)] public static ulong Zext8(ulong a) => (byte)a;
    [MethodImpl(Inline)] public static ulong Zext16(ulong a) => (ushort)a;
    [MethodImpl(Inline)] public static ulong Zext32(ulong a) => (uint)a;

    // On the low halves; results are zero-extended.
    [MethodImpl(Inline)] public static ulong Add32(ulong a, ulong b) => (uint)a + (uint)b;
    [MethodImpl(Inline)] public static ulong Sub32(ulong a, ulong b) => (uint)a - (uint)b;
    [MethodImpl(Inline)] public static ulong And32(ulong a, ulong b) => (uint)a & (uint)b;
    [MethodImpl(Inline)] public static ulong Or32(ulong a, ulong b) => (uint)a | (uint)b;
    [MethodImpl(Inline)] public static ulong Xor32(ulong a, ulong b) => (uint)a ^ (uint)b;
    [MethodImpl(Inline)] public static ulong Shl32(ulong a, ulong b) => (uint)a << (int)b;
    [MethodImpl(Inline)] public static ulong Shr32(ulong a, ulong b) => (uint)a >> (int)b;
    [MethodImpl(Inline)] public static ulong Sar32(ulong a, ulong b) => (uint)((int)a >> (int)b);
    [MethodImpl(Inline)] public static ulong Mul32(ulong a, ulong b) => (uint)a * (uint)b;
    [MethodImpl(Inline)] public static ulong SetEq32(ulong a, ulong b) => (uint)a == (uint)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLtS32(ulong a, ulong b) => (int)a < (int)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLeS32(ulong a, ulong b) => (int)a <= (int)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLtU32(ulong a, ulong b) => (uint)a < (uint)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong SetLeU32(ulong a, ulong b) => (uint)a <= (uint)b ? 1UL : 0;
    [MethodImpl(Inline)] public static ulong Rol(ulong a, ulong b) => BitOperations.RotateLeft(a, (int)b);
    [MethodImpl(Inline)] public static ulong Ror(ulong a, ulong b) => BitOperations.RotateRight(a, (int)b);
    [MethodImpl(Inline)] public static ulong Rol32(ulong a, ulong b) => BitOperations.RotateLeft((uint)a, (int)b);
    [MethodImpl(Inline)] public static ulong Ror32(ulong a, ulong b) => BitOperations.RotateRight((uint)a, (int)b);
    [MethodImpl(Inline)] public static ulong MulHighS(ulong a, ulong b) => (ulong)Math.BigMul((long)a, (long)b, out _);
    [MethodImpl(Inline)] public static ulong Insert8(ulong a, ulong b) => (a & ~0xFFUL) | (byte)b;
    [MethodImpl(Inline)] public static ulong Insert8H(ulong a, ulong b) => (a & ~0xFF00UL) | ((ulong)(byte)b << 8);
    [MethodImpl(Inline)] public static ulong Insert16(ulong a, ulong b) => (a & ~0xFFFFUL) | (ushort)b;

    // Conditions of branches that compare.
    [MethodImpl(Inline)] public static bool IfEq(ulong a, ulong b) => a == b;
    [MethodImpl(Inline)] public static bool IfNe(ulong a, ulong b) => a != b;
    [MethodImpl(Inline)] public static bool IfLtS(ulong a, ulong b) => (long)a < (long)b;
    [MethodImpl(Inline)] public static bool IfGeS(ulong a, ulong b) => (long)a >= (long)b;
    [MethodImpl(Inline)] public static bool IfLtU(ulong a, ulong b) => a < b;
    [MethodImpl(Inline)] public static bool IfGeU(ulong a, ulong b) => a >= b;
    [MethodImpl(Inline)] public static bool IfEq32(ulong a, ulong b) => (uint)a == (uint)b;
    [MethodImpl(Inline)] public static bool IfNe32(ulong a, ulong b) => (uint)a != (uint)b;
    [MethodImpl(Inline)] public static bool IfLtS32(ulong a, ulong b) => (int)a < (int)b;
    [MethodImpl(Inline)] public static bool IfGeS32(ulong a, ulong b) => (int)a >= (int)b;
    [MethodImpl(Inline)] public static bool IfLtU32(ulong a, ulong b) => (uint)a < (uint)b;
    [MethodImpl(Inline)] public static bool IfGeU32(ulong a, ulong b) => (uint)a >= (uint)b;

    // Conditions of conditional moves and branches.
    [MethodImpl(Inline)] public static bool IsEq(ulong a) => a == 0;
    [MethodImpl(Inline)] public static bool IsNe(ulong a) => a != 0;
    [MethodImpl(Inline)] public static bool IsLt(ulong a) => (long)a < 0;
    [MethodImpl(Inline)] public static bool IsGe(ulong a) => (long)a >= 0;
    [MethodImpl(Inline)] public static bool IsLe(ulong a) => (long)a <= 0;
    [MethodImpl(Inline)] public static bool IsGt(ulong a) => (long)a > 0;
    [MethodImpl(Inline)] public static bool IsLbs(ulong a) => (a & 1) != 0;
    [MethodImpl(Inline)] public static bool IsLbc(ulong a) => (a & 1) == 0;
#pragma warning restore CS1591
}
