using System.Text;

namespace Kmem.Description;

/// <summary>Renders diagnostics for people: the place, the sentence, the source line and what was probably meant.</summary>
/// <param name="files">Where the source lines come from.</param>
public sealed class DiagnosticText(IFileSource files)
{
    private const int MostColumns = 160;

    private readonly Dictionary<string, string[]> _lines = new(StringComparer.Ordinal);

    /// <summary>Renders all diagnostics, each ended by a newline.</summary>
    public string Render(DiagnosticBag diagnostics)
    {
        var text = new StringBuilder();
        foreach (Diagnostic diagnostic in diagnostics.Sorted)
        {
            text.AppendLine(diagnostic.ToString());
            Quote(text, diagnostic.Span, diagnostic.Suggestion);
            foreach (DiagnosticNote note in diagnostic.Notes)
            {
                text.AppendLine($"{note.Span}: note: {note.Message}");
                Quote(text, note.Span, null);
            }
        }

        if (diagnostics.Dropped > 0)
        {
            text.AppendLine($"... and {diagnostics.Dropped} more");
        }

        return text.ToString();
    }

    private void Quote(StringBuilder text, SourceSpan span, string? suggestion)
    {
        string[] lines = Lines(span.File);
        string hint = suggestion is null ? "" : $"did you mean '{suggestion}'?";
        if (span.Line > lines.Length)
        {
            if (hint.Length > 0)
            {
                text.AppendLine("        " + hint);
            }

            return;
        }

        string line = lines[span.Line - 1].Replace('\t', ' ');
        if (line.Length > MostColumns)
        {
            line = line[..MostColumns] + "...";
        }

        int start = Math.Min(span.Column, line.Length + 1), end = span.EndLine == span.Line ? span.EndColumn : line.Length + 1;
        int width = Math.Clamp(end - start, 1, Math.Max(1, line.Length + 1 - start));
        text.AppendLine($"{span.Line,6} | {line}");
        text.AppendLine($"       | {new string(' ', start - 1)}{new string('^', width)}{(hint.Length > 0 ? "  " + hint : "")}");
    }

    private string[] Lines(string file)
    {
        if (!_lines.TryGetValue(file, out string[]? lines))
        {
            try
            {
                string path = Path.GetFullPath(file);
                lines = files.Exists(path) ? Encoding.UTF8.GetString(files.Read(path, YamlLimits.FileBytes)).Split('\n') : [];
                lines = [.. lines.Select(l => new string([.. l.TrimEnd('\r').Select(c => char.IsControl(c) && c != '\t' ? '\uFFFD' : c)]))];
            }
            catch (Exception e) when (e is IOException or ArgumentException)
            {
                lines = [];
            }

            _lines[file] = lines;
        }

        return lines;
    }
}
