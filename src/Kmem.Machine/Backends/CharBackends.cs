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
    public Func<int>? Room { get; set; }

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

    /// <inheritdoc/>
    public Func<int>? Room { get; set; }

    /// <summary>The bytes that the device has sent.</summary>
    public IReadOnlyList<byte> Sent => _sent;

    /// <inheritdoc/>
    public void Transmit(byte value) => _sent.Add(value);

    /// <summary>Sends bytes to the device at once, whether it has room or not; call on the machine's thread.</summary>
    public void Send(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            Received?.Invoke(value);
        }
    }
}

/// <summary>A character backend that writes to a stream of the host and receives nothing.</summary>
/// <param name="stream">The stream; closed with the backend.</param>
public sealed class StreamCharBackend(Stream stream) : ICharBackend, IHostPolled, IDisposable
{
    private readonly OutputBurst _output = new();

    /// <inheritdoc/>
    public event Action<byte>? Received
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public event Action? Arrived
    {
        add { }
        remove { }
    }

    /// <inheritdoc/>
    public Func<int>? Room { get; set; }

    /// <inheritdoc/>
    public bool HasPending => false;

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        if (_output.Add(value))
        {
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Deliver()
    {
    }

    /// <inheritdoc/>
    public void Flush()
    {
        if (_output.IsEmpty)
        {
            return;
        }

        try
        {
            stream.Write(_output.Take());
            stream.Flush();
        }
        catch (Exception e) when (e is IOException or ObjectDisposedException)
        {
            // A full disk or a reader that has gone must not stop the guest; there is nobody left to tell.
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        Flush();
        stream.Dispose();
    }
}
