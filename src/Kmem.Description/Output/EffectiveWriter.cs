using System.Text;

namespace Kmem.Description;

/// <summary>Writes the merged machine as one file: what <c>kmem config --effective</c> shows, and what loads as the same machine again.</summary>
public static class EffectiveWriter
{
    private static readonly string[] Order = ["kmem", "machine", "arch", "summary", "labels", "plugins", "boot", "spaces", "devices", "windows", "areas", "kernel-map", "flavours", "frontends", "faults", "firmware-state"];

    /// <summary>Writes the machine.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="origins">Whether each value is followed by the place that it comes from.</param>
    public static string Write(MachineDescription machine, bool origins)
    {
        var text = new StringBuilder();
        foreach (string section in Order)
        {
            if (machine.Tree[section] is not MappingNode { Entries.Count: > 0 } mapping)
            {
                continue;
            }

            if (mapping["value"] is { } single && mapping.Entries.Count == 1)
            {
                Entry(text, section, single, 0, origins);
            }
            else if (section is "plugins" or "kernel-map")
            {
                text.Append(section).Append(":\n");
                foreach (ConfigNode item in mapping.Entries.Select(e => e.Value).OfType<SequenceNode>().SelectMany(s => s.Items))
                {
                    Item(text, item, 1, origins);
                }
            }
            else
            {
                Entry(text, section, mapping, 0, origins);
            }
        }

        // Parameters have done their work: every expression is computed. Checks that set one would test nothing here.
        CheckDescription[] checks = [.. machine.Checks.Where(c => !c.Conditions.Any(x => machine.Parameters.Any(p => p.Name == x.Name)))];
        if (checks.Length > 0)
        {
            text.Append("checks:\n");
            foreach (CheckDescription check in checks)
            {
                text.Append("  - ").Append(Quote(check.ToString())).Append(Comment(check.Span, origins)).Append('\n');
            }
        }

        return text.ToString();
    }

    private static void Entry(StringBuilder text, string key, ConfigNode value, int depth, bool origins)
    {
        string indent = new(' ', 2 * depth);
        text.Append(indent).Append(Quote(key)).Append(':');
        switch (value)
        {
            case ScalarNode scalar:
                text.Append(' ').Append(Scalar(scalar)).Append(Comment(scalar.AliasSpan ?? scalar.Span, origins)).Append('\n');
                break;
            case MappingNode { Entries.Count: 0 }:
                text.Append(" {}\n");
                break;
            case SequenceNode { Items.Count: 0 }:
                text.Append(" []\n");
                break;
            case MappingNode mapping:
                text.Append('\n');
                foreach (ConfigEntry entry in mapping.Entries.Where(e => !e.Key.Text.StartsWith("x-", StringComparison.Ordinal)))
                {
                    Entry(text, entry.Key.Text, entry.Value, depth + 1, origins);
                }

                break;
            case SequenceNode list:
                text.Append('\n');
                foreach (ConfigNode item in list.Items)
                {
                    Item(text, item, depth + 1, origins);
                }

                break;
        }
    }

    private static void Item(StringBuilder text, ConfigNode item, int depth, bool origins)
    {
        string indent = new(' ', 2 * depth);
        if (item is ScalarNode scalar)
        {
            text.Append(indent).Append("- ").Append(Scalar(scalar)).Append(Comment(scalar.AliasSpan ?? scalar.Span, origins)).Append('\n');
            return;
        }

        // A dash alone, then the content one level deeper: longer than the usual form, but it nests without exceptions.
        text.Append(indent).Append("-\n");
        if (item is MappingNode mapping)
        {
            foreach (ConfigEntry entry in mapping.Entries)
            {
                Entry(text, entry.Key.Text, entry.Value, depth + 1, origins);
            }
        }
        else
        {
            foreach (ConfigNode inner in ((SequenceNode)item).Items)
            {
                Item(text, inner, depth + 1, origins);
            }
        }
    }

    private static string Comment(SourceSpan span, bool origins) => origins ? $"  # {span.File}:{span.Line}" : "";

    private static string Scalar(ScalarNode scalar) => scalar.IsNull ? "~" : Quote(scalar.Text);

    private static string Quote(string text)
    {
        bool isPlain = text.Length > 0 && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-' or '/' or '+' or ' ' or '(' or ')' or '=')
            && (char.IsAsciiLetterOrDigit(text[0]) || text[0] is '/' or '.' or '(') && text[^1] != ' ' && !text.Contains(" #", StringComparison.Ordinal) && text is not ("null" or "~");
        if (isPlain)
        {
            return text;
        }

        var quoted = new StringBuilder("\"");
        foreach (char c in text)
        {
            quoted.Append(c switch
            {
                '"' => "\\\"",
                '\\' => "\\\\",
                '\n' => "\\n",
                '\t' => "\\t",
                '\r' => "\\r",
                _ when char.IsControl(c) => $"\\u{(int)c:X4}",
                _ => c.ToString(),
            });
        }

        return quoted.Append('"').ToString();
    }
}
