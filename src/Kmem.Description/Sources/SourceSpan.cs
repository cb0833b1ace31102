namespace Kmem.Description;

/// <summary>A place in a machine file; lines and columns count from 1, the end is one past the last character.</summary>
/// <param name="File">Path of the file as diagnostics show it.</param>
/// <param name="Line">First line.</param>
/// <param name="Column">First column.</param>
/// <param name="EndLine">Last line.</param>
/// <param name="EndColumn">Column after the last character.</param>
public sealed record SourceSpan(string File, int Line, int Column, int EndLine, int EndColumn)
{
    /// <summary>The command line, for values given there.</summary>
    public static SourceSpan CommandLine { get; } = new("(command line)", 1, 1, 1, 1);

    /// <inheritdoc/>
    public override string ToString() => $"{File}:{Line}:{Column}";
}
