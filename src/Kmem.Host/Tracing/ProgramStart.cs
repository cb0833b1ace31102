namespace Kmem.Host.Tracing;

/// <summary>A program to start.</summary>
/// <param name="File">Its path.</param>
/// <param name="Arguments">Its arguments, the name first.</param>
/// <param name="Environment">Its environment, <c>NAME=value</c>.</param>
public sealed record ProgramStart(string File, IReadOnlyList<string> Arguments, IReadOnlyList<string> Environment)
{
    /// <summary>The folder it starts in; null for this program's own.</summary>
    public string? Folder { get; init; }

    /// <summary>Descriptors to give it besides the inherited ones: own number, number there.</summary>
    public IReadOnlyList<(int Own, int Theirs)> Descriptors { get; init; } = [];

    /// <summary>Whether it gets a process group of its own, as a program does whose terminal belongs to somebody else.</summary>
    public bool HasOwnGroup { get; init; }
}
