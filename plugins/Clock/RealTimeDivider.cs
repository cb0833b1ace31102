namespace Kmem.Plugins.Clock;

/// <summary>The divider chain of the MC146818 behind its 32768 Hz crystal: when the periodic interrupt of a rate comes, exactly and without drift.</summary>
/// <remarks>Source: Motorola MC146818A datasheet, table "Periodic Interrupt Rate and Square Wave Output Frequency", column 32.768 kHz.</remarks>
internal static class RealTimeDivider
{
    private const byte DividerReset = 0x60;

    // 10^9 / 32768 = 1953125 / 64 nanoseconds.
    private const long Numerator = 1_953_125, Denominator = 64;

    /// <summary>Whether a period has ended after one time and not after another, both in nanoseconds.</summary>
    /// <param name="control">Register A: the rate in its low four bits, 11x in bits 6 to 4 holds the chain in reset.</param>
    /// <param name="from">The earlier time.</param>
    /// <param name="to">The later time.</param>
    public static bool HasTicked(byte control, long from, long to) => Shift(control) is { } shift && CyclesAt(from) >> shift != CyclesAt(to) >> shift;

    /// <summary>The first nanosecond after a time at which a period ends; null when the rate is off.</summary>
    public static long? NextTick(byte control, long now) => Shift(control) is { } shift ? TimeOf(((CyclesAt(now) >> shift) + 1) << shift) : null;

    /// <summary>log2 of the crystal's cycles in a period; rates 1 and 2 repeat 8 and 9.</summary>
    private static int? Shift(byte control) => (control & DividerReset) == DividerReset ? null : (control & 15) switch { 0 => null, 1 => 7, 2 => 8, int rate => rate - 1 };

    private static long CyclesAt(long now) => (now / Numerator * Denominator) + (now % Numerator * Denominator / Numerator);

    private static long TimeOf(long cycle) => (cycle / Denominator * Numerator) + (((cycle % Denominator * Numerator) + Denominator - 1) / Denominator);
}
