namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>Physical addresses of the chip set that PALcode itself uses.</summary>
/// <remarks>Source: Tsunami/Typhoon 21272 Chipset Hardware Reference Manual, 10.1 "System Space and Address Map", 10.2.2 "Cchip Registers".</remarks>
internal static class Typhoon
{
    /// <summary>Cchip MISC: interval timer and interprocessor requests.</summary>
    public const ulong Misc = Cchip + 0x080;

    /// <summary>A 4-byte read that acknowledges the ISA interrupt controller and gives its vector.</summary>
    public const ulong InterruptAcknowledge = 0x801_F800_0000;

    /// <summary>First port of PCI I/O space.</summary>
    public const ulong Ports = 0x801_FC00_0000;

    /// <summary>First byte of PCI configuration space: bus 0, slot 0.</summary>
    public const ulong Configuration = 0x801_FE00_0000;

    /// <summary>Bit of DRIR that the ISA interrupt controller drives.</summary>
    public const int IsaRequest = 55;

    private const ulong Cchip = 0x801_A000_0000;

    /// <summary>DIRn: device requests that are enabled for a CPU.</summary>
    public static ulong DeviceRequests(int cpu) => Cchip + (cpu < 2 ? 0x280UL : 0x680) + (0x40 * (ulong)(cpu & 1));
}
