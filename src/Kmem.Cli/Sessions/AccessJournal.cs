using System.Globalization;
using Kmem.Abstractions;
using Kmem.Host.Tracing;

namespace Kmem.Cli.Sessions;

/// <summary>Writes the accesses of programs, and counts the widths that they use on every register.</summary>
internal sealed class AccessJournal : IDisposable
{
    private readonly TextWriter? _log;
    private readonly TextWriter _terminal;
    private readonly bool _audits;
    private readonly Dictionary<string, SortedDictionary<ulong, long>> _widths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _allowed = new(StringComparer.Ordinal);

    private AccessJournal(TextWriter? log, TextWriter terminal, bool audits) => (_log, _terminal, _audits) = (log, terminal, audits);

    /// <summary>Opens a journal; null when nobody wants one.</summary>
    /// <param name="log">Where accesses are written; null for nowhere, - for standard error.</param>
    /// <param name="audits">Whether widths are listed at the end.</param>
    /// <param name="error">Descriptor of standard error, which may be that of a client.</param>
    public static AccessJournal? Open(string? log, bool audits, int error = 2)
    {
        if (log is null && !audits)
        {
            return null;
        }

        var terminal = new StreamWriter(new DescriptorStream(error)) { AutoFlush = true };
        return new AccessJournal(log is null ? null : log == "-" ? terminal : new StreamWriter(log), terminal, audits);
    }

    /// <summary>Takes an access.</summary>
    public void Add(TracedAccess access)
    {
        RegisterName name = access.Space is null ? new RegisterName(access.Device, "", "") : RegisterName.Of(access.Space, access.Address);
        if (_audits && access.Space is not null)
        {
            string key = name.Full;
            if (!_widths.TryGetValue(key, out SortedDictionary<ulong, long>? widths))
            {
                _widths.Add(key, widths = []);
                _allowed.Add(key, name.Widths);
            }

            widths[access.Width] = widths.GetValueOrDefault(access.Width) + 1;
        }

        string where = access.Space is null ? $"{access.Device}+0x{access.Address:X}" : $"{access.Space.Name}:0x{access.Address:X} {name.Full}";
        string value = access.Space is null ? $"result {(long)access.Value}" : string.Create(CultureInfo.InvariantCulture, $"0x{access.Value.ToString("X" + (2 * access.Width), CultureInfo.InvariantCulture)}");
        string outcome = access.Outcome.Length == 0 ? "" : " " + access.Outcome;
        _log?.WriteLine($"{access.Process} 0x{access.ProgramCounter:x} {(access.IsWrite ? "write" : "read")} {where} width {access.Width} {value}{outcome}");
    }

    /// <summary>Prints the widths.</summary>
    public void Finish()
    {
        if (!_audits)
        {
            return;
        }

        foreach ((string register, SortedDictionary<ulong, long> widths) in _widths.OrderBy(w => w.Key, StringComparer.Ordinal))
        {
            _terminal.WriteLine($"{register}: used {string.Join(", ", widths.Select(w => $"{w.Key} ({w.Value}x)"))}; takes {_allowed[register]}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_log != _terminal)
        {
            _log?.Dispose();
        }
    }
}
