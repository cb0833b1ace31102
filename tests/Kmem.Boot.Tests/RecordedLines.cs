using System.Globalization;
using System.Text;
using System.Text.Json;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>JSON lines that the guest's program printed, or that were recorded.</summary>
internal static class RecordedLines
{
    private const string Begin = "@@BEGIN jsonl", End = "@@END jsonl";

    /// <summary>Memory below this belongs to the console and to PALcode: its content is that of whoever wrote it.</summary>
    private const ulong ConsoleEnd = 0x1_E000;

    /// <summary>A recording's lines.</summary>
    public static List<JsonElement> Recorded(string name) => Parse(Encoding.UTF8.GetString(GuestFiles.Corpus(name)));

    /// <summary>The lines of all blocks on a console.</summary>
    public static List<JsonElement> Printed(string console)
    {
        var all = new StringBuilder();
        for (int at = console.IndexOf(Begin, StringComparison.Ordinal); at >= 0; at = console.IndexOf(Begin, at + 1, StringComparison.Ordinal))
        {
            int end = console.IndexOf(End, at, StringComparison.Ordinal);
            Assert.True(end > at, "a block of lines has no end");
            all.Append(console, at + Begin.Length, end - at - Begin.Length);
        }

        return Parse(all.ToString());
    }

    /// <summary>Compares line by line.</summary>
    /// <param name="recorded">What a real kernel printed.</param>
    /// <param name="ours">What it printed here.</param>
    /// <param name="isNative">Whether console and PALcode are Kmem's own.</param>
    /// <param name="reviewed">Lines whose data is known to differ from boot to boot: names of offsets, each with its reason at the caller.</param>
    /// <returns>The differences.</returns>
    public static List<string> Compare(IReadOnlyList<JsonElement> recorded, IReadOnlyList<JsonElement> ours, bool isNative, IReadOnlyCollection<string> reviewed)
    {
        var wrong = new List<string>();
        if (recorded.Count != ours.Count)
        {
            wrong.Add($"{ours.Count} lines instead of {recorded.Count}");
        }

        foreach ((JsonElement theirs, JsonElement line) in recorded.Zip(ours))
        {
            bool isVolatile = theirs.TryGetProperty("volatile", out _);
            bool skipsData = reviewed.Contains(Text(theirs, "offset")!) || (isNative && IsConsoleMemory(theirs));
            foreach (string field in theirs.EnumerateObject().Concat(line.EnumerateObject()).Select(p => p.Name).Distinct(StringComparer.Ordinal))
            {
                // Three fields were added by the recorder.
                bool isData = field is "data" or "fnv1a64" or "register" or "data_is_prefix";
                if (field is "volatile" or "console" or "machine_checks" || (isVolatile && field != "result") || (skipsData && isData) || Text(theirs, field) == Text(line, field))
                {
                    continue;
                }

                wrong.Add($"{theirs.GetRawText()}\n  {field}: ours {Text(line, field) ?? "(none)"}");
            }
        }

        return wrong;
    }

    /// <summary>A field's value as text; an empty one is none, as the recordings write an empty signal into every line.</summary>
    public static string? Text(JsonElement line, string field) =>
        line.TryGetProperty(field, out JsonElement value) && value.ToString() is { Length: > 0 } text ? text : null;

    private static bool IsConsoleMemory(JsonElement line) => Text(line, "dev") == "/dev/mem" && Text(line, "offset") is { } offset
        && ulong.TryParse(offset.AsSpan(2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out ulong address) && address < ConsoleEnd;

    private static List<JsonElement> Parse(string text) =>
        [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Where(l => l.StartsWith('{')).Select(l => JsonDocument.Parse(l).RootElement)];
}
