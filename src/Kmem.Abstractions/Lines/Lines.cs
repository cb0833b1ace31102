namespace Kmem.Abstractions;

/// <summary>An output line of a device.</summary>
public interface IIrqLine
{
    /// <summary>The level; setting it to what it is does nothing.</summary>
    bool Level { get; set; }
}

/// <summary>The machine's time.</summary>
public interface IClock
{
    /// <summary>Nanoseconds of guest time since the machine started.</summary>
    long Now { get; }

    /// <summary>The date and time in the machine, UTC.</summary>
    DateTime UtcNow { get; }

    /// <summary>Calls <paramref name="action"/> once when guest time reaches <paramref name="due"/> nanoseconds; dispose to cancel.</summary>
    IDisposable Schedule(long due, Action action);
}
