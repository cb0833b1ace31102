using Kmem.Abstractions;
using Kmem.Host.Recordings;
using Kmem.Machine;

namespace Kmem.Corpus.Tests;

/// <summary>Knows which bytes of a recording say something about this machine: holes, what the recording itself wrote, and registers of devices built here.</summary>
/// <remarks>A PC's shadow memory below 1 MiB is no hole there: firmware filled it. Everything else was put there by firmware, by a running kernel or by chips that later issues bring.</remarks>
public sealed class ComparableBytes(RunningMachine machine)
{
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
            else if (machine.MainSpace!.Decode(offset + i, write: true).Region is RamRegion)
            {
                _written.Add(offset + i);
            }

            if (IsPort(line) && offset + i == 0x70)
            {
                _clockIndex = (byte)(source[i] & 0x7F);
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
        bool isShadow = machine.Description.Architecture != "alpha" && offset is >= 0xC_0000 and <= 0xF_FFFF;
        return (decode.Region is null && !isShadow) || _written.Contains(offset) || IsConfiguration(decode);
    }

    private static bool IsPort(OperationLine line) => line.Device is "port" or "/dev/port";

    /// <summary>The clock's data port is another cell for each index.</summary>
    private ulong PortKey(ulong port) => port == 0x71 ? 0x100_0000UL | _clockIndex : port;

    private bool IsComparablePort(ulong port)
    {
        Memory.AddressSpace? ports = machine.Spaces.GetValueOrDefault("io") ?? machine.Spaces["hose0.io"];
        MachineDevice? device = ports?.Decode(port).Region is { } region ? machine.Devices.Values.FirstOrDefault(d => d.Banks.Values.Contains(region)) : null;
        return device?.Type.Name switch
        {
            // Index cells that the recording wrote; the others hold the time or what firmware put there.
            "mc146818" => port == 0x70 || _writtenPorts.Contains(PortKey(port)),
            "uart.16550a" => (port & 7) is 5 or 6 || _writtenPorts.Contains(port),
            "pci.root" => true,
            null => ports?.Decode(port).Region is null && !IsForeignChip(port),
            _ => _writtenPorts.Contains(port) && IsPageRegister(port),
        };
    }

    private static bool IsPageRegister(ulong port) => port is >= 0x81 and <= 0x8F;

    /// <summary>Ports at which the recorded machine has chips that are not built yet, so that what is a hole here is none there.</summary>
    private bool IsForeignChip(ulong port) => machine.Description.Architecture == "alpha"
        ? port is < 0x100 or (>= 0x1F0 and <= 0x1F7) or (>= 0x378 and <= 0x37A) or (>= 0x3B0 and <= 0x3F7) or (>= 0x8000 and <= 0x8064)
        : port is 0x42 or 0xB2 or 0xB3 or (>= 0x170 and <= 0x177) or (>= 0x1F0 and <= 0x1F7) or 0x376 or (>= 0x378 and <= 0x37A) or (>= 0x3B0 and <= 0x3F7) or 0x402
            or (>= 0x510 and <= 0x51B) or (>= 0x600 and <= 0x63F) or 0xE9 or 0xF0 or (>= 0xAE00 and <= 0xAFFF);

    /// <summary>PCI configuration is built here; command and interrupt line belong to the drivers of the running kernel.</summary>
    private static bool IsConfiguration(AddressDecode decode) =>
        decode.Region?.Name.EndsWith(".cfg", StringComparison.Ordinal) == true && (decode.Offset & 0xFF) is not (4 or 5 or 0x3C);
}
