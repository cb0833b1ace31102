using Kmem.Abstractions;

namespace Kmem.Description;

/// <summary>Reads the keys of one mapping and reports those that nobody asked for.</summary>
internal sealed class SectionReader(MappingNode node, string what, DiagnosticBag diagnostics)
{
    private readonly List<string> _known = [];

    public ScalarReader Scalars { get; } = new(diagnostics);

    public MappingNode Node => node;

    /// <summary>The value of a key, or null.</summary>
    public ConfigNode? Take(string key)
    {
        _known.Add(key);
        return node[key];
    }

    /// <summary>The value of a key; a diagnostic when it is missing.</summary>
    public ConfigNode? Need(string key)
    {
        ConfigNode? value = Take(key);
        if (value is null)
        {
            diagnostics.Error(DiagnosticCodes.MissingKey, node.AliasSpan ?? node.Span, $"{what} needs the key '{key}'");
        }

        return value;
    }

    public ScalarNode? Scalar(string key, bool required = false) => (required ? Need(key) : Take(key)) is { } value ? Scalars.Scalar(value) : null;

    public ulong? Number(string key, bool required = false, ulong min = 0, ulong max = ulong.MaxValue) =>
        (required ? Need(key) : Take(key)) is { } value ? Scalars.Number(value, min, max) : null;

    public bool Boolean(string key, bool otherwise = false) => (Take(key) is { } value ? Scalars.Boolean(value) : null) ?? otherwise;

    public AddressRange? Range(string key) => Need(key) is { } value ? Scalars.Range(value) : null;

    public MappingNode? Mapping(string key) => Take(key) is { } value ? Scalars.Mapping(value) : null;

    public IReadOnlyList<ConfigNode> List(string key) => (Take(key) is { } value ? Scalars.List(value) : null)?.Items ?? [];

    /// <summary>A signed number that fits 32 bits.</summary>
    public int Signed(string key)
    {
        if (Scalar(key) is not { } scalar)
        {
            return 0;
        }

        if (int.TryParse(scalar.Text, System.Globalization.NumberStyles.AllowLeadingSign, null, out int number))
        {
            return number;
        }

        diagnostics.Error(DiagnosticCodes.BadValue, scalar.Span, $"'{scalar.Text}' is no signed number");
        return 0;
    }

    /// <summary>True when the <c>when:</c> of this mapping holds or is missing.</summary>
    public bool When() => Boolean("when", otherwise: true);

    /// <summary>Reports unknown keys.</summary>
    public void Finish()
    {
        foreach (ConfigEntry entry in node.Entries.Where(e => !_known.Contains(e.Key.Text, StringComparer.Ordinal)))
        {
            diagnostics.Error(
                DiagnosticCodes.UnknownKey, entry.Key.Span, $"{what} has no key '{entry.Key.Text}'; it takes {string.Join(", ", _known)}", Suggestions.Nearest(entry.Key.Text, _known));
        }
    }

    /// <summary>The keys that nobody asked for, for a plugin.</summary>
    public MappingNode Rest()
    {
        var rest = new MappingNode(node.Span) { AliasSpan = node.AliasSpan };
        foreach (ConfigEntry entry in node.Entries.Where(e => !_known.Contains(e.Key.Text, StringComparer.Ordinal)))
        {
            rest.Set(entry.Key, entry.Value);
        }

        return rest;
    }
}
