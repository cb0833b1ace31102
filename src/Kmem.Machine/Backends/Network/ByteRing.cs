namespace Kmem.Machine.Backends;

/// <summary>Bytes in order between two sides, in a buffer that grows up to a limit.</summary>
/// <param name="limit">Most bytes, a power of two.</param>
internal sealed class ByteRing(int limit)
{
    private const int Least = 4096;

    private byte[] _bytes = [];
    private int _start;

    /// <summary>Number of bytes in it.</summary>
    public int Count { get; private set; }

    /// <summary>Number of bytes that fit in.</summary>
    public int Room => limit - Count;

    /// <summary>Puts bytes in, at most <see cref="Room"/>.</summary>
    public void Add(ReadOnlySpan<byte> bytes)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(bytes.Length, Room, nameof(bytes));
        Grow(Count + bytes.Length);
        int end = (_start + Count) & (_bytes.Length - 1), first = Math.Min(bytes.Length, _bytes.Length - end);
        bytes[..first].CopyTo(_bytes.AsSpan(end));
        bytes[first..].CopyTo(_bytes);
        Count += bytes.Length;
    }

    /// <summary>Copies bytes out and keeps them.</summary>
    public void Peek(int offset, Span<byte> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, Count - offset, nameof(destination));
        if (destination.IsEmpty)
        {
            return;
        }

        int at = (_start + offset) & (_bytes.Length - 1), first = Math.Min(destination.Length, _bytes.Length - at);
        _bytes.AsSpan(at, first).CopyTo(destination);
        _bytes.AsSpan(0, destination.Length - first).CopyTo(destination[first..]);
    }

    /// <summary>Forgets so many of the oldest bytes.</summary>
    public void Drop(int count)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(count, Count);
        Count -= count;
        _start = Count == 0 ? 0 : (_start + count) & (_bytes.Length - 1);
    }

    private void Grow(int needed)
    {
        if (needed <= _bytes.Length)
        {
            return;
        }

        byte[] larger = new byte[Math.Max(Least, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)needed))];
        Peek(0, larger.AsSpan(0, Count));
        (_bytes, _start) = (larger, 0);
    }
}
