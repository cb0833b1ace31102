using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Machine;

namespace Kmem.Corpus.Tests;

/// <summary>Knows which bytes of a recording say something about this machine: holes, what the recording itself wrote, and registers of devices built here.</summary>
/// <remarks>A PC's shadow memory below 1 MiB is no hole there: firmware filled it. Everything else was put there by firmware, by a running kernel or by chips that later issues bring.</remarks>
public sealed class ComparableBytes(RunningMachine machine)
{
    private const string Cchip = "dec.21272.cchip";
    private const ulong DeviceMask = 0x200, TickCounter = 0x380, SecondLevelControl = 0x4D1;

    private readonly HashSet<ulong> _written = [];
    private readonly HashSet<ulong> _writtenPorts = [];
    private byte _clockIndex;

    /// <summary>Takes note of what a line writes.</summary>
    public void Note(OperationLine line)
    {
        if (line.Operation is not ("pwrite" or "write" or "lseek+write" or "mmap_store") || line.Number("offset") is not { } offset)
        {
            return;
        }

        byte[] source = line.Bytes("src") ?? (line.Operation is "pwrite" or "lseek+write" ? line.Bytes("data") : null) ?? [];
        ulong length = line.Operation == "mmap_store" ? line.Number("length") ?? 0 : (ulong)source.Length;

        // Only what the recorded kernel took was written, and only RAM and registers keep it.
        length = line.Number("result") is { } taken && (long)taken > 0 ? Math.Min(length, taken) : 0;
        for (ulong i = 0; i < length; i++)
        {
            if (IsPort(line))
            {
                _writtenPorts.Add(PortKey(offset + i));
            }
            else if (machine.MainSpace!.Decode(offset + i, write: true) is var decode && (decode.Region is RamRegion || DeviceOf(decode.Region)?.Type.Name == Cchip))
            {
                _written.Add(offset + i);
            }
            else if (PortOf(decode) is { } port)
            {
                _writtenPorts.Add(PortKey(port));
            }

            if ((IsPort(line) ? offset + i : PortOf(machine.MainSpace!.Decode(offset + i))) == 0x70)
            {
                _clockIndex = (byte)((i < (ulong)source.Length ? source[i] : line.Number("value") ?? 0) & 0x7F);
            }
        }
    }

    /// <summary>Whether the byte at an offset of the line's device is comparable.</summary>
    public bool IsComparable(OperationLine line, ulong offset)
    {
        if (IsPort(line))
        {
            return IsComparablePort(offset);
        }

        AddressDecode decode = machine.MainSpace!.Decode(offset);
        if (PortOf(decode) is { } port)
        {
            // A word read of the first edge/level register gives it twice in the recorder; on a real bus the second byte is the second register's.
            return IsComparablePort(port) && !(port == SecondLevelControl && line.Operation == "mmap_load");
        }

        bool isShadow = !IsAlpha && offset is >= 0xC_0000 and <= 0xF_FFFF;
        return (decode.Region is null && !isShadow) || _written.Contains(offset) || IsConfiguration(decode) || IsChipset(decode);
    }

    private static bool IsPort(OperationLine line) => line.Device is "port" or "/dev/port";

    /// <summary>The port behind an Alpha's I/O window, or null.</summary>
    private static ulong? PortOf(AddressDecode decode) => decode.Steps.LastOrDefault(s => s.Space.Name == "hose0.io")?.Address;

    private MachineDevice? DeviceOf(MemoryRegion? region) => region is null ? null : machine.Devices.Values.FirstOrDefault(d => d.Banks.Values.Contains(region));

    /// <summary>The 21272 is built here; only which interrupts the recorded kernel has enabled and how many ticks it has let pass are its own.</summary>
    private bool IsChipset(AddressDecode decode) => DeviceOf(decode.Region)?.Type.Name is { } type
        && type.StartsWith("dec.21272.", StringComparison.Ordinal) && !(type == Cchip && (decode.Offset & ~7UL) is DeviceMask or TickCounter);

    /// <summary>The clock's data port is another cell for each index.</summary>
    private ulong PortKey(ulong port) => port == 0x71 ? 0x100_0000UL | _clockIndex : port;

    private bool IsComparablePort(ulong port)
    {
        Memory.AddressSpace? ports = machine.Spaces.GetValueOrDefault("io") ?? machine.Spaces["hose0.io"];
        MemoryRegion? region = ports?.Decode(port).Region;
        return DeviceOf(region)?.Type.Name switch
        {
            // Index cells that the recording wrote; the others hold the time or what firmware put there.
            "mc146818" => port == 0x70 || _writtenPorts.Contains(PortKey(port)),
            "uart.16550a" => (port & 7) is 5 or 6 || _writtenPorts.Contains(port),
            "pci.root" or "intel.8237-pair" => true,

            // The request registers of a PC's controllers, and the master's of an Alpha, show keyboard, mouse and timer of the recorded machine.
            "intel.8259-pair" => region!.Name.EndsWith(".elcr", StringComparison.Ordinal) || (port & 1) != 0 || (IsAlpha && port == 0xA0),

            // Port 0x61 shows the refresh clock and what the recorded kernel left in counter 2.
            "intel.8254" => port == 0x43 || (port != 0x61 && _writtenPorts.Contains(port)),
            null => region is null && !IsForeignChip(port),
            _ => IsParallelPort(port) || (_writtenPorts.Contains(port) && IsPageRegister(port)),
        };
    }

    private bool IsAlpha => machine.Description.Architecture == "alpha";

    private bool IsParallelPort(ulong port) => IsAlpha && port is >= 0x378 and <= 0x37A;

    private static bool IsPageRegister(ulong port) => port is >= 0x81 and <= 0x8F;

    /// <summary>Ports at which the recorded machine has chips that are not built yet, so that what is a hole here is none there.</summary>
    private bool IsForeignChip(ulong port) => IsAlpha
        ? port is 0x60 or 0x64 or (>= 0x3B0 and <= 0x3F7)
        : port is 0xB2 or 0xB3 or (>= 0x170 and <= 0x177) or (>= 0x1F0 and <= 0x1F7) or 0x376 or (>= 0x378 and <= 0x37A) or (>= 0x3B0 and <= 0x3F7) or 0x402
            or (>= 0x510 and <= 0x51B) or (>= 0x600 and <= 0x63F) or 0xE9 or 0xF0 or (>= 0xAE00 and <= 0xAFFF);

    /// <summary>PCI configuration is built here; command and interrupt line belong to the drivers of the running kernel.</summary>
    private static bool IsConfiguration(AddressDecode decode) =>
        decode.Region?.Name.EndsWith(".cfg", StringComparison.Ordinal) == true && (decode.Offset & 0xFF) is not (4 or 5 or 0x3C);
}
