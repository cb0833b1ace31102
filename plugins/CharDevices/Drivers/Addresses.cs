using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>What the offsets of a device mean.</summary>
internal interface IDeviceAddresses
{
    /// <summary>Turns an offset into a physical address.</summary>
    /// <param name="offset">The offset.</param>
    /// <param name="write">Whether it is to be written.</param>
    /// <param name="physical">The physical address.</param>
    /// <param name="length">Bytes over which that holds, at least 1.</param>
    /// <returns>What is wrong with the offset, or <see cref="AddressFault.None"/>.</returns>
    AddressFault Translate(ulong offset, bool write, out ulong physical, out ulong length);
}

/// <summary>What is wrong with an offset.</summary>
internal enum AddressFault
{
    /// <summary>Nothing.</summary>
    None,

    /// <summary>Nothing is mapped there.</summary>
    Unmapped,

    /// <summary>It belongs to user space.</summary>
    User,

    /// <summary>It is mapped against writes.</summary>
    Protected,
}

/// <summary>Offsets that are physical addresses.</summary>
internal sealed class PhysicalAddresses : IDeviceAddresses
{
    /// <inheritdoc/>
    public AddressFault Translate(ulong offset, bool write, out ulong physical, out ulong length)
    {
        (physical, length) = (offset, ulong.MaxValue - offset);
        length += length == 0 ? 1u : 0;
        return AddressFault.None;
    }
}

/// <summary>Offsets that are kernel virtual addresses: by the machine's map, else by the segment KSEG.</summary>
/// <remarks>Source: KSEG, Alpha Architecture Reference Manual; VA bit 40 becomes PA bit 43, as the 21264 has it.</remarks>
/// <param name="environment">The driver's surroundings.</param>
internal sealed class KernelAddresses(DriverEnvironment environment) : IDeviceAddresses
{
    private const ulong SegmentLength = 1UL << 41, MemoryPart = (1UL << 40) - 1;

    /// <inheritdoc/>
    public AddressFault Translate(ulong offset, bool write, out ulong physical, out ulong length)
    {
        IKernelMap map = environment.KernelMap;
        if (map.TryTranslate(offset, write, out physical, out length, out _))
        {
            return AddressFault.None;
        }

        if (write && map.TryTranslate(offset, write: false, out physical, out length, out _))
        {
            return AddressFault.Protected;
        }

        ulong kseg = environment.Profile.DirectMap;
        if (map.Ranges.Count == 0 && offset >= kseg && offset - kseg < SegmentLength)
        {
            ulong low = (offset - kseg) & MemoryPart;
            (physical, length) = (low | (((offset - kseg) & (MemoryPart + 1)) << 3), MemoryPart + 1 - low);
            return AddressFault.None;
        }

        return (long)offset >= 0 ? AddressFault.User : AddressFault.Unmapped;
    }
}
