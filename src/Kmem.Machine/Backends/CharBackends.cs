using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A character backend that swallows what is sent and receives nothing.</summary>
public sealed class NullCharBackend : ICharBackend
{
    /// <inheritdoc/>
    public event Action<byte>? Received
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
    }
}

/// <summary>A character backend whose two ends are in this process: tests and frontends read what the device sent and send to it.</summary>
public sealed class MemoryCharBackend : ICharBackend
{
    private readonly List<byte> _sent = [];

    /// <inheritdoc/>
    public event Action<byte>? Received;

    /// <summary>The bytes that the device has sent.</summary>
    public IReadOnlyList<byte> Sent => _sent;

    /// <inheritdoc/>
    public void Transmit(byte value) => _sent.Add(value);

    /// <summary>Sends bytes to the device; call on the machine's thread.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            Received?.Invoke(value);
        }
    }
}

/// <summary>A character backend that writes to a stream of the host and receives nothing.</summary>
/// <param name="stream">The stream, flushed after each byte.</param>
public sealed class StreamCharBackend(Stream stream) : ICharBackend
{
    /// <inheritdoc/>
    public event Action<byte>? Received
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        stream.WriteByte(value);
        stream.Flush();
    }
}
