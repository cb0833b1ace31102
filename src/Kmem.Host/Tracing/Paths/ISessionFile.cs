namespace Kmem.Host.Tracing.Paths;

/// <summary>A file of a session whose contents are a part of the machine, for example a function's configuration space.</summary>
public interface ISessionFile
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>Reads from an offset within the length.</summary>
    /// <param name="offset">Offset in bytes.</param>
    /// <param name="destination">Takes the bytes; it ends within the length.</param>
    void Read(long offset, Span<byte> destination);

    /// <summary>Writes at an offset within the length.</summary>
    /// <param name="offset">Offset in bytes.</param>
    /// <param name="source">The bytes; they end within the length.</param>
    void Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>Physical address that a mapping of the file shows at offset 0; null where it can't be mapped.</summary>
    ulong? MappedAddress => null;
}
