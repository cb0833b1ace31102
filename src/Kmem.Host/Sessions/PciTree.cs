using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Sessions;

/// <summary>Shows the functions of a PCI bus as Linux does under /sys/bus/pci and /proc/bus/pci.</summary>
/// <remarks>Source: Linux Documentation/ABI/testing/sysfs-bus-pci, Documentation/PCI/sysfs-pci.rst; /proc/bus/pci/devices as pciutils' proc access reads it.</remarks>
internal sealed class PciTree(IPciBus bus, IAddressSpace? memory, SessionFiles files)
{
    private const ulong IoFlag = 0x101, MemoryFlag = 0x200, PrefetchFlag = 0x2000, WideFlag = 0x10_0000, RomFlag = 0x4000;

    /// <summary>Puts the files.</summary>
    public void Publish()
    {
        foreach (PciSlot slot in bus.Functions)
        {
            var configuration = new ConfigurationFile(slot.Function.Configuration);
            files.Put(Folder(slot) + "/config", configuration);
            files.Put(ProcFile(slot), configuration);
            foreach (PciBar bar in slot.Function.Configuration.Bars.Where(b => b.Kind != PciBarKind.Rom))
            {
                files.Put($"{Folder(slot)}/resource{bar.Index}", new ResourceFile(slot.Function.Configuration, bar, bar.Kind == PciBarKind.Io ? bus.Io : memory ?? bus.Memory));
            }

            Refresh(slot);
        }

        files.Put("/proc/bus/pci/devices", Encoding.ASCII.GetBytes(string.Concat(bus.Functions.Select(Row))));
    }

    /// <summary>Brings the files of a function up to date when a path leads to them.</summary>
    public void Refresh(string path)
    {
        foreach (PciSlot slot in bus.Functions)
        {
            if (path == Folder(slot) + "/resource" || path == Folder(slot) + "/enable")
            {
                Refresh(slot);
            }
        }
    }

    private static string Folder(PciSlot slot) => $"/sys/bus/pci/devices/0000:00:{slot.Address}";

    private static string ProcFile(PciSlot slot) => $"/proc/bus/pci/00/{slot.Address}";

    private void Refresh(PciSlot slot)
    {
        PciConfiguration configuration = slot.Function.Configuration;
        string folder = Folder(slot);
        Text(folder + "/vendor", $"0x{configuration.Read(0, 2):x4}");
        Text(folder + "/device", $"0x{configuration.Read(2, 2):x4}");
        Text(folder + "/class", $"0x{configuration.Read(8, 4) >> 8:x6}");
        Text(folder + "/revision", $"0x{configuration.Read(8, 1):x2}");
        Text(folder + "/subsystem_vendor", $"0x{configuration.Read(0x2C, 2):x4}");
        Text(folder + "/subsystem_device", $"0x{configuration.Read(0x2E, 2):x4}");
        Text(folder + "/irq", string.Create(CultureInfo.InvariantCulture, $"{configuration.Read(0x3C, 1)}"));
        Text(folder + "/enable", (configuration.Read(4, 2) & 3) != 0 ? "1" : "0");
        Text(folder + "/resource", string.Join('\n', Enumerable.Range(0, 13).Select(i => Resource(configuration, i))));
    }

    private void Text(string path, string text) => files.Put(path, Encoding.ASCII.GetBytes(text + "\n"));

    private static PciBar? BarAt(PciConfiguration configuration, int index) => configuration.Bars.FirstOrDefault(b => b.Index == index);

    /// <summary>First and last address and flags of a base address register.</summary>
    private static string Resource(PciConfiguration configuration, int index)
    {
        (ulong start, ulong length, ulong flags) = index <= 6 && BarAt(configuration, index) is { } bar
            ? (Base(configuration, bar), bar.Region.Length, Flags(bar)) : (0UL, 0UL, 0UL);
        return start == 0 ? "0x0000000000000000 0x0000000000000000 0x0000000000000000" : $"0x{start:x16} 0x{start + length - 1:x16} 0x{flags:x16}";
    }

    private static ulong Flags(PciBar bar) => bar.Kind switch
    {
        PciBarKind.Io => 0x4_0000 | IoFlag,
        PciBarKind.Memory64 => 0x4_0000 | MemoryFlag | WideFlag | 4,
        PciBarKind.Rom => 0x4_0000 | MemoryFlag | RomFlag,
        _ => 0x4_0000 | MemoryFlag,
    } | (bar.Prefetchable ? PrefetchFlag | 8 : 0);

    private static ulong Base(PciConfiguration configuration, PciBar bar)
    {
        int offset = bar.Kind == PciBarKind.Rom ? 0x30 : 0x10 + (4 * bar.Index);
        ulong value = configuration.Read(offset, 4) | (bar.Kind == PciBarKind.Memory64 ? configuration.Read(offset + 4, 4) << 32 : 0);
        return value & ~(bar.Region.Length - 1) & (bar.Kind == PciBarKind.Io ? ~3UL : ~15UL);
    }

    /// <summary>A line of /proc/bus/pci/devices: place, identity, interrupt, seven registers, seven lengths.</summary>
    private static string Row(PciSlot slot)
    {
        PciConfiguration c = slot.Function.Configuration;
        var row = new StringBuilder();
        row.Append(CultureInfo.InvariantCulture, $"00{(slot.Address.Slot << 3) | slot.Address.Function:x2}\t{c.Read(0, 2):x4}{c.Read(2, 2):x4}\t{c.Read(0x3C, 1):x}");
        for (int i = 0; i < 7; i++)
        {
            row.Append(CultureInfo.InvariantCulture, $"\t{c.Read(i == 6 ? 0x30 : 0x10 + (4 * i), 4),16:x16}");
        }

        for (int i = 0; i < 7; i++)
        {
            row.Append(CultureInfo.InvariantCulture, $"\t{BarAt(c, i)?.Region.Length ?? 0,16:x16}");
        }

        return row.Append('\n').ToString();
    }

    /// <summary>Configuration space as a file: accesses are cut into the cycles that a bus makes of them.</summary>
    private sealed class ConfigurationFile(PciConfiguration configuration) : ISessionFile
    {
        public long Length => PciConfiguration.Length;

        public void Read(long offset, Span<byte> destination)
        {
            for (int i = 0; i < destination.Length; i++)
            {
                destination[i] = (byte)configuration.Read((int)offset + i, 1);
            }
        }

        public void Write(long offset, ReadOnlySpan<byte> source)
        {
            for (int done = 0; done < source.Length;)
            {
                int at = (int)offset + done, left = source.Length - done;
                int width = at % 4 == 0 && left >= 4 ? 4 : at % 2 == 0 && left >= 2 ? 2 : 1;
                ulong value = 0;
                for (int i = 0; i < width; i++)
                {
                    value |= (ulong)source[done + i] << (8 * i);
                }

                configuration.Write(at, width, value);
                done += width;
            }
        }
    }

    /// <summary>What a base address register decodes, as a file: memory can be mapped, ports can be read and written.</summary>
    private sealed class ResourceFile(PciConfiguration configuration, PciBar bar, IAddressSpace space) : ISessionFile
    {
        private static readonly AccessAttributes Attributes = new(new BusMaster("exec", MasterKind.CharDevice));

        public long Length => (long)bar.Region.Length;

        public ulong? MappedAddress => bar.Kind == PciBarKind.Io ? null : Base(configuration, bar);

        public void Read(long offset, Span<byte> destination)
        {
            destination.Fill(0xFF);
            space.ReadBlock(Base(configuration, bar) + (ulong)offset, destination, Attributes, out _);
        }

        public void Write(long offset, ReadOnlySpan<byte> source) => space.WriteBlock(Base(configuration, bar) + (ulong)offset, source, Attributes, out _);
    }
}
