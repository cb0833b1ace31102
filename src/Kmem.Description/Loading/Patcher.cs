namespace Kmem.Description;

/// <summary>Applies <c>patch:</c>, ordered edits that must each hit something.</summary>
/// <param name="tree">The merged tree.</param>
/// <param name="checks">Checks by prefix.</param>
/// <param name="prefix">Prefix of the file that holds the patch.</param>
/// <param name="diagnostics">Takes what is wrong.</param>
internal sealed class Patcher(MappingNode tree, Dictionary<string, List<ConfigNode>> checks, string prefix, DiagnosticBag diagnostics)
{
    private enum Operation
    {
        Set,
        Remove,
        Add,
    }

    private readonly ScalarReader _scalars = new(diagnostics);

    /// <summary>Applies a list of edits in order.</summary>
    public void Apply(ConfigNode patch)
    {
        if (_scalars.List(patch) is not { } list)
        {
            return;
        }

        var removed = new List<(List<ConfigNode> List, ConfigNode Node)>();
        foreach (ConfigNode item in list.Items)
        {
            if (_scalars.Mapping(item) is not { } mapping)
            {
                continue;
            }

            var reader = new SectionReader(mapping, "an edit of patch:", diagnostics);
            ScalarNode? set = reader.Scalar("set"), remove = reader.Scalar("remove"), add = reader.Scalar("add");
            ConfigNode? value = reader.Take("to") ?? reader.Take("value");
            reader.Take("value");
            reader.Finish();
            if (new[] { set, remove, add }.Count(p => p is not null) != 1)
            {
                diagnostics.Error(DiagnosticCodes.MissingKey, mapping.Span, "an edit is {set: PATH, to: VALUE}, {add: PATH, to: VALUE} or {remove: PATH}");
            }
            else if (remove is null && value is null)
            {
                diagnostics.Error(DiagnosticCodes.MissingKey, mapping.Span, "this edit needs the key 'to'");
            }
            else
            {
                Edit(set ?? remove ?? add!, set is not null ? Operation.Set : remove is not null ? Operation.Remove : Operation.Add, value, removed);
            }
        }

        // Numbers of checks are those of the file, so they are taken out only when all edits have been resolved.
        foreach ((List<ConfigNode> owner, ConfigNode node) in removed)
        {
            owner.Remove(node);
        }
    }

    private void Edit(ScalarNode path, Operation operation, ConfigNode? value, List<(List<ConfigNode>, ConfigNode)> removed)
    {
        string[] parts = path.Text.Split('.');
        int section = Array.FindIndex(parts, p => p == "checks" || TreeAssembler.NamedSections.Contains(p, StringComparer.Ordinal));
        if (section < 0 || section == parts.Length - 1)
        {
            Miss(path, $"'{path.Text}' names no section such as devices or checks, or nothing in it", TreeAssembler.NamedSections.Append("checks"));
            return;
        }

        string inner = prefix + string.Concat(parts[..section].Select(p => p + "."));
        string[] rest = parts[(section + 1)..];
        if (parts[section] == "checks")
        {
            EditCheck(path, operation, value, inner, rest, removed);
        }
        else if (tree[parts[section]] is MappingNode named)
        {
            EditNamed(path, operation, value, named, inner, rest);
        }
        else if (operation == Operation.Add)
        {
            var created = new MappingNode(path.Span);
            tree.Set(new ScalarNode(parts[section], path.Span), created);
            EditNamed(path, operation, value, created, inner, rest);
        }
        else
        {
            Miss(path, $"the machine has no {parts[section]}", []);
        }
    }

    private void EditCheck(ScalarNode path, Operation operation, ConfigNode? value, string inner, string[] rest, List<(List<ConfigNode>, ConfigNode)> removed)
    {
        List<ConfigNode> list = checks.GetValueOrDefault(inner) ?? [];
        if (rest.Length != 1 || !int.TryParse(rest[0], out int index) || index < 0 || index >= list.Count)
        {
            Miss(path, $"there are {list.Count} checks here, numbered from 0; '{string.Join('.', rest)}' is none of them", []);
        }
        else if (operation == Operation.Remove)
        {
            removed.Add((list, list[index]));
        }
        else if (operation == Operation.Set)
        {
            list[index] = value!;
        }
        else
        {
            Miss(path, "checks are added in the file's own checks:", []);
        }
    }

    private void EditNamed(ScalarNode path, Operation operation, ConfigNode? value, MappingNode named, string inner, string[] rest)
    {
        // Names may have dots of their own (pc.com1), so the longest one that exists is meant.
        int length = Enumerable.Range(1, rest.Length).LastOrDefault(n => named[inner + string.Join('.', rest[..n])] is not null);
        if (length == 0)
        {
            if (operation == Operation.Add && rest.Length == 1)
            {
                named.Set(new ScalarNode(inner + rest[0], path.Span), value!);
                return;
            }

            Miss(path, $"there is no '{inner}{rest[0]}' here", named.Entries.Select(e => e.Key.Text));
            return;
        }

        string[] keys = [inner + string.Join('.', rest[..length]), .. rest[length..]];
        ConfigNode parent = named;
        foreach (string key in keys[..^1])
        {
            if (Child(parent, key) is not { } child)
            {
                if (operation == Operation.Add && key == "set" && parent is MappingNode device)
                {
                    device.Set(new ScalarNode(key, path.Span), child = new MappingNode(path.Span));
                }
                else
                {
                    Miss(path, $"there is no '{key}' on the way of '{path.Text}'", Keys(parent));
                    return;
                }
            }

            parent = child;
        }

        string last = keys[^1];
        bool exists = Child(parent, last) is not null;
        if (operation == Operation.Add ? exists : !exists)
        {
            Miss(path, exists ? $"'{path.Text}' is there already; use set: to change it" : $"there is no '{last}' at '{path.Text}' to {(operation == Operation.Set ? "set; use add: for a new one" : "remove")}", Keys(parent));
            return;
        }

        switch (parent)
        {
            case MappingNode mapping when operation == Operation.Remove:
                mapping.Remove(last);
                break;
            case MappingNode mapping:
                mapping.Set(new ScalarNode(last, path.Span), value!);
                break;
            case SequenceNode sequence when operation == Operation.Remove:
                sequence.RemoveAt(int.Parse(last, System.Globalization.CultureInfo.InvariantCulture));
                break;
            case SequenceNode sequence when operation == Operation.Set:
                sequence.Replace(int.Parse(last, System.Globalization.CultureInfo.InvariantCulture), value!);
                break;
            case SequenceNode sequence:
                sequence.Add(value!);
                break;
            default:
                Miss(path, $"'{path.Text}' goes below {parent.FormName}", []);
                break;
        }
    }

    private static ConfigNode? Child(ConfigNode parent, string key) => parent switch
    {
        MappingNode mapping => mapping[key],
        SequenceNode sequence when int.TryParse(key, out int index) && index >= 0 && index < sequence.Items.Count => sequence.Items[index],
        _ => null,
    };

    private static IEnumerable<string> Keys(ConfigNode parent) => parent is MappingNode mapping ? mapping.Entries.Select(e => e.Key.Text) : [];

    private void Miss(ScalarNode path, string message, IEnumerable<string> candidates)
    {
        string last = path.Text[(path.Text.LastIndexOf('.') + 1)..];
        diagnostics.Error(DiagnosticCodes.PatchPath, path.Span, message, Suggestions.Nearest(last, candidates));
    }
}
