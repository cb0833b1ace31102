namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>How a result that does not fit its format is rounded; the first four have the numbers of the instruction's and the FPCR's field.</summary>
internal enum RoundingMode
{
    /// <summary>Towards zero (/C).</summary>
    Chopped = 0,

    /// <summary>Towards minus infinity (/M).</summary>
    MinusInfinity = 1,

    /// <summary>To the nearest, a tie to the even one: what IEEE instructions without a qualifier do.</summary>
    Nearest = 2,

    /// <summary>Towards plus infinity. Only the FPCR can ask for it: in an instruction the number means /D.</summary>
    PlusInfinity = 3,

    /// <summary>To the nearest, a tie away from zero: what VAX instructions without a qualifier do.</summary>
    NearestAway = 4,
}

/// <summary>Rounds significands: the one place that decides between two neighbours.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.7.6 "Floating-Point Rounding Modes".</remarks>
internal static class Rounding
{
    private const ulong Half = 1UL << 63;

    /// <summary>Drops low bits of a significand and rounds what is left.</summary>
    /// <param name="significand">The bits; the lowest may stand for all bits below it.</param>
    /// <param name="drop">Number of bits to drop, 0 or more; 64 and more leave only the rounding.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="negative">The sign of the number.</param>
    /// <param name="inexact">Whether a set bit was dropped.</param>
    /// <returns>The kept bits, one more than asked for where the rounding carried.</returns>
    public static ulong Drop(ulong significand, int drop, RoundingMode mode, bool negative, out bool inexact)
    {
        if (drop == 0)
        {
            inexact = false;
            return significand;
        }

        ulong kept = drop < 64 ? significand >> drop : 0;
        ulong rest = drop switch
        {
            < 64 => significand << (64 - drop),
            64 => significand,
            _ => significand != 0 ? 1UL : 0,
        };
        inexact = rest != 0;
        return Increments(kept, rest, mode, negative) ? kept + 1 : kept;
    }

    /// <summary>Whether an overflow gives infinity rather than the greatest number.</summary>
    /// <param name="mode">The rounding.</param>
    /// <param name="negative">The sign of the number.</param>
    public static bool OverflowsToInfinity(RoundingMode mode, bool negative) => mode switch
    {
        RoundingMode.Chopped => false,
        RoundingMode.MinusInfinity => negative,
        RoundingMode.PlusInfinity => !negative,
        _ => true,
    };

    private static bool Increments(ulong kept, ulong rest, RoundingMode mode, bool negative) => mode switch
    {
        RoundingMode.Nearest => rest > Half || (rest == Half && (kept & 1) != 0),
        RoundingMode.NearestAway => rest >= Half,
        RoundingMode.MinusInfinity => negative && rest != 0,
        RoundingMode.PlusInfinity => !negative && rest != 0,
        _ => false,
    };
}
