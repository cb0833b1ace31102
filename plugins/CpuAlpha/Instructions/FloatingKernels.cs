using System.Runtime.CompilerServices;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Instructions;

/// <summary>IEEE arithmetic by the host's hardware, and guards that say whether that was all.</summary>
/// <remarks>
/// A guard holds where operands and result are ordinary (zero or normal) and either the result is exact or the inexact flag is set already, so that
/// the control register does not change and nothing traps. Everything else is left to the floating-point unit in software.
/// </remarks>
internal static unsafe class FloatingKernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;
    private const ulong Inexact = 1UL << 56, DynamicRounding = 3UL << 58, DynamicNearest = 2UL << 58;

    /// <summary>2^-960: below, the residual that shows inexactness could be lost itself.</summary>
    private const double Tiny = 1.0261342003245941E-289;

    private const double LeastSingle = 1.1754943508222875E-38, GreatestSingle = 3.4028234663852886E+38, TwoTo63 = 9223372036854775808.0;

    /// <summary>The guarded kernel of an operate instruction; null where there is none.</summary>
    /// <param name="operation">Low six bits of the function: source format and operation.</param>
    /// <param name="isSquareRoot">Whether the opcode is 14.</param>
    /// <param name="trapsInexact">Whether /I is given.</param>
    /// <param name="isDynamic">Whether the rounding mode is the control register's.</param>
    /// <param name="isChopped">Whether it is chopped.</param>
    public static GuardedKernel? Find(int operation, bool isSquareRoot, bool trapsInexact, bool isDynamic, bool isChopped)
    {
        if (isChopped)
        {
            return operation == 0x2F && !trapsInexact && !isSquareRoot ? Cvttqc : null;
        }

        return Kernels.GetValueOrDefault((isSquareRoot ? operation | 0x100 : operation, trapsInexact, isDynamic));
    }

    private static readonly GuardedKernel Cvttqc = GuestKernels.Guarded(&ToQuadword, ToQuadword, &IsPlainToQuadword, IsPlainToQuadword, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);

    private static readonly Dictionary<(int, bool, bool), GuardedKernel> Kernels = Create();

    private static Dictionary<(int, bool, bool), GuardedKernel> Create()
    {
        var all = new Dictionary<(int, bool, bool), GuardedKernel>();
        Add(0x20, &AddT, AddT, &IsPlainAddT, IsPlainAddT);
        Add(0x21, &SubT, SubT, &IsPlainSubT, IsPlainSubT);
        Add(0x22, &MulT, MulT, &IsPlainMulT, IsPlainMulT);
        Add(0x23, &DivT, DivT, &IsPlainDivT, IsPlainDivT);
        Add(0x24, &CompareUnordered, CompareUnordered, &IsPlainCompare, IsPlainCompare);
        Add(0x25, &CompareEqual, CompareEqual, &IsPlainCompare, IsPlainCompare);
        Add(0x26, &CompareLess, CompareLess, &IsPlainCompare, IsPlainCompare);
        Add(0x27, &CompareLessOrEqual, CompareLessOrEqual, &IsPlainCompare, IsPlainCompare);
        Add(0x00, &AddS, AddS, &IsPlainAddS, IsPlainAddS);
        Add(0x01, &SubS, SubS, &IsPlainSubS, IsPlainSubS);
        Add(0x02, &MulS, MulS, &IsPlainMulS, IsPlainMulS);
        Add(0x03, &DivS, DivS, &IsPlainDivS, IsPlainDivS);
        Add(0x3E, &FromQuadword, FromQuadword, &IsPlainFromQuadword, IsPlainFromQuadword);
        Add(0x3C, &FromQuadwordS, FromQuadwordS, &IsPlainFromQuadword, IsPlainFromQuadword);
        Add(0x2C, &ToSingle, ToSingle, &IsPlainToSingle, IsPlainToSingle);
        Add(0x12B, &SqrtT, SqrtT, &IsPlainSqrtT, IsPlainSqrtT);
        return all;

        void Add(int operation, delegate*<double, double, double> value, Func<double, double, double> valueMethod, delegate*<double, double, double, ulong, bool> guard, Func<double, double, double, ulong, bool> guardMethod)
        {
            // With /I an inexact result traps, with /D the rounding mode is looked at: the same guard under a changed control register.
            all[(operation, false, false)] = GuestKernels.Guarded(value, valueMethod, guard, guardMethod, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);
            if (operation is 0x20)
            {
                all[(operation, false, true)] = GuestKernels.Guarded(value, valueMethod, &IsPlainAddTd, IsPlainAddTd, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);
            }

            if (operation is 0x21)
            {
                all[(operation, false, true)] = GuestKernels.Guarded(value, valueMethod, &IsPlainSubTd, IsPlainSubTd, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);
            }

            if (operation is 0x22)
            {
                all[(operation, false, true)] = GuestKernels.Guarded(value, valueMethod, &IsPlainMulTd, IsPlainMulTd, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);
            }

            if (operation is 0x23)
            {
                all[(operation, false, true)] = GuestKernels.Guarded(value, valueMethod, &IsPlainDivTd, IsPlainDivTd, &AlphaHelpers.OperateOf, AlphaSlots.Fpcr);
            }
        }
    }

    [MethodImpl(Inline)]
    private static bool MayRound(ulong control) => (control & Inexact) != 0;

    [MethodImpl(Inline)]
    private static bool IsNearest(ulong control) => (control & DynamicRounding) == DynamicNearest;

    [MethodImpl(Inline)]
    private static double AddT(double a, double b) => a + b;

    [MethodImpl(Inline)]
    private static double SubT(double a, double b) => a - b;

    [MethodImpl(Inline)]
    private static double MulT(double a, double b) => a * b;

    [MethodImpl(Inline)]
    private static double DivT(double a, double b) => a / b;

    [MethodImpl(Inline)]
    private static bool IsPlainAddT(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(a) && Residuals.IsOrdinary(b) && Residuals.IsOrdinary(r) && (MayRound(control) || Residuals.OfSum(a, b, r) == 0);

    [MethodImpl(Inline)]
    private static bool IsPlainSubT(double a, double b, double r, ulong control) => IsPlainAddT(a, -b, r, control);

    [MethodImpl(Inline)]
    private static bool IsPlainMulT(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(a) && Residuals.IsOrdinary(b) && (Math.Abs(r) is > Tiny and <= double.MaxValue ? MayRound(control) || Residuals.OfProduct(a, b, r) == 0 : a == 0 || b == 0);

    [MethodImpl(Inline)]
    private static bool IsPlainDivT(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(a) && Residuals.IsOrdinary(b) && b != 0 && Residuals.IsOrdinary(r) && Math.Abs(a) > Tiny && Math.Abs(r) > Tiny && (MayRound(control) || Residuals.OfQuotient(a, b, r) == 0);

    private static bool IsPlainAddTd(double a, double b, double r, ulong control) => IsNearest(control) && IsPlainAddT(a, b, r, control);

    private static bool IsPlainSubTd(double a, double b, double r, ulong control) => IsNearest(control) && IsPlainSubT(a, b, r, control);

    private static bool IsPlainMulTd(double a, double b, double r, ulong control) => IsNearest(control) && IsPlainMulT(a, b, r, control);

    private static bool IsPlainDivTd(double a, double b, double r, ulong control) => IsNearest(control) && IsPlainDivT(a, b, r, control);

    private static double SqrtT(double a, double b) => Math.Sqrt(b);

    private static bool IsPlainSqrtT(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(b) && (b > Tiny ? MayRound(control) || Residuals.OfRoot(b, r) == 0 : b == 0);

    private static double CompareUnordered(double a, double b) => 0;

    [MethodImpl(Inline)]
    private static double CompareEqual(double a, double b) => a == b ? 2 : 0;

    [MethodImpl(Inline)]
    private static double CompareLess(double a, double b) => a < b ? 2 : 0;

    [MethodImpl(Inline)]
    private static double CompareLessOrEqual(double a, double b) => a <= b ? 2 : 0;

    [MethodImpl(Inline)]
    private static bool IsPlainCompare(double a, double b, double r, ulong control) => Residuals.IsOrdinary(a) && Residuals.IsOrdinary(b);

    // Rounding a double to a single once more is harmless for these four: 53 >= 2 * 24 + 2.
    [MethodImpl(Inline)]
    private static double AddS(double a, double b) => (float)(a + b);

    [MethodImpl(Inline)]
    private static double SubS(double a, double b) => (float)(a - b);

    [MethodImpl(Inline)]
    private static double MulS(double a, double b) => (float)(a * b);

    [MethodImpl(Inline)]
    private static double DivS(double a, double b) => (float)(a / b);

    [MethodImpl(Inline)]
    private static bool IsSingle(double x) => Residuals.IsOrdinary(x) && (float)x == x;

    [MethodImpl(Inline)]
    private static bool IsSingleResult(double r) => Math.Abs(r) is >= LeastSingle and <= GreatestSingle;

    [MethodImpl(Inline)]
    private static bool IsPlainAddS(double a, double b, double r, ulong control) =>
        IsSingle(a) && IsSingle(b) && (IsSingleResult(r) ? MayRound(control) || (r == a + b && Residuals.OfSum(a, b, r) == 0) : a + b == 0);

    [MethodImpl(Inline)]
    private static bool IsPlainSubS(double a, double b, double r, ulong control) => IsPlainAddS(a, -b, r, control);

    [MethodImpl(Inline)]
    private static bool IsPlainMulS(double a, double b, double r, ulong control) =>
        IsSingle(a) && IsSingle(b) && (IsSingleResult(r) ? MayRound(control) || r == a * b : a == 0 || b == 0);

    [MethodImpl(Inline)]
    private static bool IsPlainDivS(double a, double b, double r, ulong control) =>
        IsSingle(a) && IsSingle(b) && b != 0 && IsSingleResult(r) && (MayRound(control) || r * b == a);

    private static double FromQuadword(double a, double b) => BitConverter.DoubleToInt64Bits(b);

    private static double FromQuadwordS(double a, double b) => (float)BitConverter.DoubleToInt64Bits(b);

    private static bool IsPlainFromQuadword(double a, double b, double r, ulong control) =>
        MayRound(control) || (Math.Abs(r) < TwoTo63 && (long)r == BitConverter.DoubleToInt64Bits(b));

    private static double ToQuadword(double a, double b) => BitConverter.Int64BitsToDouble((long)b);

    private static bool IsPlainToQuadword(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(b) && Math.Abs(b) < TwoTo63 && (MayRound(control) || (double)(long)b == b);

    private static double ToSingle(double a, double b) => (float)b;

    private static bool IsPlainToSingle(double a, double b, double r, ulong control) =>
        Residuals.IsOrdinary(b) && (IsSingleResult(r) ? MayRound(control) || r == b : b == 0);
}
