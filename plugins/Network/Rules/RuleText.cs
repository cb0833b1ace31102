using System.Globalization;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Rules;

/// <summary>Protocols that a rule is about.</summary>
[Flags]
internal enum Protocols
{
    Tcp = 1,
    Udp = 2,
    Both = Tcp | Udp,
}

/// <summary>Reads the pieces of which rules are made.</summary>
internal static class RuleText
{
    /// <summary>The rules of an option: its elements, each of which may hold several with commas between them; <c>none</c> is none.</summary>
    public static IEnumerable<(string Text, string Option)> Split(IReadOnlyList<string>? option, string name) =>
        (option ?? []).SelectMany((element, i) => element
            .Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            .Where(t => t != "none")
            .Select(t => (t, string.Create(CultureInfo.InvariantCulture, $"{name}.{i}"))));

    /// <summary>Takes a leading <c>tcp:</c> or <c>udp:</c> off.</summary>
    public static Protocols TakeProtocol(ref string text, Protocols otherwise)
    {
        foreach ((string word, Protocols protocol) in new[] { ("tcp:", Protocols.Tcp), ("udp:", Protocols.Udp) })
        {
            if (text.StartsWith(word, StringComparison.Ordinal))
            {
                text = text[word.Length..];
                return protocol;
            }
        }

        return otherwise;
    }

    /// <summary>An IPv4 address of four numbers.</summary>
    public static uint? Address(string text)
    {
        string[] parts = text.Split('.');
        uint address = 0;
        foreach (string part in parts)
        {
            if (!byte.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out byte number))
            {
                return null;
            }

            address = (address << 8) | number;
        }

        return parts.Length == 4 ? address : null;
    }

    /// <summary>A port.</summary>
    public static ushort? Port(string text) => ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) ? port : null;

    /// <summary>The two sides of an arrow.</summary>
    public static (string Left, string Right)? Arrow(string text)
    {
        int at = text.IndexOf("->", StringComparison.Ordinal);
        return at < 0 ? null : (text[..at].Trim(), text[(at + 2)..].Trim());
    }

    /// <summary>A place of the host: <c>ADDRESS:PORT</c>, <c>PORT</c> of its own address, or <c>unix:PATH</c>.</summary>
    /// <param name="text">The text.</param>
    /// <param name="pathOf">Makes a path absolute.</param>
    /// <returns>The place, or null.</returns>
    public static HostPlace? Place(string text, Func<string, string> pathOf)
    {
        const string Unix = "unix:";
        const int LongestPath = 107;   // of sun_path
        if (text.StartsWith(Unix, StringComparison.Ordinal) && text.Length > Unix.Length)
        {
            string path = pathOf(text[Unix.Length..]);
            return Encoding.UTF8.GetByteCount(path) <= LongestPath ? HostPlace.Unix(path) : null;
        }

        int colon = text.LastIndexOf(':');
        uint? address = colon < 0 ? HostPlace.Loopback : text[..colon] == "localhost" ? HostPlace.Loopback : Address(text[..colon]);
        return address is { } found && Port(text[(colon + 1)..]) is { } port ? new HostPlace(found, port) : null;
    }

    /// <summary>The error that a rule is none.</summary>
    public static MachineException Bad(string text, string option, string problem) => new($"'{text}' {problem}") { Option = option };
}
