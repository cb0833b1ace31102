using System.Globalization;
using Kmem.Abstractions;

namespace Kmem.Plugins.Ethernet;

/// <summary>Options of <c>intel.82540em</c>.</summary>
/// <param name="Network">The network that its cable leads to; no cable when empty.</param>
/// <param name="Mac">Its Ethernet address.</param>
/// <param name="Rom">Image of the option ROM; none when empty.</param>
/// <param name="Dma">The space in which its rings and buffers lie.</param>
/// <param name="SubsystemVendor">Subsystem vendor ID.</param>
/// <param name="Subsystem">Subsystem ID.</param>
public sealed record EthernetOptions(
    [property: Option(OptionKind.Device)] string Network = "",
    string Mac = "52:54:00:12:34:56",
    [property: Option(OptionKind.File)] string Rom = "",
    [property: Option(OptionKind.Space)] string Dma = "phys",
    ushort SubsystemVendor = 0,
    ushort Subsystem = 0)
{
    /// <summary>The six bytes of the address.</summary>
    /// <exception cref="MachineException">It is none of one adapter.</exception>
    public byte[] MacBytes()
    {
        const int Length = 6;
        string[] parts = Mac.Split(':');
        byte[] mac = [.. parts.Where(p => p.Length == 2).Select(p => byte.TryParse(p, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out byte b) ? b : (byte)0xFF)];
        bool isRight = parts.Length == Length && mac.Length == Length && (mac[0] & 1) == 0 && parts.All(p => p.All(char.IsAsciiHexDigit));
        return isRight ? mac : throw new MachineException($"'{Mac}' is no Ethernet address of one adapter such as 52:54:00:12:34:56") { Option = "mac" };
    }
}
