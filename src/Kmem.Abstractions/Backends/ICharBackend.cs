namespace Kmem.Abstractions;

/// <summary>The host's end of a serial line or a console.</summary>
public interface ICharBackend
{
    /// <summary>Raised on the machine's thread for each byte that arrives from the host.</summary>
    event Action<byte>? Received;

    /// <summary>How many bytes the device takes now without losing one; a host backend keeps the others until later. Null when the device takes any number.</summary>
    Func<int>? Room { get; set; }

    /// <summary>Sends one byte to the host.</summary>
    void Transmit(byte value);
}
