using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A serial line whose other end is a client that comes, goes, and reads as it likes; what nobody reads is kept, the last 64 KiB of it.</summary>
public abstract class ClientCharBackend : ICharBackend, IHostPolled, IDisposable
{
    /// <summary>How long a slow client is waited for, in ms; once, until it reads again.</summary>
    private const int Patience = 2000;

    private readonly OutputBurst _output = new();
    private volatile bool _closed;

    /// <inheritdoc/>
    public event Action<byte>? Received;

    /// <inheritdoc/>
    public event Action? Arrived
    {
        add => Input.Arrived += value;
        remove => Input.Arrived -= value;
    }

    /// <inheritdoc/>
    public Func<int>? Room { get; set; }

    /// <inheritdoc/>
    public bool HasPending => Input.HasPending;

    /// <summary>What the client has sent.</summary>
    private protected HostInput Input { get; } = new();

    /// <summary>What the client has not been sent; for holders of <see cref="Gate"/>.</summary>
    private protected Backlog Backlog { get; } = new();

    /// <summary>Held by whoever looks at the client.</summary>
    private protected Lock Gate { get; } = new();

    /// <summary>Whether the client takes what it is sent; for holders of <see cref="Gate"/>.</summary>
    private protected bool Reads { get; set; } = true;

    /// <summary>Whether the line has ended.</summary>
    private protected bool IsClosed => _closed;

    /// <inheritdoc/>
    public void Transmit(byte value)
    {
        if (_output.Add(value))
        {
            Flush();
        }
    }

    /// <inheritdoc/>
    public void Deliver() => Input.Deliver(Room, Received);

    /// <inheritdoc/>
    public void Flush()
    {
        if (_output.IsEmpty)
        {
            return;
        }

        lock (Gate)
        {
            Backlog.Add(_output.Take());
            Send(Patience);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_closed)
        {
            return;
        }

        Flush();
        _closed = true;
        Input.Close();
        Close();
        GC.SuppressFinalize(this);
    }

    /// <summary>Sends what is kept to a client that is there; <see cref="Gate"/> is held.</summary>
    /// <param name="patience">How long to wait for a slow one, in ms.</param>
    private protected abstract void Send(int patience);

    /// <summary>Gives back what the host lent; called once.</summary>
    private protected abstract void Close();
}
