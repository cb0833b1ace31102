namespace Kmem.Description;

/// <summary>The parameters and variables of one file: what its expressions may name.</summary>
internal sealed class FileScope : IExpressionScope
{
    private const string OverlayWord = ",overlay=";

    private static readonly string[] Types = ["bool", "int", "size", "addr", "freq", "time", "string", "enum", "file"];

    private readonly string _path;
    private readonly DiagnosticBag _diagnostics;
    private readonly LoadOptions _options;
    private readonly Dictionary<string, Value> _values = new(StringComparer.Ordinal);
    private readonly Dictionary<string, ScalarNode> _variables = new(StringComparer.Ordinal);
    private readonly HashSet<string> _computing = new(StringComparer.Ordinal);
    private readonly List<ParameterDescription> _parameters = [];

    /// <summary>Creates the scope of a file from its <c>params:</c> and <c>vars:</c>.</summary>
    /// <param name="path">Absolute path of the file.</param>
    /// <param name="root">Its tree.</param>
    /// <param name="given">Values from outside by name, each with its place.</param>
    /// <param name="options">The caller's decisions.</param>
    /// <param name="diagnostics">Takes what is wrong.</param>
    public FileScope(string path, MappingNode root, IReadOnlyDictionary<string, ScalarNode> given, LoadOptions options, DiagnosticBag diagnostics)
    {
        (_path, _options, _diagnostics) = (path, options, diagnostics);
        var scalars = new ScalarReader(diagnostics);
        if (root["vars"] is { } vars && scalars.Mapping(vars) is { } variables)
        {
            foreach (ConfigEntry entry in variables.Entries)
            {
                if (scalars.Scalar(entry.Value) is { } value)
                {
                    _variables[entry.Key.Text] = value;
                }
            }
        }

        if (root["params"] is { } parameters && scalars.Mapping(parameters) is { } mapping)
        {
            foreach (ConfigEntry entry in mapping.Entries)
            {
                Declare(entry, given.GetValueOrDefault(entry.Key.Text));
            }
        }

        // Every variable is computed once, so that a broken one is reported even when nothing uses it.
        foreach (string name in _variables.Keys)
        {
            _ = Variable(name);
        }
    }

    /// <summary>The parameters in the order of the file.</summary>
    public IReadOnlyList<ParameterDescription> Parameters => _parameters;

    /// <summary>What <c>index</c> means in expressions: the number of the copy of a counted device that is expanded; null outside of one.</summary>
    public ulong? Index { get; set; }

    /// <inheritdoc/>
    public IEnumerable<string> Names => _values.Keys.Concat(_variables.Keys).Distinct(StringComparer.Ordinal);

    /// <inheritdoc/>
    public Value? Find(string name) =>
        name == "index" && Index is { } index ? Value.Of(index) : _values.TryGetValue(name, out Value value) ? value : _variables.ContainsKey(name) ? Variable(name) : null;

    /// <inheritdoc/>
    public long FileSize(string path)
    {
        if (path.Length == 0)
        {
            return 0;   // a file parameter that names none
        }

        string full = Absolute(path);
        return _options.Files.Exists(full)
            ? _options.Files.LengthOf(full)
            : throw new ExpressionException(DiagnosticCodes.Arithmetic, $"file_size: there is no file '{full}'");
    }

    /// <inheritdoc/>
    public string Environment(string name) => _options.AllowEnvironment
        ? System.Environment.GetEnvironmentVariable(name) ?? ""
        : throw new ExpressionException(DiagnosticCodes.Environment, $"env({name}) makes the machine depend on its surroundings; allow it with --allow-env");

    /// <summary>Computes every <c>$(...)</c> in the scalars below a node.</summary>
    public void Expand(ConfigNode node)
    {
        switch (node)
        {
            case ScalarNode scalar:
                scalar.Text = Expand(scalar);
                break;
            case SequenceNode sequence:
                foreach (ConfigNode item in sequence.Items)
                {
                    Expand(item);
                }

                break;
            case MappingNode mapping:
                foreach (ConfigEntry entry in mapping.Entries.Where(e => !e.Key.Text.StartsWith("x-", StringComparison.Ordinal)))
                {
                    if (!entry.Key.IsQuoted && !IsBalanced(entry.Key.Text))
                    {
                        _diagnostics.Error(DiagnosticCodes.Parentheses, entry.Key.Span, $"'{entry.Key.Text}' looks like a piece of an expression that a comma has cut; quote the whole expression or move it to vars:");
                    }

                    Expand(entry.Value);
                }

                break;
        }
    }

    private static bool IsBalanced(string text) => text.Count(c => c == '(') == text.Count(c => c == ')');

    private string Absolute(string path) => Path.GetFullPath(path, Path.GetDirectoryName(_path) ?? "/");

    private string Expand(ScalarNode scalar)
    {
        string text = scalar.Raw;
        int start = text.IndexOf("$(", StringComparison.Ordinal);
        if (start < 0)
        {
            return scalar.Text;
        }

        var result = new System.Text.StringBuilder();
        int from = 0;
        while (start >= 0)
        {
            int end = Close(text, start + 2);
            if (end < 0)
            {
                _diagnostics.Error(DiagnosticCodes.Parentheses, scalar.Span, $"the parentheses of '{text}' don't match; an expression with a comma must be quoted here or moved to vars:");
                return text;
            }

            result.Append(text, from, start - from);
            if (Compute(text[(start + 2)..end], scalar) is not { } value)
            {
                return "0";
            }

            result.Append(value);
            if (result.Length > YamlLimits.ScalarLength)
            {
                _diagnostics.Error(DiagnosticCodes.Limit, scalar.Span, "the expanded text is too long");
                return "0";
            }

            from = end + 1;
            start = text.IndexOf("$(", from, StringComparison.Ordinal);
        }

        return result.Append(text, from, text.Length - from).ToString();
    }

    private static int Close(string text, int from)
    {
        int depth = 1;
        for (int i = from; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (depth == 0)
            {
                return i;
            }
        }

        return -1;
    }

    private Value? Compute(string expression, ScalarNode scalar)
    {
        try
        {
            Value value = Evaluator.Compute(expression, this);
            if (!value.IsWord)
            {
                return value;
            }

            throw new ExpressionException(DiagnosticCodes.UnknownName, $"there is no parameter or variable '{value.Text}'", Suggestions.Nearest(value.Text!, Names));
        }
        catch (ExpressionException e)
        {
            _diagnostics.Error(e.Code, scalar.AliasSpan ?? scalar.Span, $"in '$({expression})': {e.Message}", e.Suggestion);
            return null;
        }
    }

    private Value? Variable(string name)
    {
        if (_values.TryGetValue(name, out Value known))
        {
            return known;
        }

        ScalarNode node = _variables[name];
        if (!_computing.Add(name))
        {
            _diagnostics.Error(DiagnosticCodes.VariableCycle, node.Span, $"the variable '{name}' is defined by itself: {string.Join(" -> ", _computing)} -> {name}");
            return _values[name] = Value.Of(0);
        }

        if (_computing.Count > YamlLimits.Depth)
        {
            throw new ExpressionException(DiagnosticCodes.Limit, "variables are defined by each other too deeply");
        }

        string text = Expand(node);
        Value value;
        try
        {
            value = Evaluator.Compute(text, scope: null);
            value = value.IsWord ? Value.Of(text) : value;
        }
        catch (ExpressionException)
        {
            value = Value.Of(text);
        }

        _computing.Remove(name);
        _values.TryAdd(name, value);
        return _values[name];
    }

    private void Declare(ConfigEntry entry, ScalarNode? given)
    {
        string name = entry.Key.Text;
        if (entry.Value is ScalarNode)
        {
            // Short form: NAME: VALUE is a text parameter with a default.
            var shorthand = new MappingNode(entry.Value.Span);
            shorthand.Set(new ScalarNode("type", entry.Value.Span), new ScalarNode("string", entry.Value.Span));
            shorthand.Set(new ScalarNode("default", entry.Value.Span), entry.Value);
            entry = new ConfigEntry(entry.Key, shorthand);
        }

        var scalars = new ScalarReader(_diagnostics);
        if (scalars.Mapping(entry.Value) is not { } mapping)
        {
            return;
        }

        var reader = new SectionReader(mapping, $"the parameter '{name}'", _diagnostics);
        string type = (reader.Need("type") is { } typeNode ? reader.Scalars.Choice(typeNode, Types) : null) ?? "string";
        ScalarNode? value = given ?? reader.Scalar("default");
        reader.Take("default");
        ulong min = reader.Number("min") ?? 0, max = reader.Number("max") ?? ulong.MaxValue, step = reader.Number("step") ?? 1;
        string[] words = [.. reader.List("of").OfType<ScalarNode>().Select(s => s.Text)];
        string help = reader.Scalar("help")?.Text ?? "";
        reader.Finish();
        if (value is null)
        {
            _diagnostics.Error(DiagnosticCodes.MissingKey, entry.Key.Span, $"the parameter '{name}' has no default and was not given; use --set {name}=...");
            _values[name] = Value.Of(0);
            return;
        }

        value.Text = Expand(value);
        _values[name] = Typed(name, type, value, min, max, step, words);
        _parameters.Add(new ParameterDescription(name, type, _values[name].ToString(), help, entry.Key.Span));
    }

    private static string AbsolutePath(string path, SourceSpan from)
    {
        string folder = from == SourceSpan.CommandLine ? Path.GetFullPath(".")
            : Path.GetDirectoryName(from.File) is { Length: > 0 } named ? Path.GetFullPath(named) : "/";
        return path.Length == 0 ? path : Path.GetFullPath(path, folder);
    }

    private Value Typed(string name, string type, ScalarNode value, ulong min, ulong max, ulong step, string[] words)
    {
        var scalars = new ScalarReader(_diagnostics);
        switch (type)
        {
            case "bool":
                return Value.Of(scalars.Boolean(value, DiagnosticCodes.ParameterRange) ?? false);
            case "enum":
                return Value.Of(scalars.Choice(value, words, DiagnosticCodes.ParameterRange) ?? words.FirstOrDefault() ?? "");
            case "string":
                return Value.Of(value.Text);
            case "file" when value.Text is "" or "none":
                return Value.Of(value.Text);
            case "file":
                // A disk may name a second file, which holds what is written to it.
                return Value.Of(string.Join(OverlayWord, value.Text.Split(OverlayWord).Select(p => AbsolutePath(p, value.Span))));
            default:
                if (scalars.Number(value, min, max, DiagnosticCodes.ParameterRange) is not { } number)
                {
                    return Value.Of(min);
                }

                if (step > 1 && number % step != 0)
                {
                    _diagnostics.Error(DiagnosticCodes.ParameterRange, value.Span, $"the parameter '{name}' goes in steps of {Value.Of(step)}, and {Value.Of(number)} is none");
                }

                return Value.Of(number);
        }
    }
}
