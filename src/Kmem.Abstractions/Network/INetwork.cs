namespace Kmem.Abstractions;

/// <summary>A network of Ethernet frames to which adapters attach themselves; a device of the machine, found by its name in an option.</summary>
public interface INetwork
{
    /// <summary>Adds an adapter.</summary>
    /// <param name="receive">Takes each frame for the adapter, from the destination address on and without checksum; called on the machine's thread.</param>
    /// <returns>Its end of the cable.</returns>
    INetworkPort Attach(Action<ReadOnlyMemory<byte>> receive);
}

/// <summary>An adapter's end of the cable to a network.</summary>
public interface INetworkPort
{
    /// <summary>Sends a frame, from the destination address on and without checksum; what is shorter than a header is dropped.</summary>
    void Send(ReadOnlySpan<byte> frame);
}
