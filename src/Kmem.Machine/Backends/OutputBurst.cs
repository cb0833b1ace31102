namespace Kmem.Machine.Backends;

/// <summary>Bytes that a device has sent and that go to the host in one write.</summary>
internal sealed class OutputBurst
{
    private readonly byte[] _bytes = new byte[4096];
    private int _count;

    public bool IsEmpty => _count == 0;

    /// <summary>Adds a byte; true when the buffer is full and must be taken.</summary>
    public bool Add(byte value)
    {
        _bytes[_count++] = value;
        return _count == _bytes.Length;
    }

    /// <summary>What has been collected; good until the next byte is added.</summary>
    public ReadOnlySpan<byte> Take()
    {
        ReadOnlySpan<byte> taken = _bytes.AsSpan(0, _count);
        _count = 0;
        return taken;
    }
}
