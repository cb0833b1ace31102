namespace Kmem.Description;

/// <summary>How bad a diagnostic is.</summary>
public enum Severity
{
    /// <summary>The machine can't be used.</summary>
    Error,

    /// <summary>The machine works, but probably not as meant.</summary>
    Warning,
}

/// <summary>A second place that explains a diagnostic.</summary>
/// <param name="Message">What is there.</param>
/// <param name="Span">Where.</param>
public sealed record DiagnosticNote(string Message, SourceSpan Span);

/// <summary>Something wrong in a machine file.</summary>
/// <param name="Code">Stable code, for example <c>KM2104</c>; see <see cref="DiagnosticCodes"/>.</param>
/// <param name="Severity">How bad it is.</param>
/// <param name="Message">What is wrong, in one sentence.</param>
/// <param name="Span">Where.</param>
public sealed record Diagnostic(string Code, Severity Severity, string Message, SourceSpan Span)
{
    /// <summary>What was probably meant, or null.</summary>
    public string? Suggestion { get; init; }

    /// <summary>Other places that matter.</summary>
    public IReadOnlyList<DiagnosticNote> Notes { get; init; } = [];

    /// <inheritdoc/>
    public override string ToString() => $"{Span}: {(Severity == Severity.Error ? "error" : "warning")} {Code}: {Message}";
}
