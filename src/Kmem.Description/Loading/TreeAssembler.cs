using System.Security.Cryptography;

namespace Kmem.Description;

/// <summary>Merges a machine file and all that it includes into one tree.</summary>
internal sealed class TreeAssembler(LoadOptions options, DiagnosticBag diagnostics)
{
    /// <summary>Sections whose entries have names; an included file's names get its prefix.</summary>
    public static readonly string[] NamedSections = ["spaces", "devices", "windows", "areas", "flavours", "frontends", "faults", "firmware-state"];

    /// <summary>All other keys of a file.</summary>
    public static readonly string[] OtherKeys = ["kmem", "machine", "arch", "summary", "labels", "use", "plugins", "params", "vars", "patch", "variants", "checks", "kernel-map", "boot"];

    private readonly NodeBudget _budget = new();
    private readonly List<string> _files = [];
    private readonly List<ParameterDescription> _parameters = [];
    private readonly List<string> _variants = [];
    private readonly HashSet<string> _usedOverrides = new(StringComparer.Ordinal);

    /// <summary>Checks by the prefix of the file that holds them.</summary>
    public Dictionary<string, List<ConfigNode>> Checks { get; } = new(StringComparer.Ordinal);

    /// <summary>Every file read, the root first.</summary>
    public IReadOnlyList<string> Files => _files;

    /// <summary>All parameters with their prefixes.</summary>
    public IReadOnlyList<ParameterDescription> Parameters => _parameters;

    /// <summary>Names of the root file's variants.</summary>
    public IReadOnlyList<string> Variants => _variants;

    /// <summary>The merged tree; null when the root file is no machine.</summary>
    public MappingNode? Assemble(string path)
    {
        Dictionary<string, ScalarNode> given = options.Parameters.ToDictionary(
            p => p.Key, p => new ScalarNode(p.Value, SourceSpan.CommandLine, isQuoted: true), StringComparer.Ordinal);
        MappingNode? tree = LoadFile(Path.GetFullPath(path), path, "", given, chain: [], includedAt: null);
        foreach (string name in given.Keys.Where(n => !_usedOverrides.Contains(n)))
        {
            diagnostics.Error(DiagnosticCodes.UnknownParameter, SourceSpan.CommandLine, $"the machine has no parameter '{name}'", Suggestions.Nearest(name, _parameters.Select(p => p.Name)));
        }

        return tree;
    }

    private MappingNode? LoadFile(string path, string shown, string prefix, IReadOnlyDictionary<string, ScalarNode> given, IReadOnlyList<string> chain, ScalarNode? includedAt)
    {
        if (Read(path, shown, includedAt) is not { } root)
        {
            return null;
        }

        var file = new SectionReader(root, "a machine", diagnostics);
        CheckVersion(file);
        foreach (string key in NamedSections.Concat(OtherKeys).Concat(root.Entries.Select(e => e.Key.Text).Where(k => k.StartsWith("x-", StringComparison.Ordinal))))
        {
            file.Take(key);
        }

        file.Finish();

        // A variant's parameters stand between the command line and the defaults; only the root file's variants count.
        MappingNode? variant = chain.Count == 0 ? ChooseVariant(root) : null;
        var values = new Dictionary<string, ScalarNode>(given, StringComparer.Ordinal);
        foreach (ConfigEntry entry in (variant?["params"] as MappingNode)?.Entries ?? [])
        {
            if (entry.Value is ScalarNode value)
            {
                values.TryAdd(entry.Key.Text, value);
            }
        }

        var scope = new FileScope(path, root, values, options, diagnostics);
        foreach (ParameterDescription parameter in scope.Parameters)
        {
            _parameters.Add(parameter with { Name = prefix + parameter.Name });
            _usedOverrides.Add(prefix + parameter.Name);
        }

        CountedDevices.Expand(root, scope, _budget, diagnostics);
        foreach (ConfigEntry entry in root.Entries.Where(e => e.Key.Text is not ("params" or "vars" or "variants") && !e.Key.Text.StartsWith("x-", StringComparison.Ordinal)))
        {
            scope.Expand(entry.Value);
        }

        var merged = new MappingNode(root.Span);
        if (root["use"] is { } uses && file.Scalars.List(uses) is { } list)
        {
            foreach (ConfigNode use in list.Items)
            {
                Include(merged, use, path, prefix, values, [.. chain, path]);
            }
        }

        MergeOwn(merged, root, prefix, path);
        var patcher = new Patcher(merged, Checks, prefix, diagnostics);
        if (root["patch"] is { } patch)
        {
            patcher.Apply(patch);
        }

        if (variant?["patch"] is { } variantPatch)
        {
            scope.Expand(variantPatch);
            patcher.Apply(variantPatch);
        }

        return merged;
    }

    private MappingNode? Read(string path, string shown, ScalarNode? includedAt)
    {
        SourceSpan at = includedAt?.Span ?? new SourceSpan(shown, 1, 1, 1, 1);
        if (!options.Files.Exists(path))
        {
            diagnostics.Error(includedAt is null ? DiagnosticCodes.Unreadable : DiagnosticCodes.MissingInclude, at, $"there is no file '{shown}'");
            return null;
        }

        if (_files.Count == YamlLimits.Files)
        {
            diagnostics.Error(DiagnosticCodes.Limit, at, $"the machine has more than {YamlLimits.Files} files");
            return null;
        }

        byte[] bytes;
        try
        {
            bytes = options.Files.Read(path, YamlLimits.FileBytes + 1);
        }
        catch (IOException e)
        {
            diagnostics.Error(DiagnosticCodes.Unreadable, at, $"'{shown}' can't be read: {e.Message}");
            return null;
        }

        if (bytes.Length > YamlLimits.FileBytes)
        {
            diagnostics.Error(DiagnosticCodes.Limit, at, $"'{shown}' is larger than {YamlLimits.FileBytes >> 20} MiB; is it a machine file at all?");
            return null;
        }

        _files.Add(path);
        return new YamlReader(shown, diagnostics, _budget).Read(bytes) is { } root ? new ScalarReader(diagnostics).Mapping(root) : null;
    }

    private void CheckVersion(SectionReader file)
    {
        if (file.Take("kmem") is not { } version)
        {
            diagnostics.Error(DiagnosticCodes.Version, file.Node.Span, "a machine begins with the version of its language: 'kmem: 1'");
        }
        else if (file.Scalars.Scalar(version) is { } scalar && scalar.Text != "1")
        {
            diagnostics.Error(DiagnosticCodes.Version, scalar.Span, $"this Kmem knows version 1 of the language, not '{scalar.Text}'");
        }
    }

    private MappingNode? ChooseVariant(MappingNode root)
    {
        if (root["variants"] is MappingNode variants)
        {
            _variants.AddRange(variants.Entries.Select(e => e.Key.Text));
            foreach (ConfigEntry entry in variants.Entries)
            {
                if (new ScalarReader(diagnostics).Mapping(entry.Value) is { } mapping)
                {
                    var reader = new SectionReader(mapping, $"the variant '{entry.Key.Text}'", diagnostics);
                    reader.Take("params");
                    reader.Take("patch");
                    reader.Take("summary");
                    reader.Finish();
                }
            }
        }

        if (options.Variant is null)
        {
            return null;
        }

        if ((root["variants"] as MappingNode)?[options.Variant] is MappingNode variant)
        {
            return variant;
        }

        diagnostics.Error(DiagnosticCodes.UnknownVariant, SourceSpan.CommandLine, $"the machine has no variant '{options.Variant}'", Suggestions.Nearest(options.Variant, _variants));
        return null;
    }

    private void Include(MappingNode merged, ConfigNode use, string path, string prefix, IReadOnlyDictionary<string, ScalarNode> outer, IReadOnlyList<string> chain)
    {
        ScalarNode? name = use as ScalarNode;
        string inner = prefix;
        var given = new Dictionary<string, ScalarNode>(StringComparer.Ordinal);
        string? checksum = null;
        string local = "";
        if (use is MappingNode mapping)
        {
            var reader = new SectionReader(mapping, "an entry of use:", diagnostics);
            name = reader.Scalar("file", required: true);
            if (reader.Scalar("as") is { } alias)
            {
                local = alias.Text + ".";
                inner = prefix + local;
                if (alias.Text.Length == 0 || !alias.Text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-'))
                {
                    diagnostics.Error(DiagnosticCodes.BadValue, alias.Span, $"'{alias.Text}' is no prefix; letters, digits, dashes and underscores make one");
                }
            }

            foreach (ConfigEntry entry in reader.Mapping("params")?.Entries ?? [])
            {
                if (reader.Scalars.Scalar(entry.Value) is { } value)
                {
                    given[entry.Key.Text] = value;
                }
            }

            checksum = reader.Scalar("sha256")?.Text;
            reader.Finish();
        }
        else if (name is null)
        {
            diagnostics.Error(DiagnosticCodes.WrongForm, use.Span, "an entry of use: is a file name or a mapping with 'file'");
        }

        if (name is null || Find(name, path) is not { } found)
        {
            return;
        }

        if (chain.Contains(found, StringComparer.Ordinal) || chain.Count >= YamlLimits.IncludeDepth)
        {
            string circle = string.Join(" -> ", chain.Append(found).Select(Path.GetFileName));
            diagnostics.Error(chain.Count >= YamlLimits.IncludeDepth ? DiagnosticCodes.Limit : DiagnosticCodes.IncludeCycle, name.Span, $"files include each other in a circle: {circle}");
            return;
        }

        if (checksum is not null && Convert.ToHexStringLower(SHA256.HashData(options.Files.Read(found, YamlLimits.FileBytes))) is { } actual && !string.Equals(actual, checksum, StringComparison.OrdinalIgnoreCase))
        {
            diagnostics.Error(DiagnosticCodes.Checksum, name.Span, $"'{name.Text}' has the sha256 {actual}, not {checksum}");
        }

        // Values from further out (command line, variant) win over those of this use.
        string[] own = [.. given.Keys];
        foreach ((string key, ScalarNode value) in outer)
        {
            if (local.Length == 0)
            {
                given[key] = value;
            }
            else if (key.StartsWith(local, StringComparison.Ordinal))
            {
                given[key[local.Length..]] = value;
            }
        }

        int before = _parameters.Count;
        if (LoadFile(found, Shown(found), inner, given, chain, name) is { } tree)
        {
            foreach (string parameter in own.Where(p => !_parameters.Skip(before).Any(d => d.Name == inner + p)))
            {
                diagnostics.Error(DiagnosticCodes.UnknownParameter, given[parameter].Span, $"'{name.Text}' has no parameter '{parameter}'", Suggestions.Nearest(parameter, _parameters.Skip(before).Select(d => d.Name[inner.Length..])));
            }

            foreach (ConfigEntry section in tree.Entries)
            {
                foreach (ConfigEntry entry in ((MappingNode)section.Value).Entries)
                {
                    Add(merged, section.Key, entry.Key, entry.Value, mayReplace: entry.Key.Text == "value");
                }
            }
        }
    }

    private static string Shown(string path) =>
        Path.GetRelativePath(Environment.CurrentDirectory, path) is { } relative && !relative.StartsWith("..", StringComparison.Ordinal) ? relative : path;

    private string? Find(ScalarNode name, string from)
    {
        string[] folders = [Path.GetDirectoryName(from) ?? "/", .. options.SearchPath];
        string? found = name.Text.Length == 0 || name.Text.Contains('\0', StringComparison.Ordinal)
            ? null
            : folders.Select(f => Path.GetFullPath(name.Text, Path.GetFullPath(f))).FirstOrDefault(options.Files.Exists);
        if (found is null)
        {
            diagnostics.Error(DiagnosticCodes.MissingInclude, name.Span, $"there is no file '{name.Text}' in {string.Join(", ", folders)}");
        }

        return found;
    }

    private void MergeOwn(MappingNode merged, MappingNode root, string prefix, string path)
    {
        var scalars = new ScalarReader(diagnostics);
        foreach (string section in NamedSections)
        {
            if (root.Entries.FirstOrDefault(e => e.Key.Text == section) is not { } entry || scalars.Mapping(entry.Value) is not { } mapping)
            {
                continue;
            }

            foreach (ConfigEntry item in mapping.Entries)
            {
                var name = new ScalarNode(prefix + item.Key.Text, item.Key.Span);
                Add(merged, entry.Key, name, item.Value);
            }
        }

        // Everything that has no name of its own is kept under one that can't collide.
        foreach (string key in OtherKeys.Where(k => k is not ("use" or "params" or "vars" or "patch" or "variants" or "checks")))
        {
            bool listed = key is "plugins" or "kernel-map";
            if (root.Entries.FirstOrDefault(e => e.Key.Text == key) is { } entry && (prefix.Length == 0 || listed))
            {
                Add(merged, entry.Key, new ScalarNode(listed ? prefix + path : "value", entry.Key.Span), entry.Value, mayReplace: !listed);
            }
        }

        if (root["checks"] is { } checks && scalars.List(checks) is { } list)
        {
            if (!Checks.TryGetValue(prefix, out List<ConfigNode>? all))
            {
                Checks[prefix] = all = [];
            }

            all.AddRange(list.Items);
        }
    }

    private void Add(MappingNode merged, ScalarNode section, ScalarNode name, ConfigNode value, bool mayReplace = false)
    {
        if (merged[section.Text] is not MappingNode target)
        {
            merged.Set(section, target = new MappingNode(section.Span));
        }

        if (!mayReplace && target.Entries.FirstOrDefault(e => e.Key.Text == name.Text) is { } first)
        {
            diagnostics.Error(
                DiagnosticCodes.Redefinition, name.Span, $"'{name.Text}' is defined twice under {section.Text}; change an included part with patch:, or include it with as:", null, new DiagnosticNote("the first one", first.Key.Span));
            return;
        }

        target.Set(name, value);
    }
}
