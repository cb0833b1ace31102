namespace Kmem.Plugins.Network;

/// <summary>The addresses of the network 10.0.2.0/24.</summary>
internal static class Addresses
{
    public const uint Network = 0x0A00_0200, Gateway = 0x0A00_0202, NameServer = 0x0A00_0203, Guest = 0x0A00_020F, Mask = 0xFFFF_FF00, Broadcast = uint.MaxValue;

    /// <summary>The gateway's Ethernet address, of the locally administered kind.</summary>
    public static ReadOnlySpan<byte> GatewayMac => [0x52, 0x55, 0x0A, 0x00, 0x02, 0x02];

    /// <summary>Whether an address is one of this network, whoever has it.</summary>
    public static bool IsHere(uint address) => (address & Mask) == Network;

    /// <summary>Whether an address is for everybody on the network.</summary>
    public static bool IsForAll(uint address) => address == Broadcast || address == (Network | ~Mask);

    /// <summary>Whether an address is that of a group.</summary>
    public static bool IsMany(uint address) => address >> 28 == 14;

    /// <summary>Whether an address is one machine's on another network: not of the host itself, not of this link, not of a group.</summary>
    /// <remarks>Source: RFC 6890, section 2.2.2 (addresses that are not forwarded); RFC 3927, section 2.7.</remarks>
    public static bool IsOutside(uint address) =>
        !IsHere(address) && (address >> 24) is not 0 and not 127 and < 224 && address >> 16 != 0xA9FE;
}
