namespace Kmem.Description;

/// <summary>Makes of a device with <c>count:</c> as many devices as it says: NAME0, NAME1 and so on, in each of which <c>$(index)</c> is its number.</summary>
internal static class CountedDevices
{
    private const ulong Most = 256;

    /// <summary>Replaces the counted devices of a file, before its expressions are computed.</summary>
    public static void Expand(MappingNode root, FileScope scope, NodeBudget budget, DiagnosticBag diagnostics)
    {
        if (root.Entries.FirstOrDefault(e => e.Key.Text == "devices") is not { Value: MappingNode devices } section
            || !devices.Entries.Any(e => e.Value is MappingNode device && device["count"] is not null))
        {
            return;
        }

        var expanded = new MappingNode(devices.Span) { AliasSpan = devices.AliasSpan };
        foreach (ConfigEntry entry in devices.Entries)
        {
            if (entry.Value is MappingNode device && device["count"] is { } count)
            {
                AddCopies(expanded, entry.Key, device, count, scope, budget, diagnostics);
            }
            else
            {
                expanded.Set(entry.Key, entry.Value);
            }
        }

        root.Set(section.Key, expanded);
    }

    private static void AddCopies(MappingNode devices, ScalarNode name, MappingNode device, ConfigNode count, FileScope scope, NodeBudget budget, DiagnosticBag diagnostics)
    {
        scope.Expand(count);
        ulong copies = new ScalarReader(diagnostics).Number(count, max: Most) ?? 0;
        for (ulong i = 0; i < copies; i++)
        {
            var copy = (MappingNode)device.Clone();
            if (!budget.Take(NodesOf(copy)))
            {
                diagnostics.Error(DiagnosticCodes.Limit, name.Span, $"the machine has more than {YamlLimits.Nodes} nodes with all copies of '{name.Text}'");
                return;
            }

            copy.Remove("count");
            if (copy["group"] is null)
            {
                copy.Set(new ScalarNode("group", name.Span), new ScalarNode(name.Text, name.Span));
            }

            scope.Index = i;
            scope.Expand(copy);
            scope.Index = null;
            devices.Set(new ScalarNode(System.FormattableString.Invariant($"{name.Text}{i}"), name.Span), Computed(copy));
        }
    }

    private static int NodesOf(ConfigNode node) => 1 + node switch
    {
        MappingNode mapping => mapping.Entries.Sum(e => NodesOf(e.Value)),
        SequenceNode list => list.Items.Sum(NodesOf),
        _ => 0,
    };

    /// <summary>A copy whose texts are no expressions any more, so that the number is not asked for where there is none.</summary>
    private static ConfigNode Computed(ConfigNode node)
    {
        switch (node)
        {
            case MappingNode mapping:
                var entries = new MappingNode(mapping.Span) { AliasSpan = mapping.AliasSpan };
                foreach (ConfigEntry entry in mapping.Entries)
                {
                    entries.Set(entry.Key, Computed(entry.Value));
                }

                return entries;
            case SequenceNode list:
                var items = new SequenceNode(list.Span) { AliasSpan = list.AliasSpan };
                foreach (ConfigNode item in list.Items)
                {
                    items.Add(Computed(item));
                }

                return items;
            case ScalarNode scalar:
                return new ScalarNode(scalar.Text, scalar.Span, scalar.IsQuoted) { AliasSpan = scalar.AliasSpan };
            default:
                return node;
        }
    }
}
