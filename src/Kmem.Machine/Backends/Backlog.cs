namespace Kmem.Machine.Backends;

/// <summary>The last 64 KiB that were sent while nobody listened.</summary>
internal sealed class Backlog
{
    public const int Capacity = 64 * 1024;

    private readonly Queue<byte> _bytes = new();

    public bool IsEmpty => _bytes.Count == 0;

    public void Add(ReadOnlySpan<byte> bytes)
    {
        foreach (byte value in bytes.Length > Capacity ? bytes[^Capacity..] : bytes)
        {
            if (_bytes.Count == Capacity)
            {
                _bytes.Dequeue();
            }

            _bytes.Enqueue(value);
        }
    }

    /// <summary>Everything, oldest first; the backlog is empty afterwards.</summary>
    public byte[] Take()
    {
        byte[] all = [.. _bytes];
        _bytes.Clear();
        return all;
    }
}
