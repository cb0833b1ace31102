using System.Text.Json;
using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <summary>Carries out operations given as JSON lines, each answered by one line.</summary>
/// <remarks>A line that is no operation is answered with <c>error</c>; the next line goes on.</remarks>
public sealed class OperationRunner
{
    private const int MostCharacters = 1 << 20;

    private readonly Func<string, IVocabulary> _vocabulary;
    private readonly Dictionary<string, IVocabulary> _made = new(StringComparer.Ordinal);
    private int _number;

    /// <summary>Creates a runner.</summary>
    /// <param name="vocabulary">Makes the vocabulary of a dialect: <c>x86</c>, <c>alpha</c> or <c>plain</c>.</param>
    public OperationRunner(Func<string, IVocabulary> vocabulary) => _vocabulary = vocabulary;

    /// <summary>Creates a runner for a kernel.</summary>
    /// <param name="kernel">The kernel that answers.</param>
    /// <param name="physical">The machine's memory, or null.</param>
    /// <param name="ramEnd">End of the last RAM below 4 GiB.</param>
    public OperationRunner(IKernel kernel, IAddressSpace? physical, ulong ramEnd)
        : this(Maker(kernel, physical, ramEnd))
    {
    }

    /// <summary>The dialect of a line: which recording program, or a script, speaks so.</summary>
    public static string DialectOf(OperationLine line) =>
        line.Device.StartsWith("/dev/", StringComparison.Ordinal) || line.Device.StartsWith("c1:", StringComparison.Ordinal) ? "alpha"
        : line.Raw("fd") is not null ? "plain"
        : "x86";

    /// <summary>Carries out one line.</summary>
    /// <returns>The answer; null for an empty line.</returns>
    public string? Run(string text)
    {
        _number++;
        if (string.IsNullOrWhiteSpace(text))
        {
            return null;
        }

        if (text.Length > MostCharacters)
        {
            return Error($"the line has more than {MostCharacters} characters");
        }

        OperationLine line;
        try
        {
            line = OperationLine.Parse(text);
        }
        catch (JsonException e)
        {
            return Error($"this is no JSON object: {e.Message}");
        }

        string dialect = DialectOf(line);
        if (!_made.TryGetValue(dialect, out IVocabulary? vocabulary))
        {
            _made[dialect] = vocabulary = _vocabulary(dialect);
        }

        try
        {
            if (!vocabulary.TryRun(line))
            {
                line.Answer("error", $"line {_number}: there is no operation '{line.Operation}'");
            }
        }
        catch (Exception e) when (e is FormatException or OverflowException or IndexOutOfRangeException or ArgumentException)
        {
            // The words of an operation come from outside; what they can't mean is said, not thrown.
            line.Answer("error", $"line {_number}: the operation '{line.Operation}' can't be read: {e.Message}");
        }

        return line.Render();
    }

    private static Func<string, IVocabulary> Maker(IKernel kernel, IAddressSpace? physical, ulong ramEnd)
    {
        var session = new Lazy<X86Session>(() => new X86Session(kernel, physical, ramEnd));
        return dialect => dialect switch
        {
            "alpha" => new AlphaVocabulary(new AlphaSession(kernel, ramEnd)),
            "plain" => new ScriptVocabulary(session.Value),
            _ => new X86Vocabulary(session.Value),
        };
    }

    private string Error(string message) => $"{{\"error\":{OperationLine.Quote($"line {_number}: {message}")}}}";
}
