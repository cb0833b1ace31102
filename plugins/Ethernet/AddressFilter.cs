using System.Buffers.Binary;
using static Kmem.Plugins.Ethernet.Offsets;

namespace Kmem.Plugins.Ethernet;

/// <summary>Decides which frames are for this adapter.</summary>
/// <remarks>Source: Intel, the family's manual, section 3.2.1 "Packet Address Filtering" and 9.1.3 "802.1q VLAN Packet Filtering".</remarks>
internal static class AddressFilter
{
    private const uint AddressValid = 1U << 31, AddressSelect = 3 << 16;

    /// <summary>Whether a frame's destination is wanted.</summary>
    public static bool IsWanted(RegisterFile registers, ReadOnlySpan<byte> frame)
    {
        uint control = registers[RCTL];
        bool isGroup = (frame[0] & 1) != 0;
        if (!frame[..6].ContainsAnyExcept((byte)0xFF))
        {
            return (control & RctlBroadcast) != 0;
        }

        if ((control & (isGroup ? RctlMulticastAll : RctlUnicastAll)) != 0)
        {
            return true;
        }

        uint low = BinaryPrimitives.ReadUInt32LittleEndian(frame);
        ushort high = BinaryPrimitives.ReadUInt16LittleEndian(frame[4..]);
        for (uint i = 0; i < RegisterFile.Filters; i++)
        {
            uint upper = registers[RAH + (8 * i)];
            if ((upper & (AddressValid | AddressSelect)) == AddressValid && registers[RAL + (8 * i)] == low && (ushort)upper == high)
            {
                return true;
            }
        }

        if (!isGroup)
        {
            return false;
        }

        int shift = ((control >> 12) & 3) switch { 0 => 4, 1 => 3, 2 => 2, _ => 0 };
        return Bit(registers, MTA, ((uint)high >> shift) & 0xFFF);
    }

    /// <summary>Whether a VLAN is wanted.</summary>
    /// <param name="registers">The registers.</param>
    /// <param name="tag">The tag: priority, CFI, number.</param>
    public static bool IsWantedVlan(RegisterFile registers, ushort tag)
    {
        const ushort Cfi = 0x1000, Number = 0x0FFF;
        uint control = registers[RCTL];
        if ((control & RctlVlanFilter) == 0)
        {
            return true;
        }

        bool fits = (control & RctlCfiFilter) == 0 || ((tag & Cfi) != 0) == ((control & RctlCfi) != 0);
        return fits && Bit(registers, VFTA, (uint)tag & Number);
    }

    private static bool Bit(RegisterFile registers, uint table, uint index) => ((registers[table + (4 * (index >> 5))] >> (int)(index & 31)) & 1) != 0;
}
