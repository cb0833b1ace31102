using Kmem.Abstractions;

namespace Kmem.Plugins.Pci;

/// <summary>The ports 0xCF8 and 0xCFC: an address latch that takes doublewords only, and a data window.</summary>
/// <remarks>Source: PCI Local Bus Specification 3.0, section 3.2.2.3.2: anything but a doubleword access to CONFIG_ADDRESS is no access to it.</remarks>
internal sealed class ConfigurationMechanism(PciRoot root, IDeviceContext context) : IRegionHandler
{
    private const uint Enable = 1u << 31;
    private const byte HardReset = 0x02, ResetNow = 0x04;

    /// <summary>CONFIG_ADDRESS.</summary>
    public uint Latch { get; set; }

    /// <summary>The reset control register at port 0xCF9: bit 1 says what kind of reset a rising bit 2 causes.</summary>
    public byte ResetControl { get; set; }

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        ulong ones = ulong.MaxValue >> (64 - (8 * width));
        if (offset < 4)
        {
            // The reset control register of the ISA bridge stands at port 0xCF9. Any other narrow read gives the low bytes of the latch,
            // whatever its port: so the recorded machine answers (corpus/x86, port 0xCF8).
            value = offset == 1 && width == 1 ? ResetControl : Latch & ones;
            return AccessResult.Ok;
        }

        value = (Latch & Enable) == 0 ? ones : Target?.Read(Register(offset), width) ?? ones;
        return AccessResult.Ok;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        // Where the ports are mapped as memory, drivers use quadwords too (pciutils' mmio-conf1); the upper half reaches nobody.
        if (offset == 0 && width >= 4)
        {
            Latch = (uint)value & 0x80FF_FFFC;
        }
        else if (offset == 1 && width == 1)
        {
            ResetControl = (byte)(value & HardReset);
            if ((value & ResetNow) != 0)
            {
                context.RequestPower(new PowerRequest(PowerAction.Reset, "the reset control register asked for a reset"));
            }
        }
        else if (offset >= 4 && (Latch & Enable) != 0)
        {
            Target?.Write(Register(offset), width, value);
        }

        return AccessResult.Ok;
    }

    private PciConfiguration? Target => root.At((int)(Latch >> 16) & 0xFF, (int)(Latch >> 8) & 0xFF);

    private int Register(ulong offset) => (int)(Latch & 0xFC) | (int)(offset & 3);
}
