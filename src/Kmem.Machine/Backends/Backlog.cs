namespace Kmem.Machine.Backends;

/// <summary>Bytes on their way to a client of the host, at most the last 64 KiB: what was sent while nobody listened, or faster than somebody reads.</summary>
internal sealed class Backlog
{
    public const int Capacity = 64 * 1024;

    private readonly byte[] _ring = new byte[Capacity];
    private int _start, _count;

    public bool IsEmpty => _count == 0;

    /// <summary>The oldest bytes as far as they lie side by side; good until the next change.</summary>
    public ReadOnlySpan<byte> First => _ring.AsSpan(_start, Math.Min(_count, Capacity - _start));

    public void Add(ReadOnlySpan<byte> bytes)
    {
        bytes = bytes.Length > Capacity ? bytes[^Capacity..] : bytes;
        Drop(Math.Max(0, _count + bytes.Length - Capacity));
        while (!bytes.IsEmpty)
        {
            int end = (_start + _count) % Capacity, some = Math.Min(bytes.Length, Capacity - end);
            bytes[..some].CopyTo(_ring.AsSpan(end));
            bytes = bytes[some..];
            _count += some;
        }
    }

    /// <summary>Forgets so many of the oldest bytes.</summary>
    public void Drop(int count) => (_start, _count) = ((_start + count) % Capacity, _count - count);
}
