using System.Globalization;

namespace Kmem.Description.Import;

/// <summary>One row of /proc/iomem or /proc/ioports.</summary>
/// <param name="Start">First address.</param>
/// <param name="Last">Last address.</param>
/// <param name="Name">Its name.</param>
/// <param name="Depth">0 for a top-level row.</param>
public sealed record ResourceFact(ulong Start, ulong Last, string Name, int Depth);

/// <summary>One PCI function: its configuration space and the kernel's resource rows.</summary>
/// <param name="Address">Domain, bus, slot and function as Linux writes them: <c>0000:00:02.0</c>.</param>
public sealed record PciFact(string Address)
{
    /// <summary>The configuration space, 64 to 256 bytes.</summary>
    public byte[] Configuration { get; init; } = new byte[256];

    /// <summary>Start, last and flags of each resource row.</summary>
    public List<(ulong Start, ulong Last, ulong Flags)> Resources { get; } = [];

    /// <summary>Bus number.</summary>
    public int Bus => int.Parse(Address.AsSpan(5, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);

    /// <summary>Slot and function as a machine file writes them: <c>02.0</c>.</summary>
    public string Slot => Address[8..];
}

/// <summary>What a running system tells of itself: the facts from which <c>kmem import</c> makes a machine.</summary>
/// <remarks>
/// Two forms are read: lines <c>tag|text</c> with the tags iomem, ioports, mtrr, cmdline, version, cpuinfo and pci:ADDRESS:config|resource, as the x86
/// recording program prints them; and sections that begin with <c>=== NAME</c>, as the Alpha one does.
/// </remarks>
public sealed class MachineFacts
{
    private const int MostLines = 200_000;

    private readonly Dictionary<string, PciFact> _functions = new(StringComparer.Ordinal);

    /// <summary>Rows of /proc/iomem.</summary>
    public List<ResourceFact> Memory { get; } = [];

    /// <summary>Rows of /proc/ioports.</summary>
    public List<ResourceFact> Ports { get; } = [];

    /// <summary>Ranges of /proc/mtrr with their types.</summary>
    public List<(ulong Start, ulong Last, string Type)> MemoryTypes { get; } = [];

    /// <summary>The PCI functions in the order of their addresses.</summary>
    public IEnumerable<PciFact> Functions => _functions.Values.OrderBy(f => f.Address, StringComparer.Ordinal);

    /// <summary>The kernel's command line.</summary>
    public string CommandLine { get; private set; } = "";

    /// <summary>Text of /proc/version or of uname.</summary>
    public string Version { get; private set; } = "";

    /// <summary>Physical address bits of the CPU; 0 when the facts don't tell.</summary>
    public int PhysicalBits { get; private set; }

    /// <summary>True when the facts are those of an Alpha.</summary>
    public bool IsAlpha { get; private set; }

    /// <summary>Reads facts; lines that mean nothing are passed over.</summary>
    public static MachineFacts Read(TextReader reader)
    {
        var facts = new MachineFacts();
        string section = "";
        int lines = 0;
        while (reader.ReadLine() is { } line && lines++ < MostLines)
        {
            if (line.StartsWith("=== ", StringComparison.Ordinal))
            {
                section = line[4..].Trim();
                continue;
            }

            int bar = line.IndexOf('|', StringComparison.Ordinal);
            if (bar > 0 && section.Length == 0)
            {
                facts.Take(line[..bar], line[(bar + 1)..]);
            }
            else
            {
                facts.TakeSection(section, line);
            }
        }

        return facts;
    }

    private static bool TryHex(string text, out ulong value)
    {
        text = text.Trim();
        return ulong.TryParse(text.StartsWith("0x", StringComparison.OrdinalIgnoreCase) ? text[2..] : text, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }

    private static ResourceFact? Row(string text)
    {
        int depth = text.Length - text.TrimStart(' ').Length, colon = text.IndexOf(" : ", StringComparison.Ordinal);
        string[] ends = colon < 0 ? [] : text[..colon].Trim().Split('-');
        return ends.Length == 2 && TryHex(ends[0], out ulong start) && TryHex(ends[1], out ulong last) && last >= start
            ? new ResourceFact(start, last, text[(colon + 3)..].Trim(), depth / 2)
            : null;
    }

    private void Take(string tag, string text)
    {
        switch (tag)
        {
            case "iomem" when Row(text) is { } row:
                Memory.Add(row);
                break;
            case "ioports" when Row(text) is { } row:
                Ports.Add(row);
                break;
            case "cmdline":
                CommandLine = text;
                break;
            case "version":
                Version = text;
                break;
            case "mtrr":
                TakeMtrr(text);
                break;
            case "cpuinfo" when text.StartsWith("address sizes", StringComparison.Ordinal):
                string digits = new([.. text[(text.IndexOf(':', StringComparison.Ordinal) + 1)..].TrimStart().TakeWhile(char.IsAsciiDigit)]);
                PhysicalBits = int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out int bits) && bits is >= 20 and <= 52 ? bits : 0;
                break;
            case "cpuinfo" when text.StartsWith("cpu\t", StringComparison.Ordinal) && text.EndsWith("Alpha", StringComparison.Ordinal):
                IsAlpha = true;
                break;
            default:
                string[] parts = tag.StartsWith("pci:", StringComparison.Ordinal) ? [tag[4..tag.LastIndexOf(':')], tag[(tag.LastIndexOf(':') + 1)..]] : [];
                if (parts.Length == 2 && parts[0].Length == 12)
                {
                    TakePci(Function(parts[0]), parts[1], text);
                }

                break;
        }
    }

    private void TakeSection(string section, string line)
    {
        if (section.StartsWith("pci ", StringComparison.Ordinal) && section.Length == 16)
        {
            TakePci(Function(section[4..]), "config", line);
        }
        else if (section.StartsWith("/sys/bus/pci/devices/", StringComparison.Ordinal) && section.EndsWith("/resource", StringComparison.Ordinal))
        {
            TakePci(Function(section.Split('/')[5]), "resource", line);
        }
        else
        {
            Take(section.StartsWith("/proc/", StringComparison.Ordinal) ? section[6..] : section == "uname" ? "version" : section, line);
            IsAlpha |= section == "uname" && line.EndsWith("alpha", StringComparison.Ordinal);
        }
    }

    private PciFact Function(string address)
    {
        if (!_functions.TryGetValue(address, out PciFact? function))
        {
            _functions[address] = function = new PciFact(address);
        }

        return function;
    }

    private static void TakePci(PciFact function, string kind, string text)
    {
        if (kind == "config")
        {
            // "010: 08 00 00 fd ..."
            int colon = text.IndexOf(':', StringComparison.Ordinal);
            if (colon > 0 && TryHex(text[..colon], out ulong offset))
            {
                foreach (string pair in text[(colon + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries))
                {
                    if (offset < 256 && TryHex(pair, out ulong value) && value < 256)
                    {
                        function.Configuration[offset++] = (byte)value;
                    }
                }
            }
        }
        else if (kind == "resource" && text.Split(' ', StringSplitOptions.RemoveEmptyEntries) is [{ } start, { } last, { } flags]
            && TryHex(start, out ulong s) && TryHex(last, out ulong l) && TryHex(flags, out ulong f))
        {
            function.Resources.Add((s, l, f));
        }
    }

    /// <summary>"reg00: base=0x080000000 ( 2048MB), size= 2048MB, count=1: uncachable"</summary>
    private void TakeMtrr(string text)
    {
        int at = text.IndexOf("base=", StringComparison.Ordinal), size = text.IndexOf("size=", StringComparison.Ordinal);
        if (at < 0 || size < 0)
        {
            return;
        }

        string start = new([.. text[(at + 5)..].TakeWhile(c => char.IsAsciiHexDigit(c) || c == 'x')]);
        string length = new([.. text[(size + 5)..].TrimStart().TakeWhile(char.IsAsciiDigit)]);
        ulong unit = text[(size + 5)..].TrimStart()[length.Length..].StartsWith("KB", StringComparison.Ordinal) ? 1UL << 10 : 1UL << 20;
        if (TryHex(start, out ulong first) && ulong.TryParse(length, NumberStyles.None, CultureInfo.InvariantCulture, out ulong count) && count is > 0 and < 1UL << 40)
        {
            MemoryTypes.Add((first, first + (count * unit) - 1, text[(text.LastIndexOf(':') + 1)..].Trim()));
        }
    }
}
