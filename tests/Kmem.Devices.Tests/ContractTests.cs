using Kmem.Abstractions;
using Kmem.Machine.Backends;
using Kmem.Machine.Plugins;
using Kmem.Plugins.BusMaster;
using Kmem.Plugins.Chipset;
using Kmem.Plugins.Clock;
using Kmem.Plugins.Display;
using Kmem.Plugins.Dma8237;
using Kmem.Plugins.Ethernet;
using Kmem.Plugins.Firmware;
using Kmem.Plugins.Floppy;
using Kmem.Plugins.Ide;
using Kmem.Plugins.Interrupts;
using Kmem.Plugins.Keyboard;
using Kmem.Plugins.Lab;
using Kmem.Plugins.Memory;
using Kmem.Plugins.Network;
using Kmem.Plugins.Pci;
using Kmem.Plugins.Registers;
using Kmem.Plugins.Serial;
using Kmem.Plugins.Spi;
using Kmem.Plugins.Timers;
using Kmem.Plugins.Typhoon;
using Kmem.Plugins.Virtio;
using Kmem.Testing;
using Xunit;

namespace Kmem.Devices.Tests;

/// <summary>Holds every device of the solution to the contract of devices.</summary>
public sealed class ContractTests
{
    private const string Image = "image.bin";

    private static readonly IdeOptions Ide = new("disk", "none", "disc", "none", SecondaryMasterKind: DriveKind.Cd);

    private static readonly Dictionary<string, object> Options = new(StringComparer.Ordinal)
    {
        ["mem.ram"] = new RamBankOptions(8192, Fill: 0x5A),
        ["mem.rom"] = new RomOptions(4096, Image, Align: ImageAlignment.End),
        ["mem.firmware"] = new FirmwareMemoryOptions(8192, Image, Role: "pal"),
        ["dma.writer"] = new DmaWriterOptions("memory"),
        ["stub.log"] = new AccessStubOptions(64, 0xA5),
        ["mmio.registers"] = new RegisterBlockOptions(Size: 64, Registers:
        [
            new RegisterOptions("CONTROL", 0, Width: 8, Reset: 0x1234, ReadOnly: 0xFF, WriteOnly: 0xFF00),
            new RegisterOptions("STATUS", 8, Width: 4, Reset: 0xF0F0, Access: RegisterAccess.W1c, Irq: "irq", IrqMask: 0xFF),
            new RegisterOptions("EVENTS", 12, Width: 2, Reset: 0xFFFF, ClearOnRead: 0x00FF),
            new RegisterOptions("COMMAND", 16, Width: 1, Access: RegisterAccess.Wo),
            new RegisterOptions("IDENTITY", 20, Width: 4, Reset: 0xCAFE_F00D, Access: RegisterAccess.Ro),
        ]),
        ["mc146818"] = new RealTimeClockOptions(Contents: new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["0x34"] = [0x12, 0x34] }),
        ["firmware.acpi"] = new AcpiOptions(0x10_0000, Hpet: 0xFED0_0000, Mcfg: 0xE000_0000),
        ["qemu.fw-cfg"] = new FwCfgOptions("memory", Low: 0x10_0000),
        ["vga.std-pci"] = new StdVgaOptions(Image),
        ["intel.82371ab-pm"] = new Piix4PowerOptions("io"),
        ["firmware.smbios"] = new SmbiosOptions(),
        ["flash.spi-nor"] = new SpiNorFlashOptions(0x1_0000, Image),
        ["intel.ich-lpc"] = new IchLpcOptions("flash", "pci0.mem"),
        ["intel.8237-pair"] = new DmaPairOptions("memory"),
        ["dec.21272.pchip"] = new PchipOptions("memory", "pic"),
        ["ide.cmd646"] = Ide,
        ["ide.piix3"] = Ide,
        ["pci.function"] = new PciFunctionOptions(0x8086, 0x100E, 0x02_0000, Revision: 3, InterruptPin: 1, Status: 0x0230,
            Config: new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["40"] = [1, 2, 3, 4] },
            Writable: new Dictionary<string, byte[]>(StringComparer.Ordinal) { ["41"] = [0x0F, 0xF0] },
            Bars:
            [
                new BarOptions(0, BarWord.Mem64, 0x2_0000, Prefetchable: true, Backing: BarBacking.Ram),
                new BarOptions(2, BarWord.Io, 64, Fill: 0xFF),
                new BarOptions(6, BarWord.Rom, 4096),
            ]),
    };

    // A battery keeps the clock's memory and time; pins and interrupt inputs stay as they are driven, a flash keeps its status bits.
    // RAM that is filled keeps nothing in its saved state, memory is saved apart.
    private static readonly Dictionary<string, string[]> Kept = new(StringComparer.Ordinal)
    {
        ["mc146818"] = ["_memory", "_offset"],
        ["gpio.block"] = ["_pins"],
        ["intel.82371sb"] = ["_pins"],
        ["intel.ioapic"] = ["_levels"],
        ["intel.8259-pair"] = ["master._lines", "slave._lines"],
        ["dec.21272.cchip"] = ["_raw", "_tick"],
        ["intel.82540em"] = ["eeprom"],
        ["flash.spi-nor"] = ["_status1", "_status2", "_writeProtect"],
    };

    private static readonly IReadOnlyList<DeviceSample> Samples =
    [
        .. new[]
        {
            typeof(DmaWriter), typeof(Port92), typeof(RealTimeClock), typeof(Smbios), typeof(GpioBlock), typeof(Cmd646), typeof(KeyboardController), typeof(Vga), typeof(RamBank), typeof(PciRoot), typeof(RegisterBlock),
            typeof(Uart16550), typeof(SpiNorFlash), typeof(PicPair), typeof(Pit8254), typeof(DmaPair), typeof(Cchip), typeof(FloppyController), typeof(UserNetwork), typeof(VirtioBlock), typeof(Intel82540),
        }
            .SelectMany(t => DeviceSample.Of(t.Assembly, Options))
            .Select(s => s with
            {
                KeptOverReset = Kept.GetValueOrDefault(s.Type, []),
                Context = () => new TestDeviceContext { OverlayCounts = new Dictionary<string, int>(StringComparer.Ordinal) { ["pam"] = 12 } }
                    .WithImage(Image, [1, 2, 3])
                    .WithDisk("primary-master", new MemoryBlockBackend(new byte[64 * 512]))
                    .WithDisk("disk", new MemoryBlockBackend(new byte[64 * 512]))
                    .WithDisk("secondary-master", new MemoryBlockBackend(new byte[32 * 2048]))
                    .With("flash", new ReadyChip())
                    .With("pic", new FixedVector()),
            }),
    ];

    public static TheoryData<string, string> Cases
    {
        get
        {
            var cases = new TheoryData<string, string>();
            foreach (DeviceSample sample in Samples)
            {
                foreach (string rule in DeviceContract.Rules)
                {
                    cases.Add(sample.Type, rule);
                }
            }

            return cases;
        }
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void EveryDeviceKeepsTheContract(string type, string rule) => DeviceContract.Verify(Samples.First(s => s.Type == type), rule);

    [Fact]
    public void EveryDeviceOfTheSolutionIsTried()
    {
        // A CPU is nothing without an engine; the tests of the CPUs connect them to one.
        string[] known = [.. SolutionFolders.Plugins().Names(PluginKind.Device).Where(n => !n.StartsWith("cpu.", StringComparison.Ordinal))];
        Assert.Equal(known, Samples.Select(s => s.Type).Order(StringComparer.Ordinal));
    }

    /// <summary>Answers every acknowledge cycle with the same vector.</summary>
    private sealed class FixedVector : IInterruptAcknowledge
    {
        public byte Acknowledge() => 0x21;

        public byte PeekVector() => 0x21;
    }

    /// <summary>Answers the clocks with the last byte that it was sent.</summary>
    private sealed class ReadyChip : ISpiChip
    {
        public bool IsBusy => false;

        public void Transfer(ReadOnlySpan<byte> sent, Span<byte> received) => received.Fill(sent.IsEmpty ? (byte)0xFF : sent[^1]);
    }
}
