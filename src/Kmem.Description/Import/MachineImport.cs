using System.Globalization;
using System.Text;

namespace Kmem.Description.Import;

/// <summary>Writes a machine from the facts of a running system: its memory, PCI functions and ports, and the kernel in front of them.</summary>
public static class MachineImport
{
    /// <summary>One megabyte: below it a PC keeps its own counsel.</summary>
    internal const ulong Megabyte = 1 << 20;

    /// <summary>Writes the machine.</summary>
    /// <param name="name">Name of the machine.</param>
    /// <param name="facts">The facts; null where there are none.</param>
    /// <param name="head">What a recording says; null without one.</param>
    /// <returns>The machine file. Its flavour is called <c>recorded</c>.</returns>
    public static string Write(string name, MachineFacts? facts, RecordingHead? head) =>
        facts is { IsAlpha: true } || (head?.RamTop is not null && head.Kernel.Length == 0) || (facts is null && head?.Kernel.Length == 0)
            ? AlphaImport.Write(name, facts, head)
            : new PcImport(name, facts ?? new MachineFacts(), head).Write();

    /// <summary>A number as machine files write it.</summary>
    internal static string Hex(ulong value) => "0x" + value.ToString("X", CultureInfo.InvariantCulture);

    /// <summary>A name that the language takes.</summary>
    internal static string Id(string text)
    {
        string name = new([.. text.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-')]);
        name = string.Join('-', name.Split('-', StringSplitOptions.RemoveEmptyEntries));
        return name.Length > 0 && char.IsAsciiLetter(name[0]) ? name : "m-" + name;
    }

    /// <summary>A text in quotes.</summary>
    internal static string Quote(string text) => "\"" + text.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal) + "\"";

    /// <summary>Whether two rows touch, so that one part backs both.</summary>
    internal static bool Touches(ulong last, ulong start) => last != ulong.MaxValue && last + 1 == start;

    /// <summary>True for memory below the first megabyte.</summary>
    internal static bool IsLow(ulong address) => address < Megabyte;
}

/// <summary>An Alpha of the Typhoon family: everything but its size is known.</summary>
internal static class AlphaImport
{
    public static string Write(string name, MachineFacts? facts, RecordingHead? head)
    {
        // An Alpha kernel does not list its RAM; the recording's ram_top does, and /proc/meminfo would only come near it.
        ulong ram = head?.RamTop ?? facts?.Memory.Where(m => m.Name == "System RAM").Select(m => m.Last + 1).DefaultIfEmpty(128UL << 20).Max() ?? 128UL << 20;
        return $"""
            # Made by kmem import.
            kmem: 1
            machine: {MachineImport.Id(name)}
            arch: alpha
            use:
              - file: alpha-clipper.yaml
                params:
                  ram: {MachineImport.Hex(ram)}
            flavours:
              recorded:
                base: linux-6.1-alpha
            patch:
              {string.Join("\n  ", ((string[])["mem", "kmem", "port", "null", "zero", "full"]).Select(n => $"- set: frontends.{n}.flavour\n    to: recorded"))}

            """;
    }
}

/// <summary>A PC by its resource tree, its PCI functions and its command line.</summary>
internal sealed class PcImport(string name, MachineFacts facts, RecordingHead? head)
{
    private readonly StringBuilder _text = new();

    private string CommandLine => facts.CommandLine.Length > 0 ? facts.CommandLine : head?.CommandLine ?? "";

    public string Write()
    {
        int bits = facts.PhysicalBits == 0 ? 40 : facts.PhysicalBits;
        Line(0, "# Made by kmem import.");
        Line(0, "kmem: 1");
        Line(0, $"machine: {MachineImport.Id(name)}");
        Line(0, "arch: x86");
        Line(0, "use:");
        Line(1, "- std/pc-legacy-ports.yaml");
        Line(0, "spaces:");
        Line(1, $"phys: {{type: bus.flat, width: {bits}, unmapped: {{read: zeros, write: drop}}}}");
        Line(0, "devices:");
        Device("pci0", "pci.root", $"{{mem-width: {bits}, mem-unmapped: {{read: zeros, write: drop}}}}", "io", 0xCF8, 0, ", bank: conf1");
        Device("rtc", "mc146818", "{}", "io", 0x70, 0);
        Line(2, "wires: {irq: pic.in.8}");
        WriteBanks();
        WriteLegacyVideo();
        WriteBlocks();
        WriteSerial();
        WriteFunctions();
        WriteRest();
        return _text.ToString();
    }

    private IEnumerable<ResourceFact> Top => facts.Memory.Where(m => m.Depth == 0);

    private static bool IsRam(string row) => row is "System RAM" or "Reserved" or "ACPI Tables" or "ACPI Non-volatile Storage" or "Unusable memory";

    /// <summary>RAM is what the kernel calls so, and what its firmware withholds right beside it.</summary>
    private void WriteBanks()
    {
        ResourceFact[] rows = [.. Top.Where(m => IsRam(m.Name) && !IsFirmware(m)).OrderBy(m => m.Start)];
        int number = 0;
        for (int i = 0; i < rows.Length;)
        {
            int end = i;
            while (end + 1 < rows.Length && MachineImport.Touches(rows[end].Last, rows[end + 1].Start) && rows[end + 1].Start != 1UL << 32)
            {
                end++;
            }

            ulong length = rows[end].Last - rows[i].Start + 1;
            if (rows[i..(end + 1)].Any(r => r.Name == "System RAM"))
            {
                Device($"ram{number++}", "mem.ram", $"{{size: {MachineImport.Hex(length)}}}", "phys", rows[i].Start, 0);
            }

            i = end + 1;
        }

        foreach (ResourceFact row in Top.Where(m => IsFirmware(m) || (MachineImport.IsLow(m.Start) && m.Start >= 0xC0000 && !IsRam(m.Name) && !m.Name.StartsWith("PCI Bus", StringComparison.Ordinal))))
        {
            Device($"rom-{row.Start:x}", "mem.rom", $"{{size: {MachineImport.Hex(row.Last - row.Start + 1)}, fill: 0}}", "phys", row.Start, 10);
        }
    }

    /// <summary>Firmware lies right below 1 MiB and, as flash with the reset vector, right below 4 GiB.</summary>
    private static bool IsFirmware(ResourceFact row) =>
        row.Name == "Reserved" && ((row.Start >= 0xC0000 && row.Last < MachineImport.Megabyte) || (row.Last == uint.MaxValue && row.Last - row.Start < 64UL << 20));

    private void WriteLegacyVideo()
    {
        if (facts.Functions.Any(f => f.Configuration[0x0B] == 3))
        {
            Device("vga-window", "stub.log", "{size: 0x18000, value: 0xFF}", "phys", 0xA0000, 10);
            Device("vga-text", "mem.ram", "{size: 32KiB}", "phys", 0xB8000, 10);
        }
    }

    private void WriteBlocks()
    {
        foreach (ResourceFact row in Top.Where(m => m.Name.StartsWith("IOAPIC", StringComparison.Ordinal) || m.Name.StartsWith("HPET", StringComparison.Ordinal) || m.Name == "Local APIC"))
        {
            string registers = row.Name == "Local APIC" ? "[{name: VERSION, offset: 0x30, access: ro}]" : row.Name.StartsWith('H') ? "[{name: ID, offset: 0, width: 8, access: ro}]" : "[{name: IOREGSEL, offset: 0}, {name: IOWIN, offset: 0x10}]";
            Device(MachineImport.Id(row.Name), "mmio.registers", $"{{size: {MachineImport.Hex(row.Last - row.Start + 1)}, unmapped: zeros, registers: {registers}}}", "phys", row.Start, 10);
        }
    }

    private void WriteSerial()
    {
        int number = 1;
        foreach (ResourceFact row in facts.Ports.Where(p => p.Name == "serial" && p.Last - p.Start == 7))
        {
            Device($"com{number++}", "uart.16550a", "{chardev: none}", "io", row.Start, 0);

            // The ports at 0x3xx share interrupt 4, those at 0x2xx interrupt 3.
            Line(2, $"wires: {{irq: pic.in.{(row.Start >= 0x300 ? 4 : 3)}}}");
        }
    }

    private void WriteFunctions()
    {
        foreach (PciFact function in facts.Functions.Where(f => f.Bus == 0))
        {
            byte[] c = function.Configuration;
            string bars = string.Join(", ", Bars(function));
            string rows = string.Join(", ", Rows(c));
            Line(1, $"{FunctionId(function)}:");
            Line(2, "type: pci.function");
            Line(2, "set:");
            Line(3, $"vendor: 0x{Word(c, 0):X4}");
            Line(3, $"device: 0x{Word(c, 2):X4}");
            Line(3, $"class: 0x{c[0x0B]:X2}{c[0x0A]:X2}{c[9]:X2}");
            Line(3, $"revision: {c[8]}");
            Line(3, $"subsystem-vendor: 0x{Word(c, 0x2C):X4}");
            Line(3, $"subsystem: 0x{Word(c, 0x2E):X4}");
            Line(3, $"multifunction: {((c[0x0E] & 0x80) != 0 ? "true" : "false")}");
            Line(3, $"interrupt-pin: {Math.Min(c[0x3D] & 7, 4)}");
            Line(3, $"status: 0x{Word(c, 6):X4}");
            Line(3, $"config: {{{rows}}}");
            Line(3, $"bars: [{bars}]");
            Line(2, $"pci: {{bus: pci0, slot: {function.Slot}}}");
        }
    }

    private static string FunctionId(PciFact function) => "pci-" + function.Slot.Replace('.', '-');

    private static int Word(byte[] c, int offset) => c[offset] | (c[offset + 1] << 8);

    /// <summary>The device-specific part, as rows of bytes that are not all 0.</summary>
    private static IEnumerable<string> Rows(byte[] c)
    {
        for (int offset = 0x40; offset < 0x100; offset += 16)
        {
            if (c.AsSpan(offset, 16).IndexOfAnyExcept((byte)0) >= 0)
            {
                yield return $"\"{offset:x2}\": \"{Convert.ToHexStringLower(c.AsSpan(offset, 16))}\"";
            }
        }
    }

    private static IEnumerable<string> Bars(PciFact function)
    {
        for (int i = 0; i < Math.Min(7, function.Resources.Count); i++)
        {
            (ulong start, ulong last, ulong flags) = function.Resources[i];
            ulong length = last - start + 1;
            bool isRom = i == 6;

            // Rows without a register behind them are the kernel's own knowledge, such as the legacy ports of an IDE function.
            bool hasRegister = isRom || i > 5 || BitConverter.ToUInt32(function.Configuration, 0x10 + (4 * i)) != 0;
            if (last <= start || !ulong.IsPow2(length) || !hasRegister)
            {
                continue;
            }

            bool isPort = (flags & 0x100) != 0, isPrefetchable = (flags & 0x2000) != 0;
            string kind = isRom ? "rom" : isPort ? "io" : (flags & 0x10_0000) != 0 ? "mem64" : "mem32";
            ulong least = isRom ? 2048UL : isPort ? 4UL : 16;
            if (length >= least)
            {
                yield return $"{{index: {i}, kind: {kind}, size: {MachineImport.Hex(length)}{(isPrefetchable && !isRom ? ", prefetchable: true, backing: ram" : "")}}}";
            }
        }
    }

    private void WriteRest()
    {
        ulong ramEnd = Top.Where(m => m.Name == "System RAM" && m.Start < 1UL << 32).Select(m => m.Last + 1).DefaultIfEmpty(0UL).Max();
        ulong hole = Top.Where(m => IsRam(m.Name) && m.Start < 0xFE00_0000 && m.Start <= ramEnd).Select(m => m.Last + 1).DefaultIfEmpty(MachineImport.Megabyte).Max();
        ResourceFact[] withheld = [.. Top.Where(m => m.Name is "Reserved" or "ACPI Tables" or "ACPI Non-volatile Storage" && m.Last - m.Start < 1UL << 32)];
        if (withheld.Length > 0)
        {
            Line(0, "areas:");
            foreach (ResourceFact row in withheld)
            {
                Line(1, $"reserved-{row.Start:x}: {{space: phys, range: {MachineImport.Hex(row.Start)}..{MachineImport.Hex(row.Last)}, role: {(row.Name == "Reserved" ? "reserved" : "acpi")}}}");
            }
        }

        Line(0, "windows:");
        Line(1, $"pci-hole: {{space: phys, range: {MachineImport.Hex(hole)}..0xFFFF_FFFF, to: pci0.mem, at: {MachineImport.Hex(hole)}, prio: 5}}");
        Line(1, "pci-io: {space: io, range: 0..0xFFFF, to: pci0.io, at: 0, prio: -10}");
        Line(0, "flavours:");
        Line(1, "recorded:");
        Line(2, "base: linux-6.1-x86_64");
        Line(2, $"cmdline: {MachineImport.Quote(CommandLine)}");
        Flag("strict-devmem", head?.StrictDevmem ?? ProbeFlag(1));
        Flag("io-strict-devmem", head?.IoStrictDevmem ?? ProbeFlag(2));
        Flag("advise-syscalls", head is { HasAdvise: false } ? false : null);
        Flag("file-locking", head is { HasLocking: false } ? false : null);
        if (facts.PhysicalBits != 0)
        {
            Line(2, $"phys-bits: {facts.PhysicalBits}");
        }

        List("iomem", facts.Memory.Select(m => $"{{range: {MachineImport.Hex(m.Start)}..{MachineImport.Hex(m.Last)}, name: {MachineImport.Quote(m.Name)}, busy: {(IsBusy(m) ? "true" : "false")}}}"));
        List("mtrr", facts.MemoryTypes.Select(t => $"{{range: {MachineImport.Hex(t.Start)}..{MachineImport.Hex(t.Last)}, type: {t.Type}}}"));
        Line(0, "frontends:");
        Line(1, "mem: {type: chardev.mem, space: phys, flavour: recorded}");
        Line(1, "kmem: {type: chardev.kmem, space: phys, flavour: recorded}");
        Line(1, "port: {type: chardev.port, space: io, flavour: recorded}");
        foreach (string node in (string[])["null", "zero", "full"])
        {
            Line(1, $"\"{node}\": {{type: chardev.{node}, flavour: recorded}}");
        }

        Line(0, "firmware-state:");

        // A kernel that has found an I/O APIC masks both 8259; without one it needs them.
        string masks = Top.Any(m => m.Name.StartsWith("IOAPIC", StringComparison.Ordinal)) ? ", master-imr: 0xFF, slave-imr: 0xFF" : "";
        Line(1, $"pic: {{master-vector: 0x30, slave-vector: 0x38, elcr2: 0x0C{masks}}}");
        if (facts.Functions.Where(f => f.Bus == 0).LastOrDefault() is { } latest)
        {
            // Whoever wrote the facts down read each function to its end, so that the address latch holds the last register of the last one.
            int place = (int.Parse(latest.Slot.AsSpan(0, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture) << 3) | (latest.Slot[3] - '0');
            Line(1, $"pci0: {{config-address: {MachineImport.Hex(0x8000_00FC | ((ulong)place << 8))}}}");
        }

        foreach (PciFact function in facts.Functions.Where(f => f.Bus == 0))
        {
            string bars = string.Join(", ", Enumerable.Range(0, Math.Min(6, function.Resources.Count))
                .Where(i => Bars(function).Any(b => b.StartsWith($"{{index: {i},", StringComparison.Ordinal)))
                .Select(i => $"{i}: {MachineImport.Hex(function.Resources[i].Start)}"));
            Line(1, $"{FunctionId(function)}: {{config: {{0x04/2: 0x{Word(function.Configuration, 4):X4}, 0x3C/1: {function.Configuration[0x3C]}}}, bar: {{{bars}}}}}");
        }
    }

    private bool? ProbeFlag(int index)
    {
        // The recording program is told on the command line how its kernel was configured.
        int at = CommandLine.IndexOf("probe_cfg=", StringComparison.Ordinal);
        string[] parts = at < 0 ? [] : CommandLine[(at + 10)..].Split(' ')[0].Split(':');
        return parts.Length > index ? parts[index] == "1" : null;
    }

    /// <summary>Which rows the kernel itself has claimed, by its own rules; a function's row is claimed when a driver's row lies in it.</summary>
    /// <remarks>Source: Linux 6.1 arch/x86/kernel/e820.c (e820__reserve_resources), apic/io_apic.c, apic/apic.c, hpet.c.</remarks>
    private static bool IsBusy(ResourceFact row)
    {
        if (row.Name.StartsWith("PCI Bus", StringComparison.Ordinal) || row.Name.StartsWith("HPET", StringComparison.Ordinal) || row.Name.StartsWith("PNP", StringComparison.Ordinal))
        {
            return false;
        }

        if (row.Name == "Reserved")
        {
            return MachineImport.IsLow(row.Start);
        }

        bool isFunction = row.Name.Length == 12 && row.Name[4] == ':' && row.Name[7] == ':';
        return !isFunction;
    }

    private void Flag(string key, bool? value)
    {
        if (value is { } known)
        {
            Line(2, $"{key}: {(known ? "true" : "false")}");
        }
    }

    private void List(string key, IEnumerable<string> rows)
    {
        string[] all = [.. rows];
        if (all.Length > 0)
        {
            Line(2, $"{key}:");
            foreach (string row in all)
            {
                Line(3, $"- {row}");
            }
        }
    }

    private void Device(string id, string type, string set, string space, ulong at, int priority, string more = "")
    {
        Line(1, $"{id}:");
        Line(2, $"type: {type}");
        Line(2, $"set: {set}");
        Line(2, $"map: [{{space: {space}, at: {MachineImport.Hex(at)}, prio: {priority}{more}}}]");
    }

    private void Line(int depth, string text) => _text.Append(' ', 2 * depth).Append(text).Append('\n');
}
