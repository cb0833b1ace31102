using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Rules;

/// <summary>What guests may reach outside their network; nothing, when there is no rule.</summary>
internal sealed class OutboundRules
{
    private const string Forms = "is no rule such as any, host, dns, 192.0.2.7:443, tcp:127.0.0.1:8080, tcp:192.0.2.0/24:80-89, udp:*:123 or tcp:deb.example.org:80";

    private readonly List<Rule> _rules = [];
    private readonly bool _resolvesAll;

    /// <summary>Reads the rules of the option <c>outbound</c>.</summary>
    /// <exception cref="MachineException">One of them is none.</exception>
    public OutboundRules(IReadOnlyList<string>? option)
    {
        foreach ((string text, string place) in RuleText.Split(option, "outbound"))
        {
            switch (text)
            {
                case "any":
                    _rules.Add(new Rule(Protocols.Both, Addresses: null, Name: null, First: 0, Last: ushort.MaxValue));
                    _resolvesAll = true;
                    break;
                case "host":
                    _rules.Add(new Rule(Protocols.Both, (HostPlace.Loopback, uint.MaxValue), Name: null, First: 0, Last: ushort.MaxValue));
                    break;
                case "dns":
                    _resolvesAll = true;
                    break;
                default:
                    Rule rule = Parse(text) ?? throw RuleText.Bad(text, place, Forms);
                    _rules.Add(rule);
                    _resolvesAll |= rule is { Addresses: null, Name: null };
                    break;
            }
        }
    }

    /// <summary>Whether nothing at all is open.</summary>
    public bool IsEmpty => _rules.Count == 0 && !_resolvesAll;

    /// <summary>Where on the host's network an address and a port lead; null for nowhere.</summary>
    public HostPlace? Route(Protocols protocol, uint address, ushort port)
    {
        // The host's own address is reached as the gateway's, never as such, and never by a rule for everybody.
        uint real = address == Addresses.Gateway ? HostPlace.Loopback : address;
        bool isHost = address == Addresses.Gateway;
        if (port == 0 || (!isHost && !Addresses.IsOutside(address)))
        {
            return null;
        }

        return _rules.Exists(r => (r.Protocols & protocol) != 0 && port >= r.First && port <= r.Last && r.Holds(real, isHost)) ? new HostPlace(real, port) : null;
    }

    /// <summary>Whether the host's resolver may be asked for a name.</summary>
    public bool MayResolve(string name) => _resolvesAll || _rules.Exists(r => r.IsFor(name));

    /// <summary>Remembers the addresses of a name, for the rules that name it.</summary>
    public void Learn(string name, IReadOnlyList<uint> addresses)
    {
        foreach (Rule rule in _rules.Where(r => r.IsFor(name)))
        {
            rule.Found.UnionWith(addresses);
        }
    }

    private static Rule? Parse(string text)
    {
        string rest = text;
        Protocols protocols = RuleText.TakeProtocol(ref rest, Protocols.Both);
        int colon = rest.LastIndexOf(':');
        if (colon <= 0 || Ports(rest[(colon + 1)..]) is not { } ports)
        {
            return null;
        }

        string where = rest[..colon];
        if (where == "*")
        {
            return new Rule(protocols, Addresses: null, Name: null, ports.First, ports.Last);
        }

        if (where == "localhost")
        {
            return new Rule(protocols, (HostPlace.Loopback, uint.MaxValue), Name: null, ports.First, ports.Last);
        }

        if (Network(where) is { } network)
        {
            return new Rule(protocols, network, Name: null, ports.First, ports.Last);
        }

        bool isName = where.Length <= 253 && where.Any(char.IsAsciiLetter) && where.All(c => char.IsAsciiLetterOrDigit(c) || c is '.' or '-' or '_');
        return isName ? new Rule(protocols, Addresses: null, where, ports.First, ports.Last) : null;
    }

    private static (ushort First, ushort Last)? Ports(string text)
    {
        if (text == "*")
        {
            return (1, ushort.MaxValue);
        }

        string[] ends = text.Split('-');
        return RuleText.Port(ends[0]) is { } first && RuleText.Port(ends[^1]) is { } last && ends.Length <= 2 && first <= last ? (first, last) : null;
    }

    private static (uint Address, uint Mask)? Network(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length > 2 || RuleText.Address(parts[0]) is not { } address)
        {
            return null;
        }

        int bits = 32;
        if (parts.Length == 2 && (!int.TryParse(parts[1], NumberStyles.None, CultureInfo.InvariantCulture, out bits) || bits > 32))
        {
            return null;
        }

        uint mask = bits == 0 ? 0 : uint.MaxValue << (32 - bits);
        return (address & mask, mask);
    }

    /// <summary>What one rule lets through: a network, the addresses of a name, or everybody.</summary>
    private sealed record Rule(Protocols Protocols, (uint Address, uint Mask)? Addresses, string? Name, ushort First, ushort Last)
    {
        public HashSet<uint> Found { get; } = [];

        public bool Holds(uint address, bool isHost) => Addresses is { } network
            ? (address & network.Mask) == network.Address && (!isHost || network.Mask == uint.MaxValue)
            : !isHost && (Name is null || Found.Contains(address));

        public bool IsFor(string name) => Name is not null && string.Equals(Name, name.TrimEnd('.'), StringComparison.OrdinalIgnoreCase);
    }
}
