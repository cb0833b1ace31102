using Kmem.Abstractions;

namespace Kmem.Plugins.Typhoon;

/// <summary>What PCI masters see of memory: four windows, each direct or by scatter-gather, and the monster window.</summary>
/// <remarks>Source: 21272 hardware reference manual, PCI-to-system address translation: direct-mapped, scatter-gather, monster window, and the hole from 512 KiB to 1 MiB.</remarks>
internal sealed class DmaWindows(Csr[] bases, Csr[] masks, Csr[] tables, Csr control, IAddressSpace memory, Action<ulong> scatterGatherFailed) : IBlockRegionHandler
{
    /// <summary>PERROR.SGE.</summary>
    public const ulong ScatterGatherError = 1 << 4;

    /// <summary>First bit of the address in PERROR.</summary>
    public const int ErrorAddress = 16;

    private const ulong Enabled = 1, ScatterGather = 2, DualAddress = 1UL << 39, HasHole = 1 << 5, HasMonster = 1 << 6;
    private const ulong Monster = 1UL << 40, SystemMask = 0x7_FFFF_FFFF, Low = uint.MaxValue, Megabyte = 0xF_FFFF, WindowAddress = 0xFFF0_0000;
    private const int PageBits = 13;
    private const ulong PageMask = (1 << PageBits) - 1, PteValid = 1, PteFrame = 0x3F_FFFF;

    public AccessResult Read(ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        value = 0;
        if (offset % (ulong)width == 0)
        {
            return Translate(offset, attributes, out ulong address, out _) ? memory.Read(address, width, out value, attributes) : AccessResult.DecodeError;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        bytes.Clear();
        AccessResult result = ReadBlock(offset, bytes[..width], attributes, out _);
        value = BitConverter.ToUInt64(bytes);
        return result;
    }

    public AccessResult Write(ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (offset % (ulong)width == 0)
        {
            return Translate(offset, attributes, out ulong address, out _) ? memory.Write(address, width, value, attributes) : AccessResult.DecodeError;
        }

        Span<byte> bytes = stackalloc byte[sizeof(ulong)];
        BitConverter.TryWriteBytes(bytes, value);
        return WriteBlock(offset, bytes[..width], attributes, out _);
    }

    public AccessResult ReadBlock(ulong offset, Span<byte> destination, in AccessAttributes attributes, out int done)
    {
        done = 0;
        while (done < destination.Length)
        {
            if (!Translate(offset + (ulong)done, attributes, out ulong address, out ulong run))
            {
                return AccessResult.DecodeError;
            }

            int length = (int)Math.Min(run, (ulong)(destination.Length - done));
            AccessResult result = memory.ReadBlock(address, destination.Slice(done, length), attributes, out int moved);
            done += moved;
            if (result != AccessResult.Ok)
            {
                return result;
            }
        }

        return AccessResult.Ok;
    }

    public AccessResult WriteBlock(ulong offset, ReadOnlySpan<byte> source, in AccessAttributes attributes, out int done)
    {
        done = 0;
        while (done < source.Length)
        {
            if (!Translate(offset + (ulong)done, attributes, out ulong address, out ulong run))
            {
                return AccessResult.DecodeError;
            }

            int length = (int)Math.Min(run, (ulong)(source.Length - done));
            AccessResult result = memory.WriteBlock(address, source.Slice(done, length), attributes, out int moved);
            done += moved;
            if (result != AccessResult.Ok)
            {
                return result;
            }
        }

        return AccessResult.Ok;
    }

    /// <summary>The system address of a PCI address, and how many bytes on that holds.</summary>
    private bool Translate(ulong pci, in AccessAttributes attributes, out ulong address, out ulong run)
    {
        (address, run) = (0, 0);
        if ((pci & Monster) != 0)
        {
            address = pci & SystemMask;
            run = SystemMask + 1 - address;
            return (control.Value & HasMonster) != 0 && (pci & ~Monster) <= SystemMask;
        }

        if ((control.Value & HasHole) != 0 && pci is >= 0x8_0000 and <= Megabyte)
        {
            return false;
        }

        for (int i = 0; i < bases.Length; i++)
        {
            ulong window = bases[i].Value, mask = (masks[i].Value & WindowAddress) | Megabyte;
            bool isDual = i == bases.Length - 1 && (window & DualAddress) != 0;

            // With its DAC bit the last window takes two-cycle addresses whose upper half is that bit alone.
            if ((window & Enabled) == 0 || pci >> 32 != (isDual ? DualAddress >> 32 : 0) || ((pci ^ window) & WindowAddress & ~mask) != 0)
            {
                continue;
            }

            ulong within = pci & mask & Low;
            if ((window & ScatterGather) == 0)
            {
                address = (tables[i].Value & ~mask) | within;
                run = mask + 1 - within;
                return true;
            }

            return TranslatePage((tables[i].Value & ~(mask >> (PageBits - 3))) | (within >> PageBits << 3), pci, attributes, out address, out run);
        }

        return false;
    }

    private bool TranslatePage(ulong entry, ulong pci, in AccessAttributes attributes, out ulong address, out ulong run)
    {
        ulong offset = pci & PageMask;
        run = PageMask + 1 - offset;
        bool isValid = memory.Read(entry, sizeof(ulong), out ulong pte, attributes) == AccessResult.Ok && (pte & PteValid) != 0;
        address = ((pte >> 1) & PteFrame) << PageBits | offset;
        if (!isValid && !attributes.IsDebug)
        {
            scatterGatherFailed(pci & Low);
        }

        return isValid;
    }
}
