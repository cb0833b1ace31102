namespace Kmem.Plugins.Spi;

/// <summary>A chip on a serial peripheral interface, as its controller sees it.</summary>
public interface ISpiChip
{
    /// <summary>Whether the chip is at work and takes nothing but a request for its status.</summary>
    bool IsBusy { get; }

    /// <summary>One transaction, from chip select going low to chip select going high.</summary>
    /// <param name="sent">Bytes that the controller sends: instruction, address, data.</param>
    /// <param name="received">Filled with what the chip answers to the clocks that follow; ones where it drives nothing.</param>
    void Transfer(ReadOnlySpan<byte> sent, Span<byte> received);
}
