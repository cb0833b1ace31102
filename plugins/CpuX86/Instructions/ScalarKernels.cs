using System.Runtime.CompilerServices;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Scalar SSE arithmetic by the host's hardware, and guards that say whether that was all.</summary>
/// <remarks>
/// A guard holds where operands and result are zero or normal, rounding is to the nearest, and either the precision exception is masked and noted already or
/// the result is exact; then MXCSR does not change and nothing is raised. Everything else is left to the arithmetic in software.
/// Operands are the low halves of registers; a single stands in the low half of its operand, and the other half of the first operand stays.
/// </remarks>
internal static unsafe class ScalarKernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private const ulong RoundingAndPrecision = 0x7020, Silent = 0x1020, RoundingMask = 0x6000;

    /// <summary>2^-960: below, the residual that shows inexactness could be lost itself.</summary>
    private const double Tiny = 1.0261342003245941E-289;

    private const double LeastSingle = 1.1754943508222875E-38, GreatestSingle = 3.4028234663852886E+38, TwoTo31 = 2147483648.0, TwoTo63 = 9223372036854775808.0;

    /// <summary>Arithmetic and conversions between lanes by mnemonic.</summary>
    public static readonly Dictionary<Mnemonic, GuardedKernel> Arithmetic = new()
    {
        [Mnemonic.Addsd] = Lane(&AddDouble, AddDouble, &IsPlainAddDouble, IsPlainAddDouble),
        [Mnemonic.Subsd] = Lane(&SubtractDouble, SubtractDouble, &IsPlainSubtractDouble, IsPlainSubtractDouble),
        [Mnemonic.Mulsd] = Lane(&MultiplyDouble, MultiplyDouble, &IsPlainMultiplyDouble, IsPlainMultiplyDouble),
        [Mnemonic.Divsd] = Lane(&DivideDouble, DivideDouble, &IsPlainDivideDouble, IsPlainDivideDouble),
        [Mnemonic.Sqrtsd] = Lane(&RootDouble, RootDouble, &IsPlainRootDouble, IsPlainRootDouble),
        [Mnemonic.Minsd] = Lane(&MinimumDouble, MinimumDouble, &ArePlainDoubles, ArePlainDoubles),
        [Mnemonic.Maxsd] = Lane(&MaximumDouble, MaximumDouble, &ArePlainDoubles, ArePlainDoubles),
        [Mnemonic.Addss] = Lane(&AddSingle, AddSingle, &IsPlainAddSingle, IsPlainAddSingle),
        [Mnemonic.Subss] = Lane(&SubtractSingle, SubtractSingle, &IsPlainSubtractSingle, IsPlainSubtractSingle),
        [Mnemonic.Mulss] = Lane(&MultiplySingle, MultiplySingle, &IsPlainMultiplySingle, IsPlainMultiplySingle),
        [Mnemonic.Divss] = Lane(&DivideSingle, DivideSingle, &IsPlainDivideSingle, IsPlainDivideSingle),
        [Mnemonic.Sqrtss] = Lane(&RootSingle, RootSingle, &IsPlainRootSingle, IsPlainRootSingle),
        [Mnemonic.Minss] = Lane(&MinimumSingle, MinimumSingle, &ArePlainSingles, ArePlainSingles),
        [Mnemonic.Maxss] = Lane(&MaximumSingle, MaximumSingle, &ArePlainSingles, ArePlainSingles),
        [Mnemonic.Cvtss2sd] = Lane(&ToDouble, ToDouble, &IsPlainToDouble, IsPlainToDouble),
        [Mnemonic.Cvtsd2ss] = Lane(&ToSingle, ToSingle, &IsPlainToSingle, IsPlainToSingle),
    };

    /// <summary>Arithmetic on one of two doubles in a register.</summary>
    public static readonly Dictionary<Mnemonic, GuardedKernel> Packed = new()
    {
        [Mnemonic.Addpd] = Half(&AddDouble, AddDouble, &IsPlainAddDouble, IsPlainAddDouble),
        [Mnemonic.Subpd] = Half(&SubtractDouble, SubtractDouble, &IsPlainSubtractDouble, IsPlainSubtractDouble),
        [Mnemonic.Mulpd] = Half(&MultiplyDouble, MultiplyDouble, &IsPlainMultiplyDouble, IsPlainMultiplyDouble),
        [Mnemonic.Divpd] = Half(&DivideDouble, DivideDouble, &IsPlainDivideDouble, IsPlainDivideDouble),
    };

    /// <summary>Comparisons of doubles and of singles: flags.</summary>
    public static readonly GuardedKernel CompareDoubles = GuestKernels.Guarded(&OrderDoubles, OrderDoubles, &ArePlainDoubles, ArePlainDoubles, &VectorHelpers.CompareScalarsOf, X86Slots.Mxcsr);

    /// <summary>As <see cref="CompareDoubles"/>.</summary>
    public static readonly GuardedKernel CompareSingles = GuestKernels.Guarded(&OrderSingles, OrderSingles, &ArePlainSingles, ArePlainSingles, &VectorHelpers.CompareScalarsOf, X86Slots.Mxcsr);

    /// <summary>An integer of 64 bits, or a smaller one sign-extended, as a double.</summary>
    public static readonly GuardedKernel FromInteger = GuestKernels.Guarded(&IntegerToDouble, IntegerToDouble, &IsPlainIntegerToDouble, IsPlainIntegerToDouble, &VectorHelpers.FromIntegerScalarOf, X86Slots.Mxcsr);

    /// <summary>The same as a single.</summary>
    public static readonly GuardedKernel FromIntegerSingle = GuestKernels.Guarded(&IntegerToSingle, IntegerToSingle, &IsPlainIntegerToSingle, IsPlainIntegerToSingle, &VectorHelpers.FromIntegerScalarOf, X86Slots.Mxcsr);

    /// <summary>A double truncated to 32 bits, with zeros above.</summary>
    public static readonly GuardedKernel Truncate32 = GuestKernels.Guarded(&ToInteger32, ToInteger32, &IsPlainToInteger32, IsPlainToInteger32, &VectorHelpers.ToIntegerScalarOf, X86Slots.Mxcsr);

    /// <summary>A double truncated to 64 bits.</summary>
    public static readonly GuardedKernel Truncate64 = GuestKernels.Guarded(&ToInteger64, ToInteger64, &IsPlainToInteger64, IsPlainToInteger64, &VectorHelpers.ToIntegerScalarOf, X86Slots.Mxcsr);

    /// <summary>A single truncated to 32 bits, with zeros above.</summary>
    public static readonly GuardedKernel TruncateSingle32 = GuestKernels.Guarded(&SingleToInteger32, SingleToInteger32, &IsPlainSingleToInteger32, IsPlainSingleToInteger32, &VectorHelpers.ToIntegerScalarOf, X86Slots.Mxcsr);

    private static GuardedKernel Lane(delegate*<double, double, double> value, Func<double, double, double> valueMethod, delegate*<double, double, double, ulong, bool> guard, Func<double, double, double, ulong, bool> guardMethod) =>
        GuestKernels.Guarded(value, valueMethod, guard, guardMethod, &VectorHelpers.ScalarOf, X86Slots.Mxcsr);

    private static GuardedKernel Half(delegate*<double, double, double> value, Func<double, double, double> valueMethod, delegate*<double, double, double, ulong, bool> guard, Func<double, double, double, ulong, bool> guardMethod) =>
        GuestKernels.Guarded(value, valueMethod, guard, guardMethod, &VectorHelpers.HalfOf, X86Slots.Mxcsr);

    [MethodImpl(Inline)]
    private static bool IsOrdinary(float x)
    {
        uint magnitude = BitConverter.SingleToUInt32Bits(x) << 1;
        return magnitude - 1 >= (1U << 24) - 1 && magnitude < 0xFF00_0000;
    }

    // An infinity or a NaN among the operands shows in the result, so that operands need one comparison only.
    [MethodImpl(Inline)]
    private static bool IsDenormal(double x) => (BitConverter.DoubleToUInt64Bits(x) << 1) - 1 < (1UL << 53) - 1;

    [MethodImpl(Inline)]
    private static bool IsDenormal(float x) => (BitConverter.SingleToUInt32Bits(x) << 1) - 1 < (1U << 24) - 1;

    [MethodImpl(Inline)]
    private static bool MayRound(ulong control) => (control & RoundingAndPrecision) == Silent;

    [MethodImpl(Inline)]
    private static bool IsNearest(ulong control) => (control & RoundingMask) == 0;

    [MethodImpl(Inline)]
    private static double AddDouble(double a, double b) => a + b;

    [MethodImpl(Inline)]
    private static double SubtractDouble(double a, double b) => a - b;

    [MethodImpl(Inline)]
    private static double MultiplyDouble(double a, double b) => a * b;

    [MethodImpl(Inline)]
    private static double DivideDouble(double a, double b) => a / b;

    [MethodImpl(Inline)]
    private static double RootDouble(double a, double b) => Math.Sqrt(b);

    [MethodImpl(Inline)]
    private static double MinimumDouble(double a, double b) => a < b ? a : b;

    [MethodImpl(Inline)]
    private static double MaximumDouble(double a, double b) => a > b ? a : b;

    [MethodImpl(Inline)]
    private static bool IsPlainAddDouble(double a, double b, double r, ulong control) =>
        !IsDenormal(a) && !IsDenormal(b) && Residuals.IsOrdinary(r) && (MayRound(control) || (IsNearest(control) && Residuals.OfSum(a, b, r) == 0));

    [MethodImpl(Inline)]
    private static bool IsPlainSubtractDouble(double a, double b, double r, ulong control) => IsPlainAddDouble(a, -b, r, control);

    [MethodImpl(Inline)]
    private static bool IsPlainMultiplyDouble(double a, double b, double r, ulong control) =>
        !IsDenormal(a) && !IsDenormal(b) && (Math.Abs(r) is > Tiny and <= double.MaxValue ? MayRound(control) || (IsNearest(control) && Residuals.OfProduct(a, b, r) == 0) : r == 0 && (a == 0 || b == 0));

    [MethodImpl(Inline)]
    private static bool IsPlainDivideDouble(double a, double b, double r, ulong control) =>
        !IsDenormal(a) && !IsDenormal(b) && Math.Abs(r) is > Tiny and <= double.MaxValue
        && (MayRound(control) || (IsNearest(control) && Math.Abs(a) > Tiny && Residuals.OfQuotient(a, b, r) == 0));

    private static bool IsPlainRootDouble(double a, double b, double r, ulong control) =>
        b is > Tiny and <= double.MaxValue && (MayRound(control) || (IsNearest(control) && Residuals.OfRoot(b, r) == 0));

    [MethodImpl(Inline)]
    private static bool ArePlainDoubles(double a, double b, double r, ulong control) => Residuals.IsOrdinary(a) && Residuals.IsOrdinary(b);

    [MethodImpl(Inline)]
    private static double OrderDoubles(double a, double b) => BitConverter.UInt64BitsToDouble(a < b ? Eflags.Cf : a == b ? Eflags.Zf : 0);

    [MethodImpl(Inline)]
    private static float Low(double x) => BitConverter.UInt32BitsToSingle((uint)BitConverter.DoubleToUInt64Bits(x));

    [MethodImpl(Inline)]
    private static double Insert(double a, float lane) =>
        BitConverter.UInt64BitsToDouble((BitConverter.DoubleToUInt64Bits(a) & ~(ulong)uint.MaxValue) | BitConverter.SingleToUInt32Bits(lane));

    [MethodImpl(Inline)]
    private static double AddSingle(double a, double b) => Insert(a, Low(a) + Low(b));

    [MethodImpl(Inline)]
    private static double SubtractSingle(double a, double b) => Insert(a, Low(a) - Low(b));

    [MethodImpl(Inline)]
    private static double MultiplySingle(double a, double b) => Insert(a, Low(a) * Low(b));

    [MethodImpl(Inline)]
    private static double DivideSingle(double a, double b) => Insert(a, Low(a) / Low(b));

    [MethodImpl(Inline)]
    private static double RootSingle(double a, double b) => Insert(a, MathF.Sqrt(Low(b)));

    [MethodImpl(Inline)]
    private static double MinimumSingle(double a, double b) => Low(a) < Low(b) ? a : Insert(a, Low(b));

    [MethodImpl(Inline)]
    private static double MaximumSingle(double a, double b) => Low(a) > Low(b) ? a : Insert(a, Low(b));

    [MethodImpl(Inline)]
    private static bool IsNormalResult(float r) => Math.Abs(r) is > (float)LeastSingle and <= float.MaxValue;

    [MethodImpl(Inline)]
    private static bool IsPlainAddSingle(double a, double b, double r, ulong control)
    {
        float x = Low(a), y = Low(b), sum = Low(r);
        return !IsDenormal(x) && !IsDenormal(y) && IsOrdinary(sum) && (MayRound(control) || (IsNearest(control) && IsExactSum(x, y, sum)));
    }

    [MethodImpl(Inline)]
    private static bool IsPlainSubtractSingle(double a, double b, double r, ulong control)
    {
        float x = Low(a), y = Low(b), difference = Low(r);
        return !IsDenormal(x) && !IsDenormal(y) && IsOrdinary(difference) && (MayRound(control) || (IsNearest(control) && IsExactSum(x, -y, difference)));
    }

    [MethodImpl(Inline)]
    private static bool IsExactSum(double x, double y, double sum) => x + y == sum && Residuals.OfSum(x, y, sum) == 0;

    [MethodImpl(Inline)]
    private static bool IsPlainMultiplySingle(double a, double b, double r, ulong control)
    {
        float x = Low(a), y = Low(b), product = Low(r);
        return !IsDenormal(x) && !IsDenormal(y) && (IsNormalResult(product) ? MayRound(control) || (IsNearest(control) && (double)x * y == product) : product == 0 && (x == 0 || y == 0));
    }

    [MethodImpl(Inline)]
    private static bool IsPlainDivideSingle(double a, double b, double r, ulong control)
    {
        float x = Low(a), y = Low(b), quotient = Low(r);
        return !IsDenormal(x) && !IsDenormal(y) && IsNormalResult(quotient) && (MayRound(control) || (IsNearest(control) && (double)quotient * y == x));
    }

    private static bool IsPlainRootSingle(double a, double b, double r, ulong control)
    {
        float x = Low(b), root = Low(r);
        return x is >= (float)LeastSingle and <= float.MaxValue && (MayRound(control) || (IsNearest(control) && (double)root * root == x));
    }

    [MethodImpl(Inline)]
    private static bool ArePlainSingles(double a, double b, double r, ulong control) => IsOrdinary(Low(a)) && IsOrdinary(Low(b));

    [MethodImpl(Inline)]
    private static double OrderSingles(double a, double b) => OrderDoubles(Low(a), Low(b));

    [MethodImpl(Inline)]
    private static double ToDouble(double a, double b) => Low(b);

    [MethodImpl(Inline)]
    private static bool IsPlainToDouble(double a, double b, double r, ulong control) => IsOrdinary(Low(b));

    [MethodImpl(Inline)]
    private static double ToSingle(double a, double b) => Insert(a, (float)b);

    [MethodImpl(Inline)]
    private static bool IsPlainToSingle(double a, double b, double r, ulong control) =>
        Math.Abs(b) is > LeastSingle and <= GreatestSingle ? MayRound(control) || (IsNearest(control) && Low(r) == b) : b == 0;

    [MethodImpl(Inline)]
    private static double IntegerToDouble(double a, double b) => BitConverter.DoubleToInt64Bits(b);

    [MethodImpl(Inline)]
    private static bool IsPlainIntegerToDouble(double a, double b, double r, ulong control) =>
        MayRound(control) || (IsNearest(control) && Math.Abs(r) < TwoTo63 && (long)r == BitConverter.DoubleToInt64Bits(b));

    [MethodImpl(Inline)]
    private static double IntegerToSingle(double a, double b) => Insert(a, BitConverter.DoubleToInt64Bits(b));

    [MethodImpl(Inline)]
    private static bool IsPlainIntegerToSingle(double a, double b, double r, ulong control) =>
        MayRound(control) || (IsNearest(control) && Math.Abs(Low(r)) < TwoTo63 && (long)Low(r) == BitConverter.DoubleToInt64Bits(b));

    [MethodImpl(Inline)]
    private static double ToInteger32(double a, double b) => BitConverter.UInt64BitsToDouble((uint)(int)b);

    [MethodImpl(Inline)]
    private static bool IsPlainToInteger32(double a, double b, double r, ulong control) =>
        Math.Abs(b) < TwoTo31 && Residuals.IsOrdinary(b) && (IsPrecisionNoted(control) || (int)b == b);

    [MethodImpl(Inline)]
    private static double ToInteger64(double a, double b) => BitConverter.Int64BitsToDouble((long)b);

    [MethodImpl(Inline)]
    private static bool IsPlainToInteger64(double a, double b, double r, ulong control) =>
        Math.Abs(b) < TwoTo63 && Residuals.IsOrdinary(b) && (IsPrecisionNoted(control) || (long)b == b);

    [MethodImpl(Inline)]
    private static double SingleToInteger32(double a, double b) => ToInteger32(a, Low(b));

    [MethodImpl(Inline)]
    private static bool IsPlainSingleToInteger32(double a, double b, double r, ulong control) => IsOrdinary(Low(b)) && IsPlainToInteger32(a, Low(b), r, control);

    [MethodImpl(Inline)]
    private static bool IsPrecisionNoted(ulong control) => (control & Silent) == Silent;
}
