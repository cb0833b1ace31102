using Kmem.Abstractions;

namespace Kmem.Plugins.Network.Rules;

/// <summary>A place of the host that leads into a guest.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="From">Where on the host: its own address or a path.</param>
/// <param name="Guest">The guest's address.</param>
/// <param name="Port">The guest's port.</param>
/// <param name="Option">Where the description has it.</param>
internal sealed record Forward(Protocols Protocol, HostPlace From, uint Guest, ushort Port, string Option)
{
    private const string Forms = "is no way in such as tcp:127.0.0.1:2222 -> 22, udp:5353 -> 10.0.2.15:53 or unix:PATH -> 80";

    /// <summary>Reads the option <c>forward</c>.</summary>
    /// <exception cref="MachineException">An element is none, or would be open to others than this host.</exception>
    public static IReadOnlyList<Forward> Read(IReadOnlyList<string>? option, Func<string, string, string> pathOf)
    {
        var forwards = new List<Forward>();
        foreach ((string text, string place) in RuleText.Split(option, "forward"))
        {
            if (RuleText.Arrow(text) is not (string left, string right))
            {
                throw RuleText.Bad(text, place, Forms);
            }

            Protocols protocol = RuleText.TakeProtocol(ref left, Protocols.Tcp);
            if (RuleText.Place(left, p => pathOf("forward", p)) is not { } from || (from.Path is not null && protocol == Protocols.Udp))
            {
                throw RuleText.Bad(text, place, Forms);
            }

            if (from.Path is null && from.Address >> 24 != 127)
            {
                throw RuleText.Bad(text, place, "would be open to other machines than this host; only addresses 127.x.x.x and unix:PATH are taken");
            }

            int colon = right.LastIndexOf(':');
            uint? guest = colon < 0 ? Addresses.Guest : RuleText.Address(right[..colon]);
            if (guest is not { } address || !Addresses.IsHere(address) || RuleText.Port(right[(colon + 1)..]) is not { } port || port == 0)
            {
                throw RuleText.Bad(text, place, Forms);
            }

            forwards.Add(new Forward(protocol, from, address, port, place));
        }

        return forwards;
    }
}

/// <summary>A port on the guests' network behind which a program of the host serves.</summary>
/// <param name="Protocol">TCP or UDP.</param>
/// <param name="Address">Address on the guests' network.</param>
/// <param name="Port">Port there.</param>
/// <param name="To">Where on the host.</param>
internal sealed record Service(Protocols Protocol, uint Address, ushort Port, HostPlace To)
{
    private const string Forms = "is no service such as tcp:10.0.2.100:80 -> 127.0.0.1:8080 or 10.0.2.100:25 -> unix:PATH";

    /// <summary>Reads the option <c>services</c>.</summary>
    /// <exception cref="MachineException">An element is none.</exception>
    public static IReadOnlyList<Service> Read(IReadOnlyList<string>? option, Func<string, string, string> pathOf)
    {
        var services = new List<Service>();
        foreach ((string text, string place) in RuleText.Split(option, "services"))
        {
            if (RuleText.Arrow(text) is not (string left, string right))
            {
                throw RuleText.Bad(text, place, Forms);
            }

            Protocols protocol = RuleText.TakeProtocol(ref left, Protocols.Tcp);
            int colon = left.LastIndexOf(':');
            if (colon < 0 || RuleText.Address(left[..colon]) is not { } address || !Addresses.IsHere(address) || Addresses.IsForAll(address) || address == Addresses.Network
                || RuleText.Port(left[(colon + 1)..]) is not { } port || RuleText.Place(right, p => pathOf("services", p)) is not { } to || to is { Path: null, Port: 0 }
                || (to.Path is not null && protocol == Protocols.Udp))
            {
                throw RuleText.Bad(text, place, Forms);
            }

            services.Add(new Service(protocol, address, port, to));
        }

        return services;
    }
}
