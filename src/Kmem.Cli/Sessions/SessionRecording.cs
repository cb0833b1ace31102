using System.Globalization;
using System.Text.Json;
using Kmem.Host.Tracing;

namespace Kmem.Cli.Sessions;

/// <summary>The accesses of a session as lines, to be kept and compared: processes by the order in which they first reach the machine, no program counters, which differ from run to run.</summary>
internal sealed class SessionRecording
{
    private const int ShownDifferences = 10;

    private readonly List<string> _lines = [];
    private readonly Dictionary<int, int> _processes = [];

    /// <summary>Takes an access.</summary>
    public void Add(TracedAccess access)
    {
        if (!_processes.TryGetValue(access.Process, out int process))
        {
            _processes.Add(access.Process, process = _processes.Count);
        }

        _lines.Add(JsonSerializer.Serialize(new
        {
            process,
            space = access.Space?.Name,
            device = access.Device.Length == 0 ? null : access.Device,
            address = string.Create(CultureInfo.InvariantCulture, $"0x{access.Address:X}"),
            width = access.Width,
            write = access.IsWrite,
            value = string.Create(CultureInfo.InvariantCulture, $"0x{access.Value:X}"),
            outcome = access.Outcome.Length == 0 ? null : access.Outcome,
        }));
    }

    /// <summary>Writes the lines, the exit code last.</summary>
    /// <exception cref="IOException">The file can't be written.</exception>
    public void Save(string path, int exitCode) => File.WriteAllLines(path, [.. _lines, Exit(exitCode)]);

    /// <summary>Compares with a recording; each process by itself, because they take turns differently.</summary>
    /// <returns>The differences, as lines for people; empty when there are none.</returns>
    /// <exception cref="IOException">The file can't be read.</exception>
    public IReadOnlyList<string> Compare(string path, int exitCode)
    {
        Dictionary<string, List<string>> expected = ByProcess(File.ReadAllLines(path)), found = ByProcess([.. _lines, Exit(exitCode)]);
        var differences = new List<string>();
        foreach (string process in expected.Keys.Union(found.Keys, StringComparer.Ordinal))
        {
            List<string> before = expected.GetValueOrDefault(process, []), now = found.GetValueOrDefault(process, []);
            int at = Enumerable.Range(0, Math.Max(before.Count, now.Count)).FirstOrDefault(i => i >= before.Count || i >= now.Count || before[i] != now[i], -1);
            if (at >= 0 && differences.Count < ShownDifferences)
            {
                differences.Add($"{process}, access {at + 1}: recorded {(at < before.Count ? before[at] : "nothing")}, now {(at < now.Count ? now[at] : "nothing")}");
            }
        }

        return differences;
    }

    private static string Exit(int code) => JsonSerializer.Serialize(new { exit = code });

    private static Dictionary<string, List<string>> ByProcess(IEnumerable<string> lines)
    {
        var all = new Dictionary<string, List<string>>(StringComparer.Ordinal);
        foreach (string line in lines.Where(l => l.Length > 0))
        {
            int end = line.IndexOf(',', StringComparison.Ordinal);
            string process = end < 0 ? "exit code" : line[1..end].Replace("\"", "", StringComparison.Ordinal).Replace(':', ' ');
            if (!all.TryGetValue(process, out List<string>? own))
            {
                all.Add(process, own = []);
            }

            own.Add(line);
        }

        return all;
    }
}
