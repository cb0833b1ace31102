using Kmem.Plugins.CpuX86.Floating;

namespace Kmem.Plugins.CpuX86.Vectors;

/// <summary>Bits of singles and doubles in lanes of a vector register.</summary>
internal static class LaneFormat
{
    private const uint PrecisionMask = 0x1000, PrecisionFlag = 0x20, SilentMask = 0x6000 | PrecisionMask | PrecisionFlag;

    /// <summary>Takes a lane apart; a denormal counts as zero where MXCSR.DAZ says so.</summary>
    public static Operand Take(ulong lane, bool isDouble, in FloatingContext context)
    {
        Operand x = isDouble ? Operand.OfDouble(lane) : Operand.OfSingle((uint)lane);
        return x.IsDenormal && context.DenormalsAreZero ? new Operand { Class = OperandClass.Zero, Value = new Number(x.Value.IsNegative, 0, 0) } : x;
    }

    /// <summary>Rounds a number.</summary>
    public static ulong Round(in Number n, bool isDouble, ref FloatingContext context) => isDouble ? Rounding.ToDouble(n, ref context) : Rounding.ToSingle(n, ref context);

    /// <summary>A zero.</summary>
    public static ulong Zero(bool negative, bool isDouble) => !negative ? 0 : isDouble ? 1UL << 63 : 1UL << 31;

    /// <summary>An infinity.</summary>
    public static ulong Infinity(bool negative, bool isDouble) => Zero(negative, isDouble) | (isDouble ? 0x7FF0_0000_0000_0000 : 0x7F80_0000UL);

    /// <summary>The quiet NaN that an invalid operation gives.</summary>
    public static ulong Indefinite(bool isDouble) => isDouble ? 0xFFF8_0000_0000_0000 : 0xFFC0_0000UL;

    /// <summary>The bit that makes a NaN quiet.</summary>
    public static ulong QuietBit(bool isDouble) => isDouble ? 1UL << 51 : 1UL << 22;

    /// <summary>Invalid operation: its result.</summary>
    public static ulong Invalid(bool isDouble, ref FloatingContext context)
    {
        context.Raised |= FloatingFlags.Invalid;
        return Indefinite(isDouble);
    }

    /// <summary>The NaN that an operation on two lanes gives, one of which is a NaN: the first one, made quiet.</summary>
    public static ulong Nan(ulong a, ulong b, in Operand x, in Operand y, bool isDouble, ref FloatingContext context)
    {
        if (x.Class == OperandClass.SignalingNan || y.Class == OperandClass.SignalingNan)
        {
            context.Raised |= FloatingFlags.Invalid;
        }

        return (x.IsNan ? a : b) | QuietBit(isDouble);
    }

    /// <summary>What MXCSR says, and what has been raised already.</summary>
    public static FloatingContext Context(uint mxcsr) => new()
    {
        Rounding = (RoundingControl)((mxcsr >> 13) & 3),
        Masked = (FloatingFlags)(mxcsr >> 7) & FloatingFlags.All,
        FlushToZero = (mxcsr & 0x8000) != 0,
        DenormalsAreZero = (mxcsr & 0x40) != 0,
        IsRoundingSilent = (mxcsr & SilentMask) == (PrecisionMask | PrecisionFlag),
    };
}
