namespace Kmem.Abstractions;

/// <summary>The host's end of a serial line or a console.</summary>
public interface ICharBackend
{
    /// <summary>Raised on the machine's thread for each byte that arrives from the host.</summary>
    event Action<byte>? Received;

    /// <summary>Sends one byte to the host.</summary>
    void Transmit(byte value);
}
