using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Chooses the host's instruction for an operation, where there is one.</summary>
internal static class FastPath
{
    /// <summary>The result of an operation in any rounding mode, if the host's arithmetic can give it.</summary>
    /// <param name="operation">Any operation.</param>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="result">The register image.</param>
    /// <param name="inexact">Whether it was rounded.</param>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static bool Try(FloatingOperation operation, ulong a, ulong b, RoundingMode mode, out ulong result, out bool inexact)
    {
        if (operation == FloatingOperation.Cvttq && mode == RoundingMode.Chopped)
        {
            return FastConversions.TryTruncateTQ(b, out result, out inexact);
        }

        // The host rounds to the nearest; exact results are the same in every mode, except for the sign of a difference that is zero.
        return TryNearest(operation, a, b, out result, out inexact) && (mode == RoundingMode.Nearest || !(inexact || result << 1 == 0));
    }

    private static bool TryNearest(FloatingOperation operation, ulong a, ulong b, out ulong result, out bool inexact)
    {
        switch (operation)
        {
            case FloatingOperation.Addt:
                return FastDouble.TryAddT(a, b, out result, out inexact);
            case FloatingOperation.Subt:
                return FastDouble.TrySubT(a, b, out result, out inexact);
            case FloatingOperation.Mult:
                return FastDouble.TryMulT(a, b, out result, out inexact);
            case FloatingOperation.Divt:
                return FastDouble.TryDivT(a, b, out result, out inexact);
            case FloatingOperation.Sqrtt:
                return FastDouble.TrySqrtT(b, out result, out inexact);
            case FloatingOperation.Adds:
                return FastSingle.TryAddS(a, b, out result, out inexact);
            case FloatingOperation.Subs:
                return FastSingle.TrySubS(a, b, out result, out inexact);
            case FloatingOperation.Muls:
                return FastSingle.TryMulS(a, b, out result, out inexact);
            case FloatingOperation.Divs:
                return FastSingle.TryDivS(a, b, out result, out inexact);
            case FloatingOperation.Sqrts:
                return FastSingle.TrySqrtS(b, out result, out inexact);
            case FloatingOperation.Cvtts:
                return FastConversions.TryConvertTS(b, out result, out inexact);
            case FloatingOperation.Cvttq:
                return FastConversions.TryRoundTQ(b, out result, out inexact);
            case FloatingOperation.Cvtqs:
                return FastConversions.TryConvertQS(b, out result, out inexact);
            case FloatingOperation.Cvtqt:
                return FastConversions.TryConvertQT(b, out result, out inexact);
            case FloatingOperation.Cmpteq:
                inexact = false;
                return FastDouble.TryCompareEqualT(a, b, out result);
            case FloatingOperation.Cmptlt:
                inexact = false;
                return FastDouble.TryCompareLessT(a, b, out result);
            case FloatingOperation.Cmptle:
                inexact = false;
                return FastDouble.TryCompareLessOrEqualT(a, b, out result);
            default:
                (result, inexact) = (0, false);
                return false;
        }
    }
}
