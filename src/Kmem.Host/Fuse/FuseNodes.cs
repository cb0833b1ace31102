using Kmem.Abstractions;

namespace Kmem.Host.Fuse;

/// <summary>A file or directory of a mounted tree.</summary>
public abstract class FuseNode
{
    private static ulong _last = FuseProtocol.RootId;

    /// <summary>Number by which the kernel knows the node; never given twice.</summary>
    internal ulong Id { get; } = Interlocked.Increment(ref _last);

    /// <summary>Permission bits, for example octal 0644.</summary>
    public int Mode { get; init; }

    /// <summary>Owner.</summary>
    public uint UserId { get; init; }

    /// <summary>Group.</summary>
    public uint GroupId { get; init; }

    /// <summary>Size in bytes as stat(2) shows it.</summary>
    public virtual ulong Size => 0;

    /// <summary>True when <see cref="Size"/> may change while the tree is mounted.</summary>
    public virtual bool HasVariableSize => false;

    /// <summary>Whether the mode bits let <paramref name="caller"/> read or write; user 0 and the owner's own user space need no bits.</summary>
    public bool Permits(FuseCaller caller, OpenFlags flags)
    {
        const int Read = 4, Write = 2;
        int wanted = (flags & OpenFlags.AccessMode) switch { OpenFlags.ReadOnly => Read, OpenFlags.WriteOnly => Write, _ => Read | Write };
        int allowed = caller.UserId == 0 || caller.UserId == UserId ? Mode >> 6 : caller.GroupId == GroupId ? Mode >> 3 : Mode;
        return (allowed & wanted) == wanted;
    }
}

/// <summary>A directory of a mounted tree; what it holds is asked for on every look-up.</summary>
public abstract class FuseDirectory : FuseNode
{
    /// <summary>The names and nodes in the order in which a listing shows them.</summary>
    public abstract IEnumerable<KeyValuePair<string, FuseNode>> Entries { get; }

    /// <summary>The node of a name, or null.</summary>
    public abstract FuseNode? Find(string name);
}

/// <summary>A directory whose entries are added while the tree is built.</summary>
public sealed class FuseFolder : FuseDirectory
{
    private readonly List<KeyValuePair<string, FuseNode>> _inOrder = [];
    private readonly Dictionary<string, FuseNode> _byName = new(StringComparer.Ordinal);

    /// <inheritdoc/>
    public override IEnumerable<KeyValuePair<string, FuseNode>> Entries => _inOrder;

    /// <inheritdoc/>
    public override FuseNode? Find(string name) => _byName.GetValueOrDefault(name);

    /// <summary>Adds a node.</summary>
    /// <returns>False when the name is taken or is no file name.</returns>
    public bool TryAdd(string name, FuseNode node)
    {
        if (name.Length is 0 or > 255 || name is "." or ".." || name.AsSpan().IndexOfAny('/', '\0') >= 0 || !_byName.TryAdd(name, node))
        {
            return false;
        }

        _inOrder.Add(new KeyValuePair<string, FuseNode>(name, node));
        return true;
    }
}

/// <summary>A file of a mounted tree.</summary>
public abstract class FuseFile : FuseNode
{
    /// <summary>A file descriptor whose pages mmap(2) of this file shows; -1 where mapping is refused.</summary>
    public virtual int BackingFile => -1;

    /// <summary>Opens the file.</summary>
    /// <param name="caller">Who opens.</param>
    /// <param name="flags">The flags, without O_CREAT and O_EXCL, which the host's kernel keeps for itself.</param>
    /// <param name="handle">The open file; null when the result is an error.</param>
    public abstract Errno Open(FuseCaller caller, OpenFlags flags, out FuseHandle? handle);
}

/// <summary>An open file of a mounted tree.</summary>
public abstract class FuseHandle
{
    /// <summary>Reads at an offset: the number of bytes put into <paramref name="destination"/>, 0 at the end, or an error.</summary>
    public abstract CallResult Read(ulong offset, Memory<byte> destination);

    /// <summary>Writes at an offset: the number of bytes taken from <paramref name="source"/>, or an error.</summary>
    public abstract CallResult Write(ulong offset, Memory<byte> source);

    /// <summary>Closes the file.</summary>
    public virtual void Close()
    {
    }
}

/// <summary>The process that makes a request.</summary>
/// <param name="UserId">User for file access.</param>
/// <param name="GroupId">Group for file access.</param>
/// <param name="ProcessId">Thread number in the server's process namespace; 0 when it has none there.</param>
public readonly record struct FuseCaller(uint UserId, uint GroupId, uint ProcessId);
