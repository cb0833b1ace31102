using System.Globalization;
using Kmem.Abstractions;
using Kmem.Host.Tracing;
using Kmem.Machine;

namespace Kmem.Cli.Sessions;

/// <summary>Writes the accesses of programs, and counts the widths that they use on every register.</summary>
internal sealed class AccessJournal : IDisposable
{
    private readonly TextWriter? _log;
    private readonly bool _audits;
    private readonly Dictionary<string, SortedDictionary<ulong, long>> _widths = new(StringComparer.Ordinal);
    private readonly Dictionary<string, string> _allowed = new(StringComparer.Ordinal);

    private AccessJournal(TextWriter? log, bool audits) => (_log, _audits) = (log, audits);

    /// <summary>Opens a journal; null when nobody wants one.</summary>
    public static AccessJournal? Open(RunningMachine machine, string? log, bool audits)
    {
        ArgumentNullException.ThrowIfNull(machine);
        return log is null && !audits ? null : new AccessJournal(log is null ? null : log == "-" ? Console.Error : new StreamWriter(log), audits);
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
            Console.Error.WriteLine($"{register}: used {string.Join(", ", widths.Select(w => $"{w.Key} ({w.Value}x)"))}; takes {_allowed[register]}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        if (_log != Console.Error)
        {
            _log?.Dispose();
        }
    }
}
