namespace Kmem.Plugins.Timers;

/// <summary>The 1193182 Hz clock of a PC: pulse numbers from guest time and back, without drift.</summary>
internal static class PitClock
{
    private const long Frequency = 1_193_182, Second = 1_000_000_000;

    /// <summary>How many pulses there have been at a time in nanoseconds.</summary>
    public static long PulsesAt(long now) => (now / Second * Frequency) + (now % Second * Frequency / Second);

    /// <summary>The first nanosecond at which a pulse has happened.</summary>
    public static long TimeOf(long pulse) => (pulse / Frequency * Second) + (((pulse % Frequency * Second) + Frequency - 1) / Frequency);
}
