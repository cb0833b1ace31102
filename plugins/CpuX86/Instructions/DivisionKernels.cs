using Kmem.Ir;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>Quotients and remainders; none is asked for where an overflow was found.</summary>
internal static unsafe class DivisionKernels
{
    public static readonly PureKernel QuotientU = GuestKernels.Pure(&QuotientUOf, QuotientUOf);
    public static readonly PureKernel RemainderU = GuestKernels.Pure(&RemainderUOf, RemainderUOf);
    public static readonly PureKernel QuotientS = GuestKernels.Pure(&QuotientSOf, QuotientSOf);
    public static readonly PureKernel RemainderS = GuestKernels.Pure(&RemainderSOf, RemainderSOf);
    public static readonly PureKernel OverflowsS = GuestKernels.Pure3(&OverflowsSOf, OverflowsSOf);
    public static readonly PureKernel OverflowsU64 = GuestKernels.Pure3(&OverflowsU64Of, OverflowsU64Of);
    public static readonly PureKernel QuotientU64 = GuestKernels.Pure3(&QuotientU64Of, QuotientU64Of);
    public static readonly PureKernel RemainderU64 = GuestKernels.Pure3(&RemainderU64Of, RemainderU64Of);
    public static readonly PureKernel OverflowsS64 = GuestKernels.Pure3(&OverflowsS64Of, OverflowsS64Of);
    public static readonly PureKernel QuotientS64 = GuestKernels.Pure3(&QuotientS64Of, QuotientS64Of);
    public static readonly PureKernel RemainderS64 = GuestKernels.Pure3(&RemainderS64Of, RemainderS64Of);

    private static ulong QuotientUOf(ulong a, ulong b) => b == 0 ? 0 : a / b;

    private static ulong RemainderUOf(ulong a, ulong b) => b == 0 ? 0 : a % b;

    // The host's division traps where the divisor is -1 and the dividend the smallest number.
    private static ulong QuotientSOf(ulong a, ulong b) => b == 0 ? 0 : b == ulong.MaxValue ? 0 - a : (ulong)((long)a / (long)b);

    private static ulong RemainderSOf(ulong a, ulong b) => b is 0 or ulong.MaxValue ? 0 : (ulong)((long)a % (long)b);

    private static ulong OverflowsSOf(ulong a, ulong b, ulong width)
    {
        if (b == 0)
        {
            return 1;
        }

        if (a == 1UL << 63 && b == ulong.MaxValue)
        {
            return 1;
        }

        long quotient = (long)a / (long)b;
        int shift = 64 - (8 * (int)width);
        return quotient << shift >> shift != quotient ? 1UL : 0;
    }

    private static ulong OverflowsU64Of(ulong low, ulong high, ulong divisor) => high >= divisor ? 1UL : 0;

    private static ulong QuotientU64Of(ulong low, ulong high, ulong divisor) =>
        high == 0 && divisor != 0 ? low / divisor : divisor == 0 ? 0 : (ulong)(new UInt128(high, low) / divisor);

    private static ulong RemainderU64Of(ulong low, ulong high, ulong divisor) =>
        high == 0 && divisor != 0 ? low % divisor : divisor == 0 ? 0 : (ulong)(new UInt128(high, low) % divisor);

    private static ulong OverflowsS64Of(ulong low, ulong high, ulong divisor)
    {
        if (divisor == 0)
        {
            return 1;
        }

        if (high == (ulong)((long)low >> 63))
        {
            return low == 1UL << 63 && divisor == ulong.MaxValue ? 1UL : 0;
        }

        // Magnitudes: a quotient below 2^63 fits, and 2^63 itself where it is negative.
        UInt128 dividend = Magnitude(low, high);
        ulong by = (long)divisor < 0 ? 0 - divisor : divisor;
        UInt128 quotient = dividend / by;
        bool isNegative = ((high ^ divisor) >> 63) != 0;
        return quotient > (isNegative ? 1UL << 63 : (1UL << 63) - 1) ? 1UL : 0;
    }

    private static ulong QuotientS64Of(ulong low, ulong high, ulong divisor)
    {
        if (high == (ulong)((long)low >> 63))
        {
            return QuotientSOf(low, divisor);
        }

        if (divisor == 0)
        {
            return 0;
        }

        ulong by = (long)divisor < 0 ? 0 - divisor : divisor, quotient = (ulong)(Magnitude(low, high) / by);
        return ((high ^ divisor) >> 63) != 0 ? 0 - quotient : quotient;
    }

    private static ulong RemainderS64Of(ulong low, ulong high, ulong divisor)
    {
        if (high == (ulong)((long)low >> 63))
        {
            return RemainderSOf(low, divisor);
        }

        if (divisor == 0)
        {
            return 0;
        }

        ulong by = (long)divisor < 0 ? 0 - divisor : divisor, remainder = (ulong)(Magnitude(low, high) % by);
        return (long)high < 0 ? 0 - remainder : remainder;
    }

    private static UInt128 Magnitude(ulong low, ulong high)
    {
        var value = new UInt128(high, low);
        return (long)high < 0 ? UInt128.Zero - value : value;
    }
}
