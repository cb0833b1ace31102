namespace Kmem.Description;

/// <summary>A node of a machine file: every one knows where it stands.</summary>
/// <param name="span">Where it stands; for the copy of an anchored node the place of the anchor.</param>
public abstract class ConfigNode(SourceSpan span)
{
    /// <summary>Where it stands; for the copy of an anchored node the place of the anchor.</summary>
    public SourceSpan Span { get; } = span;

    /// <summary>Where the alias stands through which the node got here, or null.</summary>
    public SourceSpan? AliasSpan { get; internal set; }

    /// <summary>"a value", "a list" or "a mapping", for messages.</summary>
    public abstract string FormName { get; }

    /// <summary>A copy that may be changed without changing this one.</summary>
    public abstract ConfigNode Clone();

    /// <summary>Hands the alias position on to a copy.</summary>
    protected T WithAlias<T>(T copy)
        where T : ConfigNode
    {
        copy.AliasSpan = AliasSpan;
        return copy;
    }
}

/// <summary>A scalar: text until the property that it lands in gives it a type.</summary>
/// <param name="text">The text, expressions already computed.</param>
/// <param name="span">Where it stands.</param>
/// <param name="isQuoted">True when it was written in quotes or as a block.</param>
public sealed class ScalarNode(string text, SourceSpan span, bool isQuoted = false) : ConfigNode(span)
{
    /// <summary>The text, expressions already computed.</summary>
    public string Text { get; internal set; } = text;

    /// <summary>The text as written.</summary>
    public string Raw { get; } = text;

    /// <summary>True when it was written in quotes or as a block.</summary>
    public bool IsQuoted { get; } = isQuoted;

    /// <summary>True for an empty plain scalar, <c>~</c> and <c>null</c>.</summary>
    public bool IsNull => !IsQuoted && Text is "" or "~" or "null";

    /// <inheritdoc/>
    public override string FormName => "a value";

    /// <inheritdoc/>
    public override ConfigNode Clone() => WithAlias(new ScalarNode(Raw, Span, IsQuoted) { Text = Text });

    /// <inheritdoc/>
    public override string ToString() => Text;
}

/// <summary>One entry of a mapping.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">The value.</param>
public sealed record ConfigEntry(ScalarNode Key, ConfigNode Value);

/// <summary>A mapping, in the order of the file.</summary>
/// <param name="span">Where it stands.</param>
public sealed class MappingNode(SourceSpan span) : ConfigNode(span)
{
    private readonly List<ConfigEntry> _entries = [];

    /// <summary>The entries, in the order of the file.</summary>
    public IReadOnlyList<ConfigEntry> Entries => _entries;

    /// <summary>The value of a key, or null.</summary>
    public ConfigNode? this[string key] => _entries.Find(e => e.Key.Text == key)?.Value;

    /// <inheritdoc/>
    public override string FormName => "a mapping";

    /// <summary>Adds an entry, or replaces the value of its key.</summary>
    public void Set(ScalarNode key, ConfigNode value)
    {
        int index = _entries.FindIndex(e => e.Key.Text == key.Text);
        if (index < 0)
        {
            _entries.Add(new ConfigEntry(key, value));
        }
        else
        {
            _entries[index] = new ConfigEntry(_entries[index].Key, value);
        }
    }

    /// <summary>Takes an entry away.</summary>
    public bool Remove(string key) => _entries.RemoveAll(e => e.Key.Text == key) > 0;

    /// <inheritdoc/>
    public override ConfigNode Clone()
    {
        var copy = new MappingNode(Span);
        copy._entries.AddRange(_entries.Select(e => new ConfigEntry((ScalarNode)e.Key.Clone(), e.Value.Clone())));
        return WithAlias(copy);
    }
}

/// <summary>A list, in the order of the file.</summary>
/// <param name="span">Where it stands.</param>
public sealed class SequenceNode(SourceSpan span) : ConfigNode(span)
{
    private readonly List<ConfigNode> _items = [];

    /// <summary>The items.</summary>
    public IReadOnlyList<ConfigNode> Items => _items;

    /// <inheritdoc/>
    public override string FormName => "a list";

    /// <summary>Adds an item.</summary>
    public void Add(ConfigNode item) => _items.Add(item);

    /// <summary>Replaces an item.</summary>
    public void Replace(int index, ConfigNode item) => _items[index] = item;

    /// <summary>Takes an item away.</summary>
    public void RemoveAt(int index) => _items.RemoveAt(index);

    /// <inheritdoc/>
    public override ConfigNode Clone()
    {
        var copy = new SequenceNode(Span);
        copy._items.AddRange(_items.Select(i => i.Clone()));
        return WithAlias(copy);
    }
}
