using System.Globalization;
using System.Reflection;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Machine.Plugins;

namespace Kmem.Machine.Options;

/// <summary>Fills a plugin's options record from the keys of a description.</summary>
/// <param name="diagnostics">Takes what is wrong.</param>
internal sealed class OptionBinder(DiagnosticBag diagnostics)
{
    private readonly ScalarReader _scalars = new(diagnostics);

    /// <summary>Creates the record; null when something is wrong.</summary>
    /// <param name="record">Its type; null when the plugin takes no options.</param>
    /// <param name="settings">The keys.</param>
    /// <param name="what">What is configured, for messages: <c>com1 (uart.16550a)</c>.</param>
    /// <param name="at">Where it stands.</param>
    public object? Bind(Type? record, MappingNode settings, string what, SourceSpan at)
    {
        IReadOnlyList<OptionShape> shapes = record is null ? [] : OptionReflection.ShapesOf(record);
        foreach (ConfigEntry entry in settings.Entries.Where(e => !shapes.Any(s => ScalarReader.Same(s.Name, e.Key.Text))))
        {
            string takes = shapes.Count == 0 ? "takes none" : $"takes {string.Join(", ", shapes.Select(s => s.Name))}";
            diagnostics.Error(DiagnosticCodes.UnknownOption, entry.Key.Span, $"{what} has no option '{entry.Key.Text}'; it {takes}", Suggestions.Nearest(entry.Key.Text, shapes.Select(s => s.Name)));
        }

        if (record is null)
        {
            return null;
        }

        bool isComplete = true;
        object?[] arguments = new object?[shapes.Count];
        for (int i = 0; i < shapes.Count; i++)
        {
            OptionShape shape = shapes[i];
            ConfigNode? node = settings.Entries.FirstOrDefault(e => ScalarReader.Same(shape.Name, e.Key.Text))?.Value;
            if (node is null or ScalarNode { IsNull: true })
            {
                if (shape.IsRequired)
                {
                    diagnostics.Error(DiagnosticCodes.MissingOption, at, $"{what} needs the option '{shape.Name}'{(shape.Summary.Length > 0 ? $": {shape.Summary}" : "")}");
                    isComplete = false;
                }

                arguments[i] = shape.Default;
            }
            else if ((arguments[i] = Value(shape, node, $"{what}.{shape.Name}")) is null)
            {
                isComplete = false;
            }
        }

        if (!isComplete)
        {
            return null;
        }

        try
        {
            return OptionReflection.ConstructorOf(record).Invoke(BindingFlags.DoNotWrapExceptions, binder: null, arguments, culture: null);
        }
        catch (Exception e) when (e is MachineException or ArgumentException)
        {
            diagnostics.Error(DiagnosticCodes.BadOption, at, $"{what}: {e.Message}");
            return null;
        }
    }

    private object? Value(OptionShape shape, ConfigNode node, string what)
    {
        switch (shape.Form)
        {
            case OptionForm.Boolean:
                return _scalars.Boolean(node, DiagnosticCodes.BadOption);
            case OptionForm.Number:
                return Number(shape, node, what);
            case OptionForm.Choice:
                return _scalars.Choice(node, shape.Choices, DiagnosticCodes.BadOption) is { } word
                    ? Enum.Parse(shape.Type, Enum.GetNames(shape.Type)[shape.Choices.ToList().IndexOf(word)])
                    : null;
            case OptionForm.Range:
                return _scalars.Range(node, DiagnosticCodes.BadOption);
            case OptionForm.List:
                return List(shape, node, what);
            case OptionForm.Map:
                return Map(shape, node, what);
            case OptionForm.Record:
                return _scalars.Mapping(node) is { } mapping ? Bind(shape.Type, mapping, what, mapping.AliasSpan ?? mapping.Span) : null;
            default:
                return _scalars.Scalar(node) is { } scalar ? Text(shape, scalar) : null;
        }
    }

    private object? Number(OptionShape shape, ConfigNode node, string what)
    {
        bool isSigned = shape.Type == typeof(int) || shape.Type == typeof(long) || shape.Type == typeof(short) || shape.Type == typeof(sbyte);
        if (isSigned && node is ScalarNode { Text: ['-', ..] } negative && long.TryParse(negative.Text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long signed))
        {
            return Convert.ChangeType(signed, shape.Type, CultureInfo.InvariantCulture);
        }

        if (_scalars.Number(node, shape.Min, shape.Max, DiagnosticCodes.BadOption) is not { } number)
        {
            return null;
        }

        if (shape.PowerOfTwo && !ulong.IsPow2(number))
        {
            diagnostics.Error(DiagnosticCodes.BadOption, node.Span, $"{what} must be a power of two, not {number}");
            return null;
        }

        return Convert.ChangeType(number, shape.Type, CultureInfo.InvariantCulture);
    }

    private Array? List(OptionShape shape, ConfigNode node, string what)
    {
        // One value stands for a list of one, so that "relaxed: pci" works like "relaxed: [pci]".
        IReadOnlyList<ConfigNode> items = node is SequenceNode list ? list.Items : [node];
        var array = Array.CreateInstance(shape.Element!.Type, items.Count);
        bool isComplete = true;
        for (int i = 0; i < items.Count; i++)
        {
            object? value = Value(shape.Element, items[i], $"{what}[{i}]");
            isComplete &= value is not null;
            if (value is not null)
            {
                array.SetValue(value, i);
            }
        }

        return isComplete ? array : null;
    }

    private object? Map(OptionShape shape, ConfigNode node, string what)
    {
        if (_scalars.Mapping(node) is not { } mapping)
        {
            return null;
        }

        var map = (System.Collections.IDictionary)Activator.CreateInstance(typeof(Dictionary<,>).MakeGenericType(typeof(string), shape.Element!.Type))!;
        bool isComplete = true;
        foreach (ConfigEntry entry in mapping.Entries)
        {
            object? value = Value(shape.Element, entry.Value, $"{what}.{entry.Key.Text}");
            isComplete &= value is not null;
            map[entry.Key.Text] = value;
        }

        return isComplete ? map : null;
    }

    private object? Text(OptionShape shape, ScalarNode scalar)
    {
        if (shape.Type == typeof(byte[]))
        {
            string digits = scalar.Text.Replace(" ", "", StringComparison.Ordinal).Replace("_", "", StringComparison.Ordinal);
            if (digits.Length % 2 == 0 && digits.All(char.IsAsciiHexDigit))
            {
                return Convert.FromHexString(digits);
            }

            diagnostics.Error(DiagnosticCodes.BadOption, scalar.Span, $"'{scalar.Text}' is no row of bytes in hexadecimal");
            return null;
        }

        if (shape.Type == typeof(DateTime) || shape.Type == typeof(DateTimeOffset))
        {
            if (DateTimeOffset.TryParse(scalar.Text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time))
            {
                object boxed = shape.Type == typeof(DateTime) ? time.UtcDateTime : (object)time;
                return boxed;
            }

            diagnostics.Error(DiagnosticCodes.BadOption, scalar.Span, $"'{scalar.Text}' is no date and time such as 2026-01-01T00:00:00Z");
            return null;
        }

        return shape.Kind == OptionKind.File && scalar.Text.Length > 0 ? FilePaths.Absolute(scalar) : scalar.Text;
    }
}

/// <summary>Paths in descriptions are relative to the file that holds them.</summary>
internal static class FilePaths
{
    /// <summary>The absolute path that a scalar names.</summary>
    public static string Absolute(ScalarNode scalar) => Absolute(scalar, scalar.Text);

    /// <summary>The absolute path of a part of a scalar.</summary>
    public static string Absolute(ScalarNode scalar, string path)
    {
        if (path.Contains('\0', StringComparison.Ordinal))
        {
            throw new PluginException($"{scalar.Span}: a path can't hold a NUL.");
        }

        string folder = scalar.Span == SourceSpan.CommandLine ? Environment.CurrentDirectory : Path.GetDirectoryName(Path.GetFullPath(scalar.Span.File)) ?? "/";
        return Path.GetFullPath(path, folder);
    }
}
