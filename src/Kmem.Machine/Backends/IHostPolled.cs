namespace Kmem.Machine.Backends;

/// <summary>A backend with a life of its own on the host: what arrives there waits until the machine's thread fetches it.</summary>
/// <remarks>
/// The run loop wakes on <see cref="Arrived"/>, calls <see cref="Deliver"/> between two slices while <see cref="HasPending"/>, and
/// <see cref="Flush"/> at the end of each slice and before it waits.
/// </remarks>
public interface IHostPolled
{
    /// <summary>Raised on any thread when something has arrived.</summary>
    event Action? Arrived;

    /// <summary>True while something waits: new, or held back because the device had no room.</summary>
    bool HasPending { get; }

    /// <summary>Hands to the device as much as it has room for; call on the machine's thread.</summary>
    void Deliver();

    /// <summary>Sends what the device has written so far; call on the machine's thread.</summary>
    void Flush();
}

/// <summary>A backend that can say that the guest waits for the host; guest time then passes no faster than the host's while all CPUs sleep.</summary>
public interface IHostAwaited
{
    /// <summary>Whether an answer of the host is on its way, or a connection to it is there.</summary>
    bool IsAwaited { get; }
}
