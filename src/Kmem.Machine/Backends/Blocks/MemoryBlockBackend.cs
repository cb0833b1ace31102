using Kmem.Abstractions;

namespace Kmem.Machine.Backends;

/// <summary>A disk in this process's memory.</summary>
/// <param name="content">Its bytes; writes change them.</param>
/// <param name="isReadOnly">True when every write fails.</param>
public sealed class MemoryBlockBackend(byte[] content, bool isReadOnly = false) : IBlockBackend
{
    /// <summary>The bytes of the disk.</summary>
    public byte[] Content { get; } = content;

    /// <inheritdoc/>
    public long Length => Content.Length;

    /// <inheritdoc/>
    public bool IsReadOnly { get; } = isReadOnly;

    /// <summary>How often <see cref="Flush"/> was called.</summary>
    public int Flushes { get; private set; }

    /// <inheritdoc/>
    public bool Read(long offset, Span<byte> destination)
    {
        bool holds = BlockBounds.Hold(Length, offset, destination.Length);
        if (holds)
        {
            Content.AsSpan((int)offset, destination.Length).CopyTo(destination);
        }

        return holds;
    }

    /// <inheritdoc/>
    public bool Write(long offset, ReadOnlySpan<byte> source)
    {
        bool holds = !IsReadOnly && BlockBounds.Hold(Length, offset, source.Length);
        if (holds)
        {
            source.CopyTo(Content.AsSpan((int)offset));
        }

        return holds;
    }

    /// <inheritdoc/>
    public bool Flush()
    {
        Flushes++;
        return true;
    }
}
