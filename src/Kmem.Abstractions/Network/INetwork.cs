namespace Kmem.Abstractions;

/// <summary>A network of Ethernet frames to which adapters attach themselves; a device of the machine, found by its name in an option.</summary>
public interface INetwork
{
    /// <summary>Adds an adapter.</summary>
    /// <param name="receive">
    /// Takes each frame for the adapter, from the destination address on and without checksum; called on the machine's thread. False when the adapter
    /// has no room and wants the frame again after <see cref="INetworkPort.Resume"/>; what it does not want at all it takes and forgets.
    /// </param>
    /// <returns>Its end of the cable.</returns>
    INetworkPort Attach(Func<ReadOnlyMemory<byte>, bool> receive);
}

/// <summary>An adapter's end of the cable to a network.</summary>
public interface INetworkPort
{
    /// <summary>Sends a frame, from the destination address on and without checksum; what is shorter than a header is dropped.</summary>
    void Send(ReadOnlySpan<byte> frame);

    /// <summary>The adapter has room again: frames that it refused come once more, now or soon.</summary>
    void Resume();
}
