namespace Kmem.Abstractions;

/// <summary>The host's end of a disk: a row of bytes of fixed length.</summary>
/// <remarks>Trouble on the host (a full disk, a medium that fails) is a value, which a device turns into its own kind of error.</remarks>
public interface IBlockBackend
{
    /// <summary>Length in bytes.</summary>
    long Length { get; }

    /// <summary>True when every write fails.</summary>
    bool IsReadOnly { get; }

    /// <summary>Reads bytes at an offset; false when they lie outside or the host can't read them.</summary>
    bool Read(long offset, Span<byte> destination);

    /// <summary>Writes bytes at an offset; false when they lie outside, the disk is read-only, or the host can't write them.</summary>
    bool Write(long offset, ReadOnlySpan<byte> source);

    /// <summary>Brings what was written onto the medium; false when the host can't.</summary>
    bool Flush();
}
