using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Host.Pci;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Sessions;

/// <summary>Shows the functions of a PCI bus as Linux does under /sys/bus/pci and /proc/bus/pci.</summary>
/// <remarks>Source: Linux Documentation/ABI/testing/sysfs-bus-pci, Documentation/PCI/sysfs-pci.rst; /proc/bus/pci/devices as pciutils' proc access reads it.</remarks>
internal sealed class PciTree(IPciBus bus, IAddressSpace? memory, SessionFiles files)
{
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
        foreach ((string name, Func<string> text) in PciFunctionFiles.Texts(slot))
        {
            files.Put($"{Folder(slot)}/{name}", Encoding.ASCII.GetBytes(text() + "\n"));
        }
    }

    private static PciBar? BarAt(PciConfiguration configuration, int index) => configuration.Bars.FirstOrDefault(b => b.Index == index);

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

        public void Write(long offset, ReadOnlySpan<byte> source) => PciFunctionFiles.Write(configuration, (int)offset, source);
    }

    /// <summary>What a base address register decodes, as a file: memory can be mapped, ports can be read and written.</summary>
    private sealed class ResourceFile(PciConfiguration configuration, PciBar bar, IAddressSpace space) : ISessionFile
    {
        private static readonly AccessAttributes Attributes = new(new BusMaster("exec", MasterKind.CharDevice));

        public long Length => (long)bar.Region.Length;

        public ulong? MappedAddress => bar.Kind == PciBarKind.Io ? null : PciFunctionFiles.Base(configuration, bar);

        public void Read(long offset, Span<byte> destination)
        {
            destination.Fill(0xFF);
            space.ReadBlock(PciFunctionFiles.Base(configuration, bar) + (ulong)offset, destination, Attributes, out _);
        }

        public void Write(long offset, ReadOnlySpan<byte> source) => space.WriteBlock(PciFunctionFiles.Base(configuration, bar) + (ulong)offset, source, Attributes, out _);
    }
}
