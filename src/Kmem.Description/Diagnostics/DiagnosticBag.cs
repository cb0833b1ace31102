namespace Kmem.Description;

/// <summary>Collects all diagnostics of a machine, not just the first.</summary>
public sealed class DiagnosticBag
{
    /// <summary>More than this many are noise; the rest is counted only.</summary>
    private const int Most = 200;

    private readonly List<Diagnostic> _all = [];
    private readonly HashSet<(string, string, SourceSpan)> _seen = [];

    /// <summary>Number of diagnostics that were left out because there were too many.</summary>
    public int Dropped { get; private set; }

    /// <summary>True when one of them is an error.</summary>
    public bool HasErrors => _all.Exists(d => d.Severity == Severity.Error);

    /// <summary>The diagnostics in the order of files, lines and columns.</summary>
    public IReadOnlyList<Diagnostic> Sorted =>
        [.. _all.OrderBy(d => d.Span.File, StringComparer.Ordinal).ThenBy(d => d.Span.Line).ThenBy(d => d.Span.Column).ThenBy(d => d.Code, StringComparer.Ordinal)];

    /// <summary>Adds a diagnostic unless it is there already.</summary>
    public void Add(Diagnostic diagnostic)
    {
        if (!_seen.Add((diagnostic.Code, diagnostic.Message, diagnostic.Span)))
        {
            return;
        }

        if (_all.Count == Most)
        {
            Dropped++;
        }
        else
        {
            _all.Add(diagnostic);
        }
    }

    /// <summary>Adds an error.</summary>
    public void Error(string code, SourceSpan span, string message, string? suggestion = null, params IReadOnlyList<DiagnosticNote> notes) =>
        Add(new Diagnostic(code, Severity.Error, message, span) { Suggestion = suggestion, Notes = notes });

    /// <summary>Adds a warning.</summary>
    public void Warning(string code, SourceSpan span, string message, string? suggestion = null) =>
        Add(new Diagnostic(code, Severity.Warning, message, span) { Suggestion = suggestion });

    /// <summary>Adds all of another bag.</summary>
    public void AddRange(DiagnosticBag other)
    {
        foreach (Diagnostic diagnostic in other._all)
        {
            Add(diagnostic);
        }
    }
}
