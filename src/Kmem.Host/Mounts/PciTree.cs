using Kmem.Abstractions;
using Kmem.Host.Fuse;
using Kmem.Host.Pci;

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
        foreach ((string name, Func<string> text) in PciFunctionFiles.Texts(slot))
        {
            folder.TryAdd(name, new TextFile(() => text() + "\n") { Mode = ReadAll, UserId = owner });
        }

        return folder;
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

        public override CallResult Write(ulong offset, Memory<byte> source)
        {
            if (offset >= PciConfiguration.Length)
            {
                return Errno.EFBIG;
            }

            int length = Math.Min(source.Length, PciConfiguration.Length - (int)offset);
            PciFunctionFiles.Write(configuration, (int)offset, source.Span[..length]);
            return length;
        }
    }
}
