using Kmem.Abstractions;

namespace Kmem.Host.Mounts;

/// <summary>The buffer of a request as the memory of the process that makes it.</summary>
/// <param name="limit">First address that no user buffer may reach.</param>
internal sealed class RequestMemory(ulong limit) : IUserMemory
{
    /// <summary>Address of the buffer's first byte.</summary>
    public const ulong Start = 0x10_0000;

    /// <inheritdoc/>
    public ulong Limit { get; } = limit;

    /// <summary>The buffer.</summary>
    public Memory<byte> Content { get; set; }

    /// <inheritdoc/>
    public int Read(ulong address, Span<byte> destination)
    {
        Span<byte> part = Part(address, destination.Length);
        part.CopyTo(destination);
        return part.Length;
    }

    /// <inheritdoc/>
    public int Write(ulong address, ReadOnlySpan<byte> source)
    {
        Span<byte> part = Part(address, source.Length);
        source[..part.Length].CopyTo(part);
        return part.Length;
    }

    private Span<byte> Part(ulong address, int length)
    {
        ulong at = unchecked(address - Start);
        return at >= (ulong)Content.Length ? [] : Content.Span.Slice((int)at, Math.Min(length, Content.Length - (int)at));
    }
}
