using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Kmem.Description;

/// <summary>Turns YAML text into nodes; all scalars stay text, so YAML's own guesses about types never apply.</summary>
/// <param name="file">Path that diagnostics show.</param>
/// <param name="diagnostics">Takes what is wrong.</param>
/// <param name="budget">Nodes that the whole machine may still use.</param>
internal sealed class YamlReader(string file, DiagnosticBag diagnostics, NodeBudget budget)
{
    private readonly Dictionary<string, ConfigNode> _anchors = new(StringComparer.Ordinal);
    private Parser _parser = null!;

    /// <summary>Reads the first document; null when the file is no YAML.</summary>
    public ConfigNode? Read(byte[] bytes)
    {
        var start = new SourceSpan(file, 1, 1, 1, 1);
        string text;
        try
        {
            text = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true).GetString(bytes).TrimStart('\uFEFF');
        }
        catch (DecoderFallbackException e)
        {
            diagnostics.Error(DiagnosticCodes.Syntax, start, $"this is no UTF-8 text (byte {e.Index}); is it a machine file at all?");
            return null;
        }

        int nul = text.IndexOf('\0', StringComparison.Ordinal);
        if (nul >= 0)
        {
            diagnostics.Error(DiagnosticCodes.Syntax, start, $"there is a NUL at character {nul}; is it a machine file at all?");
            return null;
        }

        try
        {
            _parser = new Parser(new StringReader(text));
            _parser.Consume<StreamStart>();
            if (_parser.Accept<StreamEnd>(out _))
            {
                diagnostics.Error(DiagnosticCodes.Syntax, start, "the file is empty; a machine begins with 'kmem: 1'");
                return null;
            }

            _parser.Consume<DocumentStart>();
            ConfigNode? root = Node(depth: 0);
            if (root is not null)
            {
                _parser.Consume<DocumentEnd>();
                if (!_parser.Accept<StreamEnd>(out _))
                {
                    diagnostics.Error(DiagnosticCodes.Syntax, Span(_parser.Current!), "a machine file has one document; a second one begins here");
                }
            }

            return root;
        }
        catch (YamlException e)
        {
            diagnostics.Error(DiagnosticCodes.Syntax, Span(e.Start, e.End), Reason(e));
            return null;
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException or FormatException or OverflowException or IndexOutOfRangeException or InvalidCastException)
        {
            // The YAML library is not proof against every input; its own failures are the file's.
            diagnostics.Error(DiagnosticCodes.Syntax, start, $"the file can't be parsed as YAML ({e.GetType().Name})");
            return null;
        }
    }

    private static string Reason(YamlException e)
    {
        string message = (e.InnerException?.Message ?? e.Message).TrimEnd('.');
        return message.Length == 0 ? "this is not YAML" : "this is not YAML: " + char.ToLowerInvariant(message[0]) + message[1..];
    }

    private SourceSpan Span(ParsingEvent e) => Span(e.Start, e.End);

    private SourceSpan Span(Mark start, Mark end) =>
        new(file, (int)Math.Max(1, start.Line), (int)Math.Max(1, start.Column), (int)Math.Max(1, end.Line), (int)Math.Max(1, end.Column));

    private ConfigNode? Node(int depth)
    {
        ParsingEvent next = _parser.Current ?? throw new YamlException("the file ends too early");
        if (depth > YamlLimits.Depth)
        {
            diagnostics.Error(DiagnosticCodes.Limit, Span(next), $"nesting is deeper than {YamlLimits.Depth} levels");
            return null;
        }

        if (!budget.Take(1))
        {
            diagnostics.Error(DiagnosticCodes.Limit, Span(next), $"the machine has more than {YamlLimits.Nodes} nodes");
            return null;
        }

        if (_parser.TryConsume<AnchorAlias>(out AnchorAlias? alias))
        {
            return Copy(alias);
        }

        if (_parser.TryConsume<Scalar>(out Scalar? scalar))
        {
            var node = new ScalarNode(scalar.Value, Span(scalar), scalar.Style != ScalarStyle.Plain);
            CheckTag(scalar);
            return Anchored(scalar, node);
        }

        if (_parser.TryConsume<SequenceStart>(out SequenceStart? sequence))
        {
            var node = new SequenceNode(Span(sequence));
            CheckTag(sequence);
            while (!_parser.TryConsume<SequenceEnd>(out _))
            {
                if (Node(depth + 1) is not { } item)
                {
                    return null;
                }

                node.Add(item);
            }

            return Anchored(sequence, node);
        }

        return Mapping(depth);
    }

    private MappingNode? Mapping(int depth)
    {
        MappingStart start = _parser.Consume<MappingStart>();
        var node = new MappingNode(Span(start));
        CheckTag(start);
        var merges = new List<ConfigNode>();
        while (!_parser.TryConsume<MappingEnd>(out _))
        {
            ConfigNode? key = Node(depth + 1), value = key is null ? null : Node(depth + 1);
            if (key is null || value is null)
            {
                return null;
            }

            if (key is not ScalarNode name)
            {
                diagnostics.Error(DiagnosticCodes.WrongForm, key.Span, $"a key must be a word, not {key.FormName}");
            }
            else if (name.Text == "<<" && !name.IsQuoted)
            {
                merges.Add(value);
            }
            else if (node[name.Text] is { } first)
            {
                diagnostics.Error(DiagnosticCodes.DuplicateKey, name.Span, $"the key '{name.Text}' stands twice here", null, new DiagnosticNote("the first one", first.Span));
            }
            else
            {
                node.Set(name, value);
            }
        }

        foreach (ConfigNode merge in merges)
        {
            Merge(node, merge);
        }

        return (MappingNode)Anchored(start, node);
    }

    /// <summary>Merge keys are shallow and never replace what stands in the mapping itself: YAML's rule.</summary>
    private void Merge(MappingNode target, ConfigNode source)
    {
        if (source is SequenceNode list)
        {
            foreach (ConfigNode item in list.Items)
            {
                Merge(target, item);
            }
        }
        else if (source is MappingNode mapping)
        {
            foreach (ConfigEntry entry in mapping.Entries.Where(e => target[e.Key.Text] is null).ToArray())
            {
                entry.Value.AliasSpan ??= source.AliasSpan;
                target.Set(entry.Key, entry.Value);
            }
        }
        else
        {
            diagnostics.Error(DiagnosticCodes.Anchor, source.AliasSpan ?? source.Span, "a merge key '<<' takes a mapping or a list of mappings");
        }
    }

    private ConfigNode? Copy(AnchorAlias alias)
    {
        if (!_anchors.TryGetValue(alias.Value.Value, out ConfigNode? target))
        {
            diagnostics.Error(DiagnosticCodes.Anchor, Span(alias), $"there is no anchor '&{alias.Value.Value}' before this", Suggestions.Nearest(alias.Value.Value, _anchors.Keys));
            return new ScalarNode("", Span(alias));
        }

        if (!budget.Take(Count(target, budget.Left)))
        {
            diagnostics.Error(DiagnosticCodes.Limit, Span(alias), $"expanding '*{alias.Value.Value}' makes more than {YamlLimits.Nodes} nodes");
            return null;
        }

        ConfigNode copy = target.Clone();
        copy.AliasSpan = Span(alias);
        return copy;
    }

    /// <summary>Counts nodes, but no further than <paramref name="most"/>.</summary>
    private static int Count(ConfigNode node, int most)
    {
        int count = 1;
        IEnumerable<ConfigNode> children = node switch
        {
            MappingNode mapping => mapping.Entries.SelectMany(e => new[] { e.Key, e.Value }),
            SequenceNode sequence => sequence.Items,
            _ => [],
        };
        foreach (ConfigNode child in children)
        {
            if (count > most)
            {
                break;
            }

            count += Count(child, most - count);
        }

        return count;
    }

    private ConfigNode Anchored(NodeEvent e, ConfigNode node)
    {
        if (!e.Anchor.IsEmpty)
        {
            _anchors[e.Anchor.Value] = node;
        }

        return node;
    }

    private void CheckTag(NodeEvent e)
    {
        if (!e.Tag.IsEmpty && !e.Tag.IsNonSpecific && !e.Tag.Value.StartsWith("tag:yaml.org,2002:", StringComparison.Ordinal))
        {
            diagnostics.Error(DiagnosticCodes.Syntax, Span(e), $"tags such as '{e.Tag.Value}' mean nothing in a machine file");
        }
    }
}

/// <summary>Counts down the nodes that a machine may use.</summary>
internal sealed class NodeBudget
{
    /// <summary>Nodes left.</summary>
    public int Left { get; private set; } = YamlLimits.Nodes;

    /// <summary>Takes some; false when not enough are left.</summary>
    public bool Take(int count)
    {
        if (count > Left)
        {
            Left = 0;
            return false;
        }

        Left -= count;
        return true;
    }
}
