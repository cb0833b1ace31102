namespace Kmem.Machine.Backends;

/// <summary>Written blocks in memory, lost at the end.</summary>
/// <param name="most">Most bytes that are kept; later writes of new blocks fail.</param>
internal sealed class MemoryOverlay(long most = 4L << 30) : IOverlayStore
{
    private readonly Dictionary<long, byte[]> _blocks = [];

    public bool Holds(long block) => _blocks.ContainsKey(block);

    public bool Read(long block, int within, Span<byte> destination)
    {
        _blocks[block].AsSpan(within, destination.Length).CopyTo(destination);
        return true;
    }

    public bool Write(long block, int within, ReadOnlySpan<byte> source)
    {
        if (!_blocks.TryGetValue(block, out byte[]? bytes))
        {
            if ((_blocks.Count + 1L) * OverlayBlockBackend.Block > most)
            {
                return false;
            }

            _blocks.Add(block, bytes = new byte[OverlayBlockBackend.Block]);
        }

        source.CopyTo(bytes.AsSpan(within));
        return true;
    }

    public bool Flush() => true;
}
