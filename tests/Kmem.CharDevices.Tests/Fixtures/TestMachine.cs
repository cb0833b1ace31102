using Kmem.Abstractions;
using Kmem.Memory;
using Kmem.Plugins.Buses;
using Kmem.Plugins.CharDevices.Devices;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.CharDevices.Tests.Fixtures;

/// <summary>A machine made by hand: RAM, ROM, registers, ports, and kernels in front of it.</summary>
internal sealed class TestMachine : IFrontendContext, IKernelMap, IDisposable
{
    public const ulong RamEnd = 0x7FE_0000, Rom = 0xF_0000, Vram = 0xB_8000, Bar = 0xFEBC_0000, HighBar = 0x1_3000_0000;

    private readonly MachineMemory _memory = new("test");

    private TestMachine(Bus physical, Bus ports, int width)
    {
        (Physical, Ports) = (new AddressSpace("phys", width, physical), new AddressSpace("io", 16, ports));
        Ports.Map(new MmioRegion("ports", 65536, PortRegisters), 0);
    }

    public AddressSpace Physical { get; }

    public AddressSpace Ports { get; }

    public RecordingHandler PortRegisters { get; } = new(65536);

    public RecordingHandler Registers { get; } = new(4096);

    public RecordingHandler VideoMemory { get; } = new(4096);

    public List<KernelRange> Ranges { get; init; } = [];

    public string Id => "frontend";

    public BusMaster Master { get; } = new("frontend", MasterKind.CharDevice);

    public IKernelMap KernelMap => this;

    IReadOnlyList<KernelRange> IKernelMap.Ranges => Ranges;

    /// <summary>/proc/iomem of a QEMU pc with 128 MiB, as recorded.</summary>
    public static IReadOnlyList<ResourceRow> PcRows { get; } =
    [
        new(new(0x0, 0xFFF), "Reserved"),
        new(new(0x1000, 0x9_FBFF), "System RAM"),
        new(new(0x9_FC00, 0x9_FFFF), "Reserved"),
        new(new(0xA_0000, 0xB_FFFF), "PCI Bus 0000:00"),
        new(new(0xF_0000, 0xF_FFFF), "System ROM"),
        new(new(0x10_0000, RamEnd - 1), "System RAM"),
        new(new(RamEnd, 0x7FF_FFFF), "Reserved"),
        new(new(Bar, Bar + 0xFFF), "0000:00:03.0"),
        new(new(0xFEC0_0000, 0xFEC0_03FF), "IOAPIC 0"),
        new(new(0xFED0_0000, 0xFED0_03FF), "HPET 0"),
        new(new(0xFEE0_0000, 0xFEE0_0FFF), "Local APIC"),
    ];

    /// <summary>A PC: 128 MiB of RAM, video memory, ROM at 0xF0000, a register block at 0xFEBC0000.</summary>
    public static TestMachine Pc(ulong ram = 128 << 20)
    {
        var machine = new TestMachine(new FlatBus(new FlatBusOptions(Unmapped: new UnmappedOptions(UnmappedReadWord.Zeros))), new PortBus(new PortBusOptions()), 52);
        machine.AddRam("dram", ram);
        machine.Physical.Map(new RomRegion("bios", machine.Allocate("bios", 65536, [])), Rom, priority: 1);
        machine.Physical.Map(new MmioRegion("vram", 4096, machine.VideoMemory), Vram, priority: 1);
        machine.Physical.Map(new MmioRegion("bar", 4096, machine.Registers), Bar, priority: 1);
        return machine;
    }

    /// <summary>An Alpha: RAM on a quadword bus, PAL memory in the first 128 KiB, ROM, a register block in I/O space.</summary>
    public static TestMachine Alpha(ulong ram = 128 << 20)
    {
        var machine = new TestMachine(new AlphaQuadwordBus(new AlphaQuadwordBusOptions()), new PortBus(new PortBusOptions(Unmapped: new UnmappedOptions(UnmappedReadWord.Zeros))), 44);
        machine.AddRam("array0", ram);
        machine.Physical.Map(new RomRegion("flash", machine.Allocate("flash", 65536, [])), AlphaRom, priority: 1);
        machine.Physical.Map(new MmioRegion("csr", 4096, machine.Registers), AlphaRegisters);
        machine.Physical.AddArea(new FirmwareArea("pal", 0, PalEnd - 1, "pal").Allow(MasterKind.CharDevice, AreaRights.Read | AreaRights.Execute));
        machine.Ranges.Add(new KernelRange(Kseg, Kseg + (1UL << 41) - 1, KernelRangeKind.Kseg, 0));
        return machine;
    }

    public const ulong Kseg = 0xFFFF_FC00_0000_0000, PalEnd = 0x2_0000, AlphaRom = 0x801_0000_0000, AlphaRegisters = 0x801_A000_0000;

    public IAddressSpace Space(string reference) => reference == "io" ? Ports : Physical;

    public bool TryTranslate(ulong address, bool write, out ulong physical, out ulong length, out KernelRangeKind kind)
    {
        KernelRange? range = Ranges.FirstOrDefault(r => address >= r.Start && address <= r.Last && r.Physical is not null);
        (physical, length, kind) = (0, 0, KernelRangeKind.Direct);
        if (range is null || (write && ReadOnlyRanges.Contains(range)))
        {
            return false;
        }

        ulong offset = address - range.Start;
        (length, kind) = (range.Last - address + 1, range.Kind);
        physical = range.Physical!.Value + (kind == KernelRangeKind.Kseg && offset >> 40 != 0 ? (1UL << 43) | (offset & ((1UL << 40) - 1)) : offset);
        return true;
    }

    /// <summary>Ranges that no write may translate through.</summary>
    public List<KernelRange> ReadOnlyRanges { get; } = [];

    /// <summary>A kernel with all devices in front of the machine.</summary>
    public SimulatedKernel Kernel(string profile, FlavourOptions? options = null) => new(options ?? new FlavourOptions(), new KernelContext(this, profile,
    [
        new MemDevice(new MemOptions(), this), new KmemDevice(new KmemOptions(), this), new PortDevice(new PortOptions(), this),
        new NullDevice(new SinkOptions()), new ZeroDevice(new SinkOptions()), new FullDevice(new SinkOptions()),
    ]));

    /// <summary>The x86 kernel of the recordings: the rows of <see cref="PcRows"/>.</summary>
    public SimulatedKernel Linux(FlavourOptions? options = null, string profile = "linux-6.1-x86_64") => Kernel(profile, (options ?? new FlavourOptions()) with { Iomem = options?.Iomem ?? PcRows });

    public void Poke(ulong address, params byte[] bytes) => Assert.Equal(AccessResult.Ok, Physical.WriteBlock(address, bytes, AccessAttributes.Firmware, out _));

    public byte[] Peek(ulong address, int length)
    {
        byte[] bytes = new byte[length];
        Assert.Equal(AccessResult.Ok, Physical.ReadBlock(address, bytes, AccessAttributes.Debug, out _));
        return bytes;
    }

    public void Dispose() => _memory.Dispose();

    private void AddRam(string name, ulong length) => Physical.Map(new RamRegion(name, Allocate(name, length, [new RamPlacement(0, length, 0)])), 0);

    private IRamBlock Allocate(string name, ulong length, IReadOnlyList<RamPlacement> placements) => _memory.Allocate(name, length, placements);

    private sealed record KernelContext(TestMachine Machine, string Base, IReadOnlyList<CharacterDevice> Devices) : IKernelContext
    {
        public string Flavour => Base;

        public IAddressSpace? Physical => Machine.Physical;

        public void Log(LogLevel level, string message)
        {
        }
    }
}
