using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Fuse;

namespace Kmem.Host.Mounts;

/// <summary>The functions of PCI buses in the shape of /sys/bus/pci, as <c>lspci -A linux-sysfs -O sysfs.path=DIR</c> reads it.</summary>
/// <remarks>Source: Linux Documentation/ABI/testing/sysfs-bus-pci; flags of resources as in include/linux/ioport.h.</remarks>
public static class PciTree
{
    private const int ReadAll = 0b100_100_100, ReadAllWriteOwner = 0b110_100_100, Folder = 0b111_101_101;

    /// <summary>Makes the tree; the first bus is domain 0, bus 0, the next one domain 1, and so on.</summary>
    /// <param name="buses">The buses.</param>
    /// <param name="owner">Owner of the files, who alone may write configuration space.</param>
    public static FuseFolder Create(IEnumerable<IPciBus> buses, uint owner)
    {
        var devices = new FuseFolder { Mode = Folder, UserId = owner };
        int domain = 0;
        foreach (IPciBus bus in buses)
        {
            foreach (PciSlot slot in bus.Functions)
            {
                devices.TryAdd($"{domain:x4}:00:{slot.Address}", Function(slot, owner));
            }

            domain++;
        }

        var root = new FuseFolder { Mode = Folder, UserId = owner };
        root.TryAdd("devices", devices);
        root.TryAdd("slots", new FuseFolder { Mode = Folder, UserId = owner });
        return root;
    }

    private static FuseFolder Function(PciSlot slot, uint owner)
    {
        PciConfiguration configuration = slot.Function.Configuration;
        var folder = new FuseFolder { Mode = Folder, UserId = owner };
        folder.TryAdd("config", new ConfigurationFile(configuration) { Mode = ReadAllWriteOwner, UserId = owner });
        void Add(string name, Func<string> text) => folder.TryAdd(name, new TextFile(() => text() + "\n") { Mode = ReadAll, UserId = owner });
        string Field(int offset, int width) => "0x" + configuration.Read(offset, width).ToString("x" + (2 * width).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);
        Add("vendor", () => Field(0x00, 2));
        Add("device", () => Field(0x02, 2));
        Add("subsystem_vendor", () => Field(0x2C, 2));
        Add("subsystem_device", () => Field(0x2E, 2));
        Add("revision", () => Field(0x08, 1));
        Add("class", () => $"0x{(configuration.Read(0x08, 4) >> 8):x6}");
        Add("irq", () => configuration.Read(0x3C, 1).ToString(CultureInfo.InvariantCulture));
        Add("label", () => slot.Id);
        Add("resource", () => Resources(configuration));
        return folder;
    }

    /// <summary>Seven lines of start, end and flags: six base address registers and the ROM.</summary>
    private static string Resources(PciConfiguration configuration)
    {
        const ulong SizeAlign = 0x4_0000, Memory = 0x200, Io = 0x100, ReadOnly = 0x4000, Prefetch = 0x2000, Wide = 0x10_0000;
        var text = new StringBuilder();
        for (int index = 0; index <= 6; index++)
        {
            (ulong start, ulong end, ulong flags) = (0, 0, 0);
            if (configuration.Bars.FirstOrDefault(b => b.Index == index) is { } bar)
            {
                int offset = index == 6 ? 0x30 : 0x10 + (4 * index);
                ulong raw = configuration.Read(offset, 4), high = bar.Kind == PciBarKind.Memory64 ? configuration.Read(offset + 4, 4) << 32 : 0;
                ulong low = bar.Kind == PciBarKind.Io ? raw & 3 : bar.Kind == PciBarKind.Rom ? raw & 1 : raw & 15;
                start = (raw | high) & ~(bar.Region.Length - 1);
                end = start == 0 ? 0 : start + bar.Region.Length - 1;
                flags = SizeAlign | low | (bar.Kind switch { PciBarKind.Io => Io, PciBarKind.Rom => Memory | ReadOnly | Prefetch, PciBarKind.Memory64 => Memory | Wide, _ => Memory }) | (bar.Prefetchable ? Prefetch : 0);
                flags = start == 0 && bar.Kind != PciBarKind.Rom ? 0 : flags;
                end = start == 0 && bar.Kind == PciBarKind.Rom ? bar.Region.Length - 1 : end;
            }

            text.Append(CultureInfo.InvariantCulture, $"0x{start:x16} 0x{end:x16} 0x{flags:x16}{(index < 6 ? "\n" : "")}");
        }

        return text.ToString();
    }

    private sealed class ConfigurationFile(PciConfiguration configuration) : FuseFile
    {
        public override ulong Size => PciConfiguration.Length;

        public override Errno Open(FuseCaller caller, OpenFlags flags, out FuseHandle? handle)
        {
            handle = Permits(caller, flags) ? new Handle(configuration) : null;
            return handle is null ? Errno.EACCES : Errno.None;
        }
    }

    private sealed class Handle(PciConfiguration configuration) : FuseHandle
    {
        public override CallResult Read(ulong offset, Memory<byte> destination)
        {
            if (offset >= PciConfiguration.Length)
            {
                return 0;
            }

            int length = Math.Min(destination.Length, PciConfiguration.Length - (int)offset);
            configuration.Bytes.Slice((int)offset, length).CopyTo(destination.Span);
            return length;
        }

        /// <summary>Cuts the bytes into the widest aligned configuration cycles, as sysfs does.</summary>
        public override CallResult Write(ulong offset, Memory<byte> source)
        {
            if (offset >= PciConfiguration.Length)
            {
                return Errno.EFBIG;
            }

            int length = Math.Min(source.Length, PciConfiguration.Length - (int)offset);
            for (int done = 0; done < length;)
            {
                int at = (int)offset + done, width = at % 4 == 0 && length - done >= 4 ? 4 : at % 2 == 0 && length - done >= 2 ? 2 : 1;
                ulong value = 0;
                for (int i = 0; i < width; i++)
                {
                    value |= (ulong)source.Span[done + i] << (8 * i);
                }

                configuration.Write(at, width, value);
                done += width;
            }

            return length;
        }
    }
}
