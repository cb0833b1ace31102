using Kmem.Abstractions;
using Kmem.Machine.Backends;

namespace Kmem.Cli.Running;

/// <summary>A serial port's end on the host, which somebody may watch and type into.</summary>
/// <param name="backend">Where it goes.</param>
internal sealed class SerialPort(ICharBackend backend) : ICharBackend
{
    private readonly Queue<byte> _typed = new();

    /// <inheritdoc/>
    public event Action<byte>? Received
    {
        add
        {
            _received += value;
            backend.Received += value;
        }

        remove
        {
            _received -= value;
            backend.Received -= value;
        }
    }

    private event Action<byte>? _received;

    /// <summary>Where it goes.</summary>
    public ICharBackend Backend => backend;

    /// <summary>Whether the machine has it at the terminal.</summary>
    public bool IsConsole { get; init; }

    /// <summary>Takes a look at every byte that the device sends.</summary>
    public Action<byte>? Sent { get; set; }

    /// <inheritdoc/>
    public Func<int>? Room
    {
        get => backend.Room;
        set => backend.Room = value;
    }

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        backend.Transmit(value);
        Sent?.Invoke(value);
    }

    /// <summary>Sends bytes to the device as its room allows, before those that come from the host.</summary>
    public void Type(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes)
        {
            _typed.Enqueue(value);
        }
    }

    /// <summary>Brings what arrived to the device, and what it sent to the host; on the machine's thread.</summary>
    public void Exchange()
    {
        while (_typed.Count > 0 && (Room is null || Room() > 0))
        {
            _received?.Invoke(_typed.Dequeue());
        }

        if (backend is not IHostPolled polled)
        {
            return;
        }

        if (_typed.Count == 0 && polled.HasPending)
        {
            polled.Deliver();
        }

        polled.Flush();
    }
}
