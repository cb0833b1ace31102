namespace Kmem.Description;

/// <summary>What a caller decides about loading a machine.</summary>
public sealed record LoadOptions
{
    /// <summary>Values of parameters, by name; they win over defaults and variants.</summary>
    public IReadOnlyDictionary<string, string> Parameters { get; init; } = new Dictionary<string, string>(StringComparer.Ordinal);

    /// <summary>The variant, or null.</summary>
    public string? Variant { get; init; }

    /// <summary>Folders in which included files are sought after the including file's own.</summary>
    public IReadOnlyList<string> SearchPath { get; init; } = [];

    /// <summary>Whether <c>env()</c> may read the environment.</summary>
    public bool AllowEnvironment { get; init; }

    /// <summary>Where files come from.</summary>
    public IFileSource Files { get; init; } = new DiskFileSource();
}

/// <summary>A loaded machine, or what is wrong with it.</summary>
/// <param name="Machine">The machine; null when there are errors that leave nothing to look at.</param>
/// <param name="Diagnostics">What is wrong.</param>
public sealed record LoadResult(MachineDescription? Machine, DiagnosticBag Diagnostics);
