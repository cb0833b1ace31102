using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>The memory of a process that exists only for its system calls: a few pieces of address space with nothing between them.</summary>
/// <param name="limit">First address that no user buffer may reach.</param>
/// <param name="pageSize">Page size in bytes.</param>
public sealed class SimulatedProcess(ulong limit, int pageSize) : IUserMemory
{
    private readonly SortedList<ulong, byte[]> _pieces = [];

    /// <inheritdoc/>
    public ulong Limit { get; } = limit;

    /// <summary>Page size in bytes.</summary>
    public int PageSize { get; } = pageSize;

    /// <summary>Adds a piece of memory filled with zeros.</summary>
    /// <returns>Its content.</returns>
    public byte[] Add(ulong address, int length) => _pieces[address] = new byte[length];

    /// <summary>Takes a piece away.</summary>
    public void Remove(ulong address) => _pieces.Remove(address);

    /// <inheritdoc/>
    public int Read(ulong address, Span<byte> destination)
    {
        int done = 0;
        while (done < destination.Length && Find(address + (ulong)done) is { } piece)
        {
            int part = Math.Min(piece.Length, destination.Length - done);
            piece.Span[..part].CopyTo(destination[done..]);
            done += part;
        }

        return done;
    }

    /// <inheritdoc/>
    public int Write(ulong address, ReadOnlySpan<byte> source)
    {
        int done = 0;
        while (done < source.Length && Find(address + (ulong)done) is { } piece)
        {
            int part = Math.Min(piece.Length, source.Length - done);
            source.Slice(done, part).CopyTo(piece.Span);
            done += part;
        }

        return done;
    }

    private Memory<byte>? Find(ulong address)
    {
        foreach ((ulong start, byte[] content) in _pieces)
        {
            if (address >= start && address - start < (ulong)content.Length)
            {
                return content.AsMemory((int)(address - start));
            }
        }

        return null;
    }
}
