using System.Runtime.CompilerServices;
using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Arithmetic by the host's own instructions, for operands and results that are normal numbers, where rounding is to the nearest and inexact results say nothing new.</summary>
/// <remarks>IEEE 754 says what these results are, so they are the same on every host. False means that <see cref="LaneArithmetic"/> must decide.</remarks>
internal static class LaneFastPath
{
    /// <summary>a + b, or a - b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryAdd(ulong a, ulong b, bool isDouble, bool subtract, in FloatingContext context, out ulong result)
    {
        if (!context.IsRoundingSilent)
        {
            result = 0;
            return false;
        }

        if (isDouble)
        {
            double x = BitConverter.UInt64BitsToDouble(a), y = BitConverter.UInt64BitsToDouble(b);
            result = BitConverter.DoubleToUInt64Bits(subtract ? x - y : x + y);
            return IsNormalDouble(a) && IsNormalDouble(b) && IsNormalDouble(result);
        }

        float u = BitConverter.UInt32BitsToSingle((uint)a), v = BitConverter.UInt32BitsToSingle((uint)b);
        result = BitConverter.SingleToUInt32Bits(subtract ? u - v : u + v);
        return IsNormalSingle((uint)a) && IsNormalSingle((uint)b) && IsNormalSingle((uint)result);
    }

    /// <summary>a * b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryMultiply(ulong a, ulong b, bool isDouble, in FloatingContext context, out ulong result)
    {
        if (!context.IsRoundingSilent)
        {
            result = 0;
            return false;
        }

        if (isDouble)
        {
            result = BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(a) * BitConverter.UInt64BitsToDouble(b));
            return IsNormalDouble(a) && IsNormalDouble(b) && IsClearlyNormalDouble(result);
        }

        result = BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)a) * BitConverter.UInt32BitsToSingle((uint)b));
        return IsNormalSingle((uint)a) && IsNormalSingle((uint)b) && IsClearlyNormalSingle((uint)result);
    }

    /// <summary>a / b.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TryDivide(ulong a, ulong b, bool isDouble, in FloatingContext context, out ulong result)
    {
        if (!context.IsRoundingSilent)
        {
            result = 0;
            return false;
        }

        if (isDouble)
        {
            result = BitConverter.DoubleToUInt64Bits(BitConverter.UInt64BitsToDouble(a) / BitConverter.UInt64BitsToDouble(b));
            return IsNormalDouble(a) && IsNormalDouble(b) && IsClearlyNormalDouble(result);
        }

        result = BitConverter.SingleToUInt32Bits(BitConverter.UInt32BitsToSingle((uint)a) / BitConverter.UInt32BitsToSingle((uint)b));
        return IsNormalSingle((uint)a) && IsNormalSingle((uint)b) && IsClearlyNormalSingle((uint)result);
    }

    /// <summary>The square root of a.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool TrySquareRoot(ulong a, bool isDouble, in FloatingContext context, out ulong result)
    {
        if (isDouble)
        {
            result = BitConverter.DoubleToUInt64Bits(Math.Sqrt(BitConverter.UInt64BitsToDouble(a)));
            return context.IsRoundingSilent && IsNormalDouble(a) && a >> 63 == 0;
        }

        result = BitConverter.SingleToUInt32Bits(MathF.Sqrt(BitConverter.UInt32BitsToSingle((uint)a)));
        return context.IsRoundingSilent && IsNormalSingle((uint)a) && (uint)a >> 31 == 0;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsNormalDouble(ulong x) => (x << 1) - (1UL << 53) < (0x7FEUL << 53);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsNormalSingle(uint x) => (x << 1) - (1U << 24) < (0xFEU << 24);

    /// <summary>Whether a result is normal, and too large to have been rounded up to that.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsClearlyNormalDouble(ulong x) => (x << 1) - (2UL << 53) < (0x7FDUL << 53);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static bool IsClearlyNormalSingle(uint x) => (x << 1) - (2U << 24) < (0xFDU << 24);
}
