using Kmem.Abstractions;

namespace Kmem.Plugins.Network;

/// <summary>Options of <c>net.user</c>.</summary>
/// <param name="Outbound">What guests may reach outside: any, host (its own services, as 10.0.2.2), dns (names only), or rules [tcp:|udp:]ADDRESS[/BITS]|NAME|*:PORTS; nothing when empty or none.</param>
/// <param name="Forward">Ways from the host into a guest: [tcp:|udp:]127.0.0.1:PORT -> [10.0.2.15:]PORT, or unix:PATH -> PORT; port 0 takes any that is free.</param>
/// <param name="Services">Programs of the host on the guests' network: [tcp:|udp:]10.0.2.100:PORT -> 127.0.0.1:PORT, or -> unix:PATH.</param>
/// <param name="Tftp">Folder of the host whose files the gateway gives by TFTP; none when empty.</param>
/// <param name="BootFile">Name of the file in that folder that a machine without a disk begins with.</param>
/// <param name="Delay">Guest time that a frame travels.</param>
public sealed record UserNetworkOptions(
    IReadOnlyList<string>? Outbound = null,
    IReadOnlyList<string>? Forward = null,
    IReadOnlyList<string>? Services = null,
    [property: Option(OptionKind.File)] string Tftp = "",
    string BootFile = "",
    [property: Option(OptionKind.Time, Max = 10_000_000_000)] ulong Delay = 100_000);
