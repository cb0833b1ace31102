using Kmem.Description;
using Xunit;

namespace Kmem.Machine.Tests;

/// <summary>A machine that can't be built says why and where, and does not start half-built.</summary>
public sealed class BrokenMachineTests
{
    private const string Head = "kmem: 1\nspaces:\n  phys: {type: bus.flat, width: 32}\n";

    public static TheoryData<string, int, string> Mistakes => new()
    {
        { "KM2001", 5, "devices:\n  a: {type: mem.rum, set: {size: 1MiB}}" },
        { "KM2001", 5, "frontends:\n  a: {type: chardev.men, space: phys}" },
        { "KM2002", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB, fil: 1}}" },
        { "KM2003", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MB}}" },
        { "KM2003", 5, "devices:\n  a: {type: mem.ram, set: {size: 16EiB}}" },
        { "KM2003", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB, fill: 256}}" },
        { "KM2004", 5, "devices:\n  a: {type: mem.ram}" },
        { "KM2005", 5, "devices:\n  a: {type: mem.ram, set: {size: 4PiB}}" },
        { "KM2005", 5, "devices:\n  a: {type: mem.rom, set: {size: 4KiB, image: none.bin}}" },
        { "KM2005", 5, "devices:\n  a: {type: mmio.registers, set: {registers: [{name: A, offset: 0}, {name: B, offset: 2}]}}" },
        { "KM2005", 5, "devices:\n  a: {type: uart.16550a, set: {chardev: nothing-known}}" },
        { "KM2101", 5, "devices:\n  a: {type: uart.16550a, wires: {irk: a.irq}}" },
        { "KM2102", 5, "devices:\n  a: {type: uart.16550a, wires: {irq: a.input}}" },
        { "KM2104", 5, "devices:\n  a: {type: uart.16550a, wires: {irq: pic.in.4}}" },
        { "KM2201", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: fys, at: 0}]}" },
        { "KM2202", 6, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0}]}\n  b: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0x8_0000}]}" },
        { "KM2203", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0xFFFF_F000}]}" },
        { "KM2204", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0, bank: low}]}" },
        { "KM2205", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0, from: 2MiB}]}" },
        { "KM2206", 5, "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, overlays: [{id: o, space: phys, range: 0+4KiB, choose: {on: nobody}}]}" },
        { "KM2207", 5, "devices:\n  a: {type: pci.function, set: {vendor: 1, device: 2, class: 3}, pci: {bus: pci9, slot: 01.0}}" },
        { "KM2301", 5, "areas:\n  a: {space: phys, range: 0+4KiB, policy: {cpu: q}}" },
        { "KM2303", 6, "devices:\n  a: {type: uart.16550a}\nfirmware-state: {a: {LCRR: 3}}" },
        { "KM2007", 4, "firmware-state: {b: {LCR: 3}}" },
        { "KM3002", 5, "plugins:\n  - {assembly: none.dll}" },
        { "KM3002", 5, "plugins:\n  - {package: Acme.None}" },
        { "KM3001", 5, "plugins:\n  - {assembly: /proc/version}" },
    };

    [Theory]
    [MemberData(nameof(Mistakes))]
    public void AMistakeHasItsCodeAndItsLine(string code, int line, string text)
    {
        BuildResult result = Machines.Build(Head + text);
        Assert.Null(result.Machine);
        Assert.True(result.Diagnostics.Sorted.Any(d => d.Code == code && d.Span.Line == line), string.Join('\n', result.Diagnostics.Sorted));
    }

    [Fact]
    public void AnOverlapNamesBothPlaces()
    {
        Diagnostic error = Assert.Single(Machines.Build(
            Head + "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0}]}\n  b: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0x8_0000}]}").Diagnostics.Sorted);
        Assert.Contains("'b' and 'a' both claim 0x80000", error.Message, StringComparison.Ordinal);
        Assert.Equal(5, Assert.Single(error.Notes).Span.Line);
    }

    [Fact]
    public void DevicesThatNeedEachOtherAreACycle()
    {
        BuildResult result = Machines.Build("kmem: 1\ndevices:\n  a: {type: dma.writer, set: {memory: b.mem}}\n  b: {type: dma.writer, set: {memory: a.mem}}");
        Assert.Contains(result.Diagnostics.Sorted, d => d.Code == DiagnosticCodes.DeviceCycle);
    }

    [Fact]
    public void AFailedCheckSaysWhatStandsThere()
    {
        using RunningMachine machine = Machines.Good(Head + "devices:\n  a: {type: mem.ram, set: {size: 1MiB}, map: [{space: phys, at: 0}]}\nchecks:\n  - phys 0..0x1F_FFFF is a");
        var diagnostics = new DiagnosticBag();
        new MachineChecker("/machine.yaml", new LoadOptions()).Check(machine, diagnostics);
        Diagnostic error = Assert.Single(diagnostics.Sorted);
        Assert.Equal((DiagnosticCodes.CheckFailed, 7), (error.Code, error.Span.Line));
        Assert.Contains("phys 0x100000 is unmapped", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void AnUnknownFlavourIsAnError()
    {
        using RunningMachine machine = Machines.Good(Head + "frontends:\n  mem: {type: chardev.mem, space: phys, flavour: linux-7}");
        var diagnostics = new DiagnosticBag();
        Assert.Null(machine.CreateKernel(null, diagnostics));
        Assert.Equal(DiagnosticCodes.UnknownFlavour, Assert.Single(diagnostics.Sorted).Code);
    }
}
