namespace Kmem.Host.Fuse;

/// <summary>The nodes that the kernel holds numbers of, with the count of its look-ups.</summary>
internal sealed class FuseNodeTable(FuseDirectory root)
{
    private readonly Dictionary<ulong, (FuseNode Node, ulong Lookups)> _known = [];

    /// <summary>Nodes that the kernel holds, the root left out.</summary>
    public int Count => _known.Count;

    /// <summary>The node of a number, or null.</summary>
    public FuseNode? Find(ulong id) => id == FuseProtocol.RootId ? root : _known.TryGetValue(id, out (FuseNode Node, ulong Lookups) entry) ? entry.Node : null;

    /// <summary>The number of a node.</summary>
    public ulong IdOf(FuseNode node) => ReferenceEquals(node, root) ? FuseProtocol.RootId : node.Id;

    /// <summary>Counts one look-up.</summary>
    public void Remember(FuseNode node) => _known[node.Id] = (node, _known.TryGetValue(node.Id, out (FuseNode Node, ulong Lookups) entry) ? entry.Lookups + 1 : 1);

    /// <summary>Takes look-ups back; the last one frees the number.</summary>
    public void Forget(ulong id, ulong lookups)
    {
        if (!_known.TryGetValue(id, out (FuseNode Node, ulong Lookups) entry))
        {
            return;
        }

        if (entry.Lookups <= lookups)
        {
            _known.Remove(id);
        }
        else
        {
            _known[id] = (entry.Node, entry.Lookups - lookups);
        }
    }
}
