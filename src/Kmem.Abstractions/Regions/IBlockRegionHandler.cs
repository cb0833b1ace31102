namespace Kmem.Abstractions;

/// <summary>A region handler that moves many bytes at once where its bus needs no rule for that, such as a window that translates addresses.</summary>
public interface IBlockRegionHandler : IRegionHandler
{
    /// <summary>Reads consecutive bytes in ascending order; <paramref name="done"/> counts those read before an error.</summary>
    AccessResult ReadBlock(ulong offset, Span<byte> destination, in AccessAttributes attributes, out int done);

    /// <summary>Writes consecutive bytes in ascending order; <paramref name="done"/> counts those written before an error.</summary>
    AccessResult WriteBlock(ulong offset, ReadOnlySpan<byte> source, in AccessAttributes attributes, out int done);
}
