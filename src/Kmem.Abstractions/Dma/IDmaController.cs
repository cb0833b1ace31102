namespace Kmem.Abstractions;

/// <summary>A DMA controller that moves data for devices which can't address memory themselves, as the 8237 does on the ISA bus.</summary>
public interface IDmaController
{
    /// <summary>Lets a device move data through its channel, as far as software has programmed it.</summary>
    /// <param name="channel">Number of the channel.</param>
    /// <param name="data">What the device gives, or where it takes; the programmed direction decides. A verify transfer leaves it alone.</param>
    /// <param name="terminalCount">Whether the programmed count ended with this call.</param>
    /// <returns>Bytes moved; 0 while the channel is masked or the controller is disabled, fewer than asked for at the end of the count.</returns>
    int Transfer(int channel, Span<byte> data, out bool terminalCount);
}
