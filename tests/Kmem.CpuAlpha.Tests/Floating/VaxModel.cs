using System.Numerics;
using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.CpuAlpha.Tests.Floating;

/// <summary>VAX floating point by the manual, on big integers.</summary>
/// <remarks>Source: Alpha Architecture Handbook, sections 2.2.5 (formats), 4.7.7 (traps) and 4.10 (instructions).</remarks>
internal static class VaxModel
{
    /// <summary>What an instruction leaves: the image, and the exceptions whether wanted or not.</summary>
    public readonly record struct Result(ulong Image, TrapSummary Raised);

    private const ulong Reserved = 1UL << 63, True = 1UL << 62;

    /// <summary>The result of an operation on numbers.</summary>
    public static Result Compute(FloatingOperation operation, ulong a, ulong b, bool chopped)
    {
        RoundingMode mode = chopped ? RoundingMode.Chopped : RoundingMode.NearestAway;
        bool isF = operation is FloatingOperation.Addf or FloatingOperation.Subf or FloatingOperation.Mulf or FloatingOperation.Divf or FloatingOperation.Sqrtf or FloatingOperation.Cvtgf or FloatingOperation.Cvtqf;
        ExactNumber x = Number(a), y = operation == FloatingOperation.Cvtdg ? NumberOfD(b) : Number(b);
        switch (operation)
        {
            case FloatingOperation.Addf or FloatingOperation.Addg:
                return Pack(x + y, isF, mode);
            case FloatingOperation.Subf or FloatingOperation.Subg:
                return Pack(x - y, isF, mode);
            case FloatingOperation.Mulf or FloatingOperation.Mulg:
                return Pack(x * y, isF, mode);
            case FloatingOperation.Divf or FloatingOperation.Divg:
                return y.IsZero ? new Result(Reserved, TrapSummary.DivideByZero) : Pack(x / y, isF, mode);
            case FloatingOperation.Sqrtf or FloatingOperation.Sqrtg:
                return y.IsNegative ? new Result(Reserved, TrapSummary.InvalidOperation) : y.IsZero ? default : Pack(y.SquareRoot(), isF, mode);
            case FloatingOperation.Cmpgeq:
                return Truth(ExactNumber.Compare(x, y) == 0);
            case FloatingOperation.Cmpglt:
                return Truth(ExactNumber.Compare(x, y) < 0);
            case FloatingOperation.Cmpgle:
                return Truth(ExactNumber.Compare(x, y) <= 0);
            case FloatingOperation.Cvtqf or FloatingOperation.Cvtqg:
                return Pack(ExactNumber.FromInteger((long)b), isF, mode);
            case FloatingOperation.Cvtgf or FloatingOperation.Cvtdg:
                return Pack(y, isF, mode);
            case FloatingOperation.Cvtgd:
                return PackD(y, mode);
            case FloatingOperation.Cvtgq:
                return ToInteger(y, mode);
            default:
                throw new ArgumentOutOfRangeException(nameof(operation), operation, "This is no VAX operation.");
        }
    }

    /// <summary>G: 11 bits of exponent in excess of 1024, a fraction below one whose first bit is hidden.</summary>
    private static ExactNumber Number(ulong image)
    {
        int exponent = (int)(image >> 52) & 0x7FF;
        return exponent == 0 ? ExactNumber.FromInteger(0) : ExactNumber.FromBinary((long)image < 0, (1UL << 52) | (image & ((1UL << 52) - 1)), exponent - 1024 - 53);
    }

    /// <summary>D: 8 bits of exponent in excess of 128.</summary>
    private static ExactNumber NumberOfD(ulong image)
    {
        int exponent = (int)(image >> 55) & 0xFF;
        return exponent == 0 ? ExactNumber.FromInteger(0) : ExactNumber.FromBinary((long)image < 0, (1UL << 55) | (image & ((1UL << 55) - 1)), exponent - 128 - 56);
    }

    /// <summary>F stands in a register as the G number of the same value; its exponent runs from -127 to 127, that of G from -1023 to 1023, of fractions below one.</summary>
    private static Result Pack(ExactNumber number, bool isF, RoundingMode mode)
    {
        (int precision, int limit) = isF ? (24, 127) : (53, 1023);
        return Pack(number, mode, precision, limit, fractionBits: 52, excess: 1024);
    }

    private static Result PackD(ExactNumber number, RoundingMode mode) => Pack(number, mode, precision: 56, limit: 127, fractionBits: 55, excess: 128);

    private static Result Pack(ExactNumber number, RoundingMode mode, int precision, int limit, int fractionBits, int excess)
    {
        if (number.IsZero)
        {
            return default;
        }

        (BigInteger significand, int power, _) = number.Round(precision, int.MinValue, mode);
        int exponent = power + (int)significand.GetBitLength();
        if (exponent > limit)
        {
            return new Result(Reserved, TrapSummary.Overflow);
        }

        if (exponent < -limit)
        {
            return new Result(0, TrapSummary.Underflow);
        }

        int shift = fractionBits + 1 - (int)significand.GetBitLength();
        ulong fraction = (ulong)(shift >= 0 ? significand << shift : significand >> -shift) & ((1UL << fractionBits) - 1);
        return new Result((number.IsNegative ? Reserved : 0) | ((ulong)(exponent + excess) << fractionBits) | fraction, TrapSummary.None);
    }

    private static Result ToInteger(ExactNumber number, RoundingMode mode)
    {
        (BigInteger magnitude, int power, bool inexact) = number.Round(precision: 4096, 0, mode);
        BigInteger value = (number.IsNegative ? -magnitude : magnitude) << power;
        bool fits = value >= long.MinValue && value <= long.MaxValue;
        TrapSummary raised = !fits ? TrapSummary.IntegerOverflow | TrapSummary.Inexact : inexact ? TrapSummary.Inexact : TrapSummary.None;
        return new Result((ulong)(value & ulong.MaxValue), raised);
    }

    private static Result Truth(bool holds) => new(holds ? True : 0, TrapSummary.None);
}
