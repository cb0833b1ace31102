using Kmem.Abstractions;

namespace Kmem.Machine;

/// <summary>One line of the machine's log.</summary>
/// <param name="Source">The device or part that wrote it.</param>
/// <param name="Level">How much it matters.</param>
/// <param name="Message">The text.</param>
public sealed record LogLine(string Source, LogLevel Level, string Message);

/// <summary>The machine's log: each text of each source once, so that a polling guest does not fill it.</summary>
public sealed class MachineLog
{
    private const int Most = 10_000;

    private readonly List<LogLine> _lines = [];
    private readonly HashSet<(string, string)> _seen = [];

    /// <summary>Raised for each new line.</summary>
    public event Action<LogLine>? Written;

    /// <summary>The lines so far.</summary>
    public IReadOnlyList<LogLine> Lines => _lines;

    /// <summary>Writes a line unless it is there already.</summary>
    public void Write(string source, LogLevel level, string message)
    {
        if (_lines.Count < Most && _seen.Add((source, message)))
        {
            var line = new LogLine(source, level, message);
            _lines.Add(line);
            Written?.Invoke(line);
        }
    }
}
