namespace Kmem.Plugins.Network;

/// <summary>The addresses of the network 10.0.2.0/24.</summary>
internal static class Addresses
{
    public const uint Gateway = 0x0A00_0202, NameServer = 0x0A00_0203, Guest = 0x0A00_020F, Mask = 0xFFFF_FF00, Broadcast = uint.MaxValue;

    /// <summary>The gateway's Ethernet address, of the locally administered kind.</summary>
    public static ReadOnlySpan<byte> GatewayMac => [0x52, 0x55, 0x0A, 0x00, 0x02, 0x02];

    /// <summary>Whether somebody of the network itself has the address.</summary>
    public static bool IsOurs(uint address) => address is Gateway or NameServer;
}
