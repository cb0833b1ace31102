using Kmem.Abstractions;

namespace Kmem.Description;

/// <summary>Gives scalars the type of the property that they land in; what does not fit becomes a diagnostic.</summary>
/// <param name="diagnostics">Takes what is wrong.</param>
public sealed class ScalarReader(DiagnosticBag diagnostics)
{
    private static readonly string[] Yes = ["true", "yes", "on"], No = ["false", "no", "off"];

    /// <summary>true or false.</summary>
    public bool? Boolean(ConfigNode node, string code = DiagnosticCodes.BadValue)
    {
        if (Scalar(node) is not { } scalar)
        {
            return null;
        }

        if (Yes.Contains(scalar.Text, StringComparer.OrdinalIgnoreCase))
        {
            return true;
        }

        if (No.Contains(scalar.Text, StringComparer.OrdinalIgnoreCase))
        {
            return false;
        }

        diagnostics.Error(code, scalar.Span, $"'{scalar.Text}' is neither true nor false");
        return null;
    }

    /// <summary>A number with constant arithmetic and units, within bounds.</summary>
    public ulong? Number(ConfigNode node, ulong min = 0, ulong max = ulong.MaxValue, string code = DiagnosticCodes.BadValue)
    {
        if (Scalar(node) is not { } scalar || Compute(scalar, scalar.Text, code) is not { } number)
        {
            return null;
        }

        if (number < min || number > max)
        {
            diagnostics.Error(code, scalar.Span, $"'{scalar.Text}' is {Show(number)}, outside {Show(min)}..{Show(max)}");
            return null;
        }

        return (ulong)number;
    }

    /// <summary>A range of addresses: <c>first..last</c>, <c>start+length</c>, or one address.</summary>
    public AddressRange? Range(ConfigNode node, string code = DiagnosticCodes.BadValue) =>
        Scalar(node) is { } scalar ? Range(scalar, scalar.Text, code) : null;

    /// <summary>A range given as text that stands in <paramref name="scalar"/>.</summary>
    public AddressRange? Range(ScalarNode scalar, string text, string code)
    {
        int dots = text.IndexOf("..", StringComparison.Ordinal), plus = dots < 0 ? TopLevelPlus(text) : -1;
        if (dots >= 0)
        {
            if (Compute(scalar, text[..dots], code) is not { } first || Compute(scalar, text[(dots + 2)..], code) is not { } last)
            {
                return null;
            }

            if (first < 0 || last > ulong.MaxValue || last < first)
            {
                diagnostics.Error(code, scalar.Span, $"the range '{text}' ends before it begins");
                return null;
            }

            return new AddressRange((ulong)first, (ulong)last);
        }

        if (plus < 0)
        {
            return Compute(scalar, text, code) is { } one && one >= 0 && one <= ulong.MaxValue ? new AddressRange((ulong)one, (ulong)one) : null;
        }

        if (Compute(scalar, text[..plus], code) is not { } start || Compute(scalar, text[(plus + 1)..], code) is not { } length)
        {
            return null;
        }

        if (start < 0 || length <= 0 || start + length - 1 > ulong.MaxValue)
        {
            diagnostics.Error(code, scalar.Span, length <= 0 ? $"the range '{text}' is empty" : $"the range '{text}' reaches beyond 64 bits");
            return null;
        }

        return new AddressRange((ulong)start, (ulong)(start + length - 1));
    }

    /// <summary>Text.</summary>
    public string? Text(ConfigNode node) => Scalar(node)?.Text;

    /// <summary>One of a few words.</summary>
    public string? Choice(ConfigNode node, IReadOnlyCollection<string> words, string code = DiagnosticCodes.BadValue)
    {
        if (Scalar(node) is not { } scalar)
        {
            return null;
        }

        string? match = words.FirstOrDefault(w => Same(w, scalar.Text));
        if (match is null)
        {
            diagnostics.Error(code, scalar.Span, $"'{scalar.Text}' is none of {string.Join(", ", words)}", Suggestions.Nearest(scalar.Text, words));
        }

        return match;
    }

    /// <summary>A mapping; null and a diagnostic when it is something else.</summary>
    public MappingNode? Mapping(ConfigNode node)
    {
        if (node is MappingNode mapping)
        {
            return mapping;
        }

        WrongForm(node, "a mapping");
        return null;
    }

    /// <summary>A list; null and a diagnostic when it is something else.</summary>
    public SequenceNode? List(ConfigNode node)
    {
        if (node is SequenceNode list)
        {
            return list;
        }

        WrongForm(node, "a list");
        return null;
    }

    /// <summary>A scalar; null and a diagnostic when it is something else.</summary>
    public ScalarNode? Scalar(ConfigNode node)
    {
        if (node is ScalarNode scalar)
        {
            return scalar;
        }

        WrongForm(node, "a value");
        return null;
    }

    /// <summary>Words are the same with dashes or underscores, in any case.</summary>
    public static bool Same(string a, string b) =>
        string.Equals(a.Replace('_', '-'), b.Replace('_', '-'), StringComparison.OrdinalIgnoreCase);

    private static int TopLevelPlus(string text)
    {
        int depth = 0, found = -1;
        for (int i = 0; i < text.Length; i++)
        {
            depth += text[i] switch { '(' => 1, ')' => -1, _ => 0 };
            if (text[i] == '+' && depth == 0 && i > 0)
            {
                found = i;
            }
        }

        return found;
    }

    private static string Show(Int128 number) => Value.Of(number).ToString();

    private Int128? Compute(ScalarNode scalar, string text, string code)
    {
        if (string.IsNullOrWhiteSpace(text))
        {
            diagnostics.Error(code, scalar.Span, "a number is missing here");
            return null;
        }

        try
        {
            Value value = Evaluator.Compute(text, scope: null);
            if (value.Number is { } number)
            {
                return number;
            }

            diagnostics.Error(code, scalar.Span, value.IsWord ? $"'{text.Trim()}' is no number; names stand in $(...)" : $"'{text.Trim()}' is {value.KindName}, not a number");
        }
        catch (ExpressionException e)
        {
            bool plain = e.Code is DiagnosticCodes.ExpressionSyntax or DiagnosticCodes.UnknownName;
            diagnostics.Error(e.Code == DiagnosticCodes.Arithmetic ? e.Code : code, scalar.Span, plain ? $"'{text.Trim()}' is no number" : e.Message, e.Suggestion);
        }

        return null;
    }

    private void WrongForm(ConfigNode node, string wanted) =>
        diagnostics.Error(DiagnosticCodes.WrongForm, node.AliasSpan ?? node.Span, $"{wanted} is due here, not {node.FormName}");
}
