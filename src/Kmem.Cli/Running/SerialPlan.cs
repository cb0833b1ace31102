using Kmem.Machine.Backends;

namespace Kmem.Cli.Running;

/// <summary>Which serial port goes where, as <c>--serial</c> says it: <c>PORT=PLACE</c>, or a place alone for the port that the machine has at the terminal.</summary>
internal sealed class SerialPlan
{
    private const string AtTerminal = "stdio";

    private readonly Dictionary<string, string> _named = new(StringComparer.Ordinal);
    private readonly HashSet<string> _used = new(StringComparer.Ordinal);
    private readonly List<string> _ports = [];
    private string? _unnamed;
    private bool _unnamedIsUsed;

    /// <summary>Reads the values of the option; null and a message when they contradict each other.</summary>
    public static SerialPlan? Parse(IEnumerable<string> values, out string error)
    {
        var plan = new SerialPlan();
        error = "";
        foreach (string value in values)
        {
            int equals = value.IndexOf('=', StringComparison.Ordinal);
            bool isNamed = equals > 0 && value[..equals].All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '-' or '.');
            string place = Absolute(isNamed ? value[(equals + 1)..] : value);
            if (place is not ("stdio" or "pty" or "none" or "memory" or ['f', 'i', 'l', 'e', ':', _, ..] or ['u', 'n', 'i', 'x', ':', _, ..]))
            {
                error = $"--serial: '{place}' is no place for a serial port; there are {HostBackends.CharForms}";
                return null;
            }

            if (isNamed ? !plan._named.TryAdd(value[..equals], place) : plan._unnamed is not null)
            {
                error = $"--serial places {(isNamed ? $"the port '{value[..equals]}'" : "the port at the terminal")} twice";
                return null;
            }

            plan._unnamed = isNamed ? plan._unnamed : place;
        }

        return plan;
    }

    /// <summary>Where a port goes.</summary>
    /// <param name="port">The device's name.</param>
    /// <param name="declared">Where the machine has it.</param>
    public string PlaceOf(string port, string declared)
    {
        _ports.Add(port);
        if (_named.TryGetValue(port, out string? place))
        {
            _used.Add(port);
            return place;
        }

        if (declared != AtTerminal || _unnamed is null)
        {
            return declared;
        }

        _unnamedIsUsed = true;
        return _unnamed;
    }

    /// <summary>What did not find a port once the machine is built; null when all did.</summary>
    public string? Leftover()
    {
        string known = _ports.Count == 0 ? "this machine has no serial port" : $"there are {string.Join(", ", _ports)}";
        return _named.Keys.FirstOrDefault(n => !_used.Contains(n)) is { } missing ? $"--serial: there is no serial port '{missing}'; {known}"
            : _unnamed is not null && !_unnamedIsUsed ? $"--serial: the machine has no port at the terminal, so name one, as in --serial {_ports.FirstOrDefault() ?? "com1"}={_unnamed}; {known}"
            : null;
    }

    /// <summary>Paths count from the working directory, not from the machine's file.</summary>
    private static string Absolute(string place)
    {
        foreach (string form in (string[])["file:", "unix:"])
        {
            if (place.StartsWith(form, StringComparison.Ordinal) && place.Length > form.Length)
            {
                return form + Path.GetFullPath(place[form.Length..]);
            }
        }

        return place;
    }
}
