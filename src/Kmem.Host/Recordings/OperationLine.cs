using System.Globalization;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Kmem.Host.Recordings;

/// <summary>One line of operations: the fields that ask, in their order, and the answers that replace or follow them.</summary>
public sealed class OperationLine
{
    /// <summary>Fields that say what came out. All others say what was done.</summary>
    private static readonly HashSet<string> AnswerFields = new(StringComparer.Ordinal)
    {
        "result", "errno", "errname", "data", "data_sha256", "data_head", "data_tail", "data_is_prefix", "fnv1a64", "fill", "pos_before", "pos_after", "result_hex", "seek_errno", "seek_result",
        "revents", "r", "w", "x", "mode", "rdev", "size", "blksize", "blocks", "nlink", "value_read", "before", "after", "byte1", "private_after", "shared_after", "pread", "map", "signal",
        "seen_through_va", "short", "page_multiple", "signals", "dest_first8", "dest_last8", "v0", "v1", "register", "st_size", "st_blksize", "error", "machine_check",
    };

    /// <summary>The lines are read by people too, so quotation marks and the like stay what they are.</summary>
    private static readonly JsonSerializerOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly List<(string Name, string Raw)> _fields = [];
    private readonly List<(string Name, string Raw)> _answers = [];
    private readonly JsonElement _root;

    private OperationLine(JsonElement root)
    {
        _root = root;
        foreach (JsonProperty property in root.EnumerateObject())
        {
            _fields.Add((property.Name, property.Value.GetRawText()));
        }
    }

    /// <summary>The device, or empty.</summary>
    public string Device => Text("dev") ?? "";

    /// <summary>The operation, or empty.</summary>
    public string Operation => Text("op") ?? "";

    /// <summary>The answers by name, as JSON text.</summary>
    public IReadOnlyList<(string Name, string Raw)> Answers => _answers;

    /// <summary>Reads a line.</summary>
    /// <exception cref="JsonException">It is no JSON object.</exception>
    public static OperationLine Parse(string text)
    {
        using JsonDocument document = JsonDocument.Parse(text, new JsonDocumentOptions { MaxDepth = 16 });
        return document.RootElement.ValueKind == JsonValueKind.Object
            ? new OperationLine(document.RootElement.Clone())
            : throw new JsonException("a line holds one JSON object");
    }

    /// <summary>The JSON text of a field as the line gives it, or null.</summary>
    public string? Raw(string name) => _root.TryGetProperty(name, out JsonElement value) ? value.GetRawText() : null;

    /// <summary>A field as text, or null.</summary>
    public string? Text(string name) => _root.TryGetProperty(name, out JsonElement value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    /// <summary>A field as a number: a JSON number, negative ones included, or a text in hexadecimal; null when it is neither.</summary>
    public ulong? Number(string name)
    {
        if (!_root.TryGetProperty(name, out JsonElement value))
        {
            return null;
        }

        if (value.ValueKind == JsonValueKind.Number)
        {
            return value.TryGetInt64(out long signed) ? (ulong)signed : value.TryGetUInt64(out ulong unsigned) ? unsigned : null;
        }

        string? text = value.ValueKind == JsonValueKind.String ? value.GetString() : null;
        return text is not null && text.StartsWith("0x", StringComparison.Ordinal) && ulong.TryParse(text.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong hex) ? hex : null;
    }

    /// <summary>Bytes in hexadecimal, or null.</summary>
    public byte[]? Bytes(string name)
    {
        try
        {
            return Text(name) is { } text ? Convert.FromHexString(text) : null;
        }
        catch (FormatException)
        {
            return null;
        }
    }

    /// <summary>Answers with JSON text.</summary>
    public void AnswerRaw(string name, string raw)
    {
        int index = _answers.FindIndex(a => a.Name == name);
        if (index >= 0)
        {
            _answers[index] = (name, raw);
        }
        else
        {
            _answers.Add((name, raw));
        }
    }

    /// <summary>Answers with a number.</summary>
    public void Answer(string name, long value) => AnswerRaw(name, value.ToString(CultureInfo.InvariantCulture));

    /// <summary>Answers with a text.</summary>
    public void Answer(string name, string value) => AnswerRaw(name, Quote(value));

    /// <summary>Answers with a truth value.</summary>
    public void Answer(string name, bool value) => AnswerRaw(name, value ? "true" : "false");

    /// <summary>Answers with a number in hexadecimal.</summary>
    public void AnswerHex(string name, ulong value) => AnswerRaw(name, "\"0x" + value.ToString("x", CultureInfo.InvariantCulture) + "\"");

    /// <summary>The line with our answers in place of the recorded ones; those that the line had no place for follow at the end.</summary>
    public string Render()
    {
        var text = new StringBuilder("{");
        var done = new HashSet<string>(StringComparer.Ordinal);
        foreach ((string name, string raw) in _fields)
        {
            int answer = _answers.FindIndex(a => a.Name == name);
            if (answer >= 0)
            {
                Append(text, name, _answers[answer].Raw);
                done.Add(name);
            }
            else if (!AnswerFields.Contains(name))
            {
                Append(text, name, raw);
            }
        }

        foreach ((string name, string raw) in _answers.Where(a => !done.Contains(a.Name)))
        {
            Append(text, name, raw);
        }

        return text.Append('}').ToString();
    }

    internal static string Quote(string text) => JsonSerializer.Serialize(text, Readable);

    private static void Append(StringBuilder text, string name, string raw)
    {
        if (text.Length > 1)
        {
            text.Append(',');
        }

        text.Append(Quote(name)).Append(':').Append(raw);
    }
}
