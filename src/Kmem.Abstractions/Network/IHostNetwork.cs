namespace Kmem.Abstractions;

/// <summary>The host's network as a device may use it. Nothing here waits: what happens on the host is told on the machine's thread, between turns of the CPUs.</summary>
/// <remarks>Commands that only look at a machine give devices a network on which nobody answers and every place can be listened at.</remarks>
public interface IHostNetwork
{
    /// <summary>Takes connections at a place of the host, until the machine ends.</summary>
    /// <param name="place">The place.</param>
    /// <param name="accepted">Takes each of them.</param>
    /// <exception cref="MachineException">The place is taken or can't be used.</exception>
    void Listen(HostPlace place, Action<IHostStream> accepted);

    /// <summary>Begins a connection.</summary>
    IHostStream Connect(HostPlace place);

    /// <summary>Takes datagrams from everybody at a place of the host, until it is disposed of.</summary>
    /// <exception cref="MachineException">The place is taken or can't be used.</exception>
    IHostDatagrams Bind(HostPlace place);

    /// <summary>Exchanges datagrams with one partner, until it is disposed of; null when the host gives no socket.</summary>
    IHostDatagrams? Open(HostPlace partner);

    /// <summary>Asks the host's resolver for the IPv4 addresses of a name.</summary>
    /// <param name="name">The name.</param>
    /// <param name="found">Takes them; none when there is no such name.</param>
    void Resolve(string name, Action<IReadOnlyList<uint>> found);
}

/// <summary>How far a connection is.</summary>
public enum HostStreamState
{
    /// <summary>The partner has not answered yet.</summary>
    Connecting,

    /// <summary>It is there.</summary>
    Open,

    /// <summary>The partner refuses it, can't be reached, or has broken it off.</summary>
    Broken,
}

/// <summary>A connection on the host, with buffers in both directions.</summary>
/// <remarks>Disposing sends what was taken and closes.</remarks>
public interface IHostStream : IDisposable
{
    /// <summary>How far it is.</summary>
    HostStreamState State { get; }

    /// <summary>Called on the machine's thread after anything has changed on the host's side.</summary>
    Action? Changed { get; set; }

    /// <summary>Bytes that have arrived and have not been dropped.</summary>
    int Available { get; }

    /// <summary>Whether the partner sends nothing after what is <see cref="Available"/>.</summary>
    bool IsEnded { get; }

    /// <summary>Bytes that <see cref="Send"/> takes now.</summary>
    int Room { get; }

    /// <summary>Copies bytes that have arrived and keeps them.</summary>
    /// <param name="offset">How many of the oldest to leave out.</param>
    /// <param name="destination">Takes them; all of it must be <see cref="Available"/>.</param>
    void Peek(int offset, Span<byte> destination);

    /// <summary>Forgets so many of the oldest bytes.</summary>
    void Drop(int count);

    /// <summary>Sends bytes, at most <see cref="Room"/>.</summary>
    void Send(ReadOnlySpan<byte> bytes);

    /// <summary>Tells the partner that nothing more is sent after what was taken.</summary>
    void End();

    /// <summary>Breaks the connection off; the partner learns of it.</summary>
    void Abort();
}

/// <summary>A place at which datagrams come and go.</summary>
public interface IHostDatagrams : IDisposable
{
    /// <summary>Called on the machine's thread with each datagram and whom it is from.</summary>
    Action<ReadOnlyMemory<byte>, HostPlace>? Received { get; set; }

    /// <summary>Called on the machine's thread when the one partner says that nobody listens.</summary>
    Action? Refused { get; set; }

    /// <summary>Sends a datagram, which may get lost.</summary>
    /// <param name="data">What is in it.</param>
    /// <param name="to">For whom it is; without meaning where there is one partner only.</param>
    void Send(ReadOnlySpan<byte> data, HostPlace to);
}
