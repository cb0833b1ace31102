namespace Kmem.Plugins.Virtio;

/// <summary>What a kind of virtio device does behind the transport.</summary>
internal interface IVirtioModel
{
    /// <summary>Feature bits that it offers, beside those of the transport.</summary>
    ulong Features { get; }

    /// <summary>Number of entries of each queue, powers of two.</summary>
    IReadOnlyList<ushort> QueueSizes { get; }

    /// <summary>Its own configuration as drivers read it.</summary>
    byte[] Configuration { get; }

    /// <summary>The driver has put something into a queue.</summary>
    void Notify(int queue);

    /// <summary>The driver has reset the device.</summary>
    void Reset();
}
