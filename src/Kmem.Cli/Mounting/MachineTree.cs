using Kmem.Abstractions;
using Kmem.Cli.Maps;
using Kmem.Host.Fuse;
using Kmem.Host.Mounts;
using Kmem.Machine;
using Kmem.Memory;

namespace Kmem.Cli.Mounting;

/// <summary>When RAM may be mapped through a mount; the simulated kernel and the host must permit it too.</summary>
internal enum MemoryMapping
{
    /// <summary>Unless a ROM lies below the end of RAM.</summary>
    Auto,

    /// <summary>Always; a mapping shows RAM and nothing else.</summary>
    Ram,

    /// <summary>Never.</summary>
    Off,
}

/// <summary>Builds the tree that <c>kmem mount</c> shows of a machine.</summary>
/// <param name="machine">The machine.</param>
/// <param name="kernel">The kernel in front of its character devices.</param>
/// <param name="owner">Owner of all files that are no device nodes.</param>
internal sealed class MachineTree(RunningMachine machine, IKernel kernel, uint owner)
{
    private const int Folder = 0b111_101_101, ReadAll = 0b100_100_100;
    private const int MemMinor = 1, KmemMinor = 2, PortMinor = 4;
    private const ulong Ports = 65536, LargestSize = long.MaxValue, LargestPhysical = 1UL << 52, Page = 4096;

    private readonly FuseFolder _root = new() { Mode = Folder, UserId = owner };

    /// <summary>Whose rights a client of the device nodes has.</summary>
    public Func<FuseCaller, Credentials> Credentials { get; init; } = CallerCredentials.Of;

    /// <summary>When RAM may be mapped through the mount.</summary>
    public MemoryMapping Mapping { get; init; }

    /// <summary>Builds the tree.</summary>
    public FuseFolder Build()
    {
        foreach (DeviceNode node in kernel.Nodes)
        {
            AddNode(node);
        }

        var devices = new FuseFolder { Mode = Folder, UserId = owner };
        foreach ((string name, MachineDevice device) in machine.Devices)
        {
            devices.TryAdd(RegisterFile.FileName(name), DeviceFolder(device));
        }

        _root.TryAdd("devices", devices);
        _root.TryAdd("pci", PciTree.Create(machine.Devices.Values.Select(d => d.Instance).OfType<IPciBus>(), owner));
        AddText("map.txt", () => string.Concat(machine.Spaces.Values.Select(s => MapTable.Render(s, write: false))));
        AddText("journal", () => string.Concat(machine.Log.Lines.Select(l => $"{l.Level.ToString().ToLowerInvariant()} {l.Source}: {l.Message}\n")));
        return _root;
    }

    private void AddNode(DeviceNode node)
    {
        (ulong size, bool upper) = (node.Major, node.Minor) switch
        {
            (1, MemMinor) => (PhysicalEnd(), false),
            (1, KmemMinor) => (LargestSize, machine.KernelMap.Ranges.Any(r => r.Last > long.MaxValue)),
            (1, PortMinor) => (Ports, false),
            _ => (0UL, false),
        };
        var file = new DeviceNodeFile(kernel, node, size, Credentials) { Mode = node.Mode, UserId = (uint)node.UserId, GroupId = (uint)node.GroupId, AddressesUpperHalf = upper };
        if (Mapping != MemoryMapping.Off && node is { Major: 1, Minor: MemMinor } && (Mapping == MemoryMapping.Ram || !HidesRom()))
        {
            file.TryShare(machine.Memory.RamFile, RamFileEnd());
        }

        if (!_root.TryAdd(Path.GetFileName(node.Path), file))
        {
            Terminal.Error($"two device nodes are called '{Path.GetFileName(node.Path)}'; the mount shows the first one");
        }
    }

    private FuseFolder DeviceFolder(MachineDevice device)
    {
        var folder = new FuseFolder { Mode = Folder, UserId = owner };
        folder.TryAdd("type", new TextFile(() => device.Type.Name + "\n") { Mode = ReadAll, UserId = owner });
        IRegionHandler? handler = device.Instance is IHasRegisters { Registers: var map } ? map : device.Banks.Values.OfType<MmioRegion>().Select(r => r.Handler).FirstOrDefault(h => h is IHasNamedRegisters);
        if (handler is IHasNamedRegisters { NamedRegisters: { Count: > 0 } named })
        {
            var registers = new FuseFolder { Mode = Folder, UserId = owner };
            foreach (NamedRegister register in named)
            {
                FuseFile file = RegisterFile.Create(handler, register.Offset, register.Width, register.CanRead, register.CanWrite, owner);
                string name = RegisterFile.FileName(register.Name);
                if (!registers.TryAdd(name, file))
                {
                    registers.TryAdd($"{name}@{register.Offset:X}", file);
                }
            }

            folder.TryAdd("regs", registers);
        }

        return folder;
    }

    private void AddText(string name, Func<string> text) => _root.TryAdd(name, new TextFile(text) { Mode = ReadAll, UserId = owner });

    /// <summary>End of what is mapped in the main space, read or written.</summary>
    private ulong PhysicalEnd()
    {
        if (machine.MainSpace is not { } space)
        {
            return LargestPhysical;
        }

        ulong end = Math.Max(End(space.GetFlatView()), End(space.GetFlatView(write: true)));
        return Math.Min(end, LargestPhysical);
    }

    /// <summary>Whether a ROM lies below the end of RAM: a mapping would show the file's empty pages there, and programs that look for tables would find none.</summary>
    private bool HidesRom()
    {
        ulong end = RamFileEnd();
        foreach (FlatRange range in machine.MainSpace?.GetFlatView() ?? [])
        {
            for (ulong address = range.Start; range.Region is not RamRegion && address < end && address <= range.Last; address += Page)
            {
                if (machine.MainSpace!.Decode(address).Region is RomRegion)
                {
                    return true;
                }
            }
        }

        return false;
    }

    /// <summary>End of the RAM in the machine's file, whose offsets are physical addresses.</summary>
    private ulong RamFileEnd() => machine.Memory.Blocks.SelectMany(b => b.Extents).Where(e => e.FileDescriptor == machine.Memory.RamFile).Select(e => e.FileOffset + e.Length).DefaultIfEmpty().Max();

    private static ulong End(IReadOnlyList<FlatRange> view) => view.Count == 0 ? 0 : view[^1].Last + 1;
}
