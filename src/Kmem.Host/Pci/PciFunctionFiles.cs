using System.Globalization;
using System.Text;
using Kmem.Abstractions;

namespace Kmem.Host.Pci;

/// <summary>What Linux shows of a PCI function in files: one definition for mounts and for programs under the supervisor.</summary>
/// <remarks>Source: Linux Documentation/ABI/testing/sysfs-bus-pci; flags of resources as in include/linux/ioport.h.</remarks>
public static class PciFunctionFiles
{
    private const int Rom = 6;

    /// <summary>The text files of a function under /sys/bus/pci/devices, without the newline at their end.</summary>
    /// <param name="slot">The function.</param>
    public static IEnumerable<(string Name, Func<string> Text)> Texts(PciSlot slot)
    {
        PciConfiguration configuration = slot.Function.Configuration;
        string Field(int offset, int width) => "0x" + configuration.Read(offset, width).ToString("x" + (2 * width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        yield return ("vendor", () => Field(0x00, 2));
        yield return ("device", () => Field(0x02, 2));
        yield return ("subsystem_vendor", () => Field(0x2C, 2));
        yield return ("subsystem_device", () => Field(0x2E, 2));
        yield return ("revision", () => Field(0x08, 1));
        yield return ("class", () => $"0x{configuration.Read(0x08, 4) >> 8:x6}");
        yield return ("irq", () => configuration.Read(0x3C, 1).ToString(CultureInfo.InvariantCulture));
        yield return ("enable", () => (configuration.Read(4, 2) & 3) != 0 ? "1" : "0");
        yield return ("label", () => slot.Id);
        yield return ("resource", () => Resources(configuration));
    }

    /// <summary>Where a base address register points, whether or not it is decoded.</summary>
    /// <param name="configuration">The function's configuration space.</param>
    /// <param name="bar">The register.</param>
    public static ulong Base(PciConfiguration configuration, PciBar bar)
    {
        int offset = bar.Kind == PciBarKind.Rom ? 0x30 : 0x10 + (4 * bar.Index);
        ulong value = configuration.Read(offset, 4) | (bar.Kind == PciBarKind.Memory64 ? configuration.Read(offset + 4, 4) << 32 : 0);
        return value & ~(bar.Region.Length - 1) & (bar.Kind == PciBarKind.Io ? ~3UL : ~15UL);
    }

    /// <summary>Writes bytes into configuration space, cut into the widest aligned cycles, as sysfs does.</summary>
    /// <param name="configuration">The function's configuration space.</param>
    /// <param name="offset">Offset of the first byte, 0..255.</param>
    /// <param name="bytes">The bytes; they end within the space.</param>
    public static void Write(PciConfiguration configuration, int offset, ReadOnlySpan<byte> bytes)
    {
        for (int done = 0; done < bytes.Length;)
        {
            int at = offset + done, left = bytes.Length - done;
            int width = at % 4 == 0 && left >= 4 ? 4 : at % 2 == 0 && left >= 2 ? 2 : 1;
            ulong value = 0;
            for (int i = 0; i < width; i++)
            {
                value |= (ulong)bytes[done + i] << (8 * i);
            }

            configuration.Write(at, width, value);
            done += width;
        }
    }

    /// <summary>Seven lines of start, end and flags: six base address registers and the ROM.</summary>
    private static string Resources(PciConfiguration configuration)
    {
        const ulong SizeAlign = 0x4_0000, Memory = 0x200, Io = 0x100, ReadOnly = 0x4000, Prefetch = 0x2000, Wide = 0x10_0000;
        var text = new StringBuilder();
        for (int index = 0; index <= Rom; index++)
        {
            (ulong start, ulong end, ulong flags) = (0, 0, 0);
            if (configuration.Bars.FirstOrDefault(b => b.Index == index) is { } bar)
            {
                ulong raw = configuration.Read(index == Rom ? 0x30 : 0x10 + (4 * index), 4);
                ulong low = bar.Kind == PciBarKind.Io ? raw & 3 : bar.Kind == PciBarKind.Rom ? raw & 1 : raw & 15;
                start = Base(configuration, bar);
                bool isRom = bar.Kind == PciBarKind.Rom;
                end = start != 0 || isRom ? start + bar.Region.Length - 1 : 0;
                flags = SizeAlign | low | (bar.Kind switch { PciBarKind.Io => Io, PciBarKind.Rom => Memory | ReadOnly | Prefetch, PciBarKind.Memory64 => Memory | Wide, _ => Memory }) | (bar.Prefetchable ? Prefetch : 0);
                flags = start == 0 && !isRom ? 0 : flags;
            }

            text.Append(CultureInfo.InvariantCulture, $"0x{start:x16} 0x{end:x16} 0x{flags:x16}{(index < Rom ? "\n" : "")}");
        }

        return text.ToString();
    }
}
