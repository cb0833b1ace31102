using Kmem.Abstractions;

namespace Kmem.Host.Recordings;

/// <content>Mappings and what follows them.</content>
public sealed partial class X86Vocabulary
{
    private const ulong Bios = 0xF0000, Flash = 0xFFFF_0000, IoApic = 0xFEC0_0000, Unbacked = 0xFEF0_0000, FrameBuffer = 0xFD10_0000, Reserved = 0x602_0000;

    /// <summary>Bytes that the program reads from a mapping, where it is not 16.</summary>
    private static readonly Dictionary<string, int> Spans = new(StringComparer.Ordinal)
    {
        ["LAPIC version reg"] = 4,
        ["HPET id"] = 8,
        ["BIOS whole"] = 0x10000,
        ["flash top 64K whole"] = 0x10000,
        ["flash whole 256K"] = 0x40000,
        ["option ROM whole"] = 0x10000,
        ["text by bytes"] = 8,
        ["low RAM after pwrite"] = 8,
        ["low RAM inside 1M map"] = 8,
    };

    private readonly List<IMapping> _held = [];
    private IMapping? _later;

    private CallResult MapPage(string file, ulong offset, MapProtection protection, out IMapping? mapping, ulong length = 4096, MapFlags flags = MapFlags.Shared)
    {
        CallResult result = Kernel.Map(_session.File(file), new MapRequest(0, length, protection, flags, offset, (int)protection), out mapping);
        return result.IsError ? result : 0;
    }

    private void Map(OperationLine line)
    {
        if (line.Text("args") is { } words)
        {
            MapWithBadArguments(line, words);
            return;
        }

        if (line.Text("offset") == "userpage")
        {
            MapOwnPage(line);
            return;
        }

        string where = line.Text("where") ?? "", bits = line.Text("prot") ?? "r--";
        MapProtection protection = (bits[0] == 'r' ? MapProtection.Read : 0) | (bits[1] == 'w' ? MapProtection.Write : 0) | (bits[2] == 'x' ? MapProtection.Execute : 0);
        int raw = (int)protection | (where == "prot PROT_SEM bit" ? 8 : 0) | (where == "prot growsdown" ? 0x0100_0000 : 0);
        MapFlags flags = line.Text("flags") switch
        {
            "shared" => MapFlags.Shared,
            "private" => MapFlags.Private,
            "shared_validate" => MapFlags.SharedValidate,
            _ => (MapFlags)(int)(line.Number("flags") ?? 0),
        };
        ulong length = line.Number("length") ?? 0;
        CallResult result = Kernel.Map(Opened(line), new MapRequest(0, length, protection, flags, line.Number("offset") ?? 0, raw), out IMapping? mapping);
        X86Session.Result(line, result.IsError ? result : 0);
        if (mapping is not null && line.Number("width") is { } width)
        {
            ReadMapping(line, mapping, (int)width, line.Number("delta") ?? 0, Spans.GetValueOrDefault(where, 16));
        }

        mapping?.Dispose();
    }

    private IOpenFile? Opened(OperationLine line)
    {
        // "other" stands for descriptors that the program has no name for: those of port that only read or only write.
        string where = line.Text("where") ?? "";
        string suffix = line.Text("open") switch
        {
            "rdonly" => "ro",
            "wronly" => "wo",
            "rdwr|sync" => "sync",
            "other" => where.Contains("wronly", StringComparison.Ordinal) ? "wo" : "ro",
            _ => "",
        };
        return _session.File(line.Device + suffix);
    }

    private static void ReadMapping(OperationLine line, IMapping mapping, int width, ulong delta, int span)
    {
        byte[] bytes = new byte[span];
        int done = 0;
        MappingFault fault = MappingFault.None;
        for (; done + width <= span && fault == MappingFault.None; done += width)
        {
            fault = mapping.Load(delta + (ulong)done, width, out ulong value);
            for (int i = 0; i < width; i++)
            {
                bytes[done + i] = (byte)(value >> (8 * i));
            }
        }

        if (fault == MappingFault.None)
        {
            X86Session.Data(line, bytes.AsSpan(0, done));
        }
        else
        {
            line.Answer("signal", Signal(fault));
        }
    }

    /// <summary>Numbers of SIGBUS and SIGSEGV.</summary>
    private static int Signal(MappingFault fault) => fault == MappingFault.BusError ? 7 : 11;

    private void MapWithBadArguments(OperationLine line, string words)
    {
        ulong offset = words.EndsWith("unaligned offset", StringComparison.Ordinal) ? Bios + 1 : Bios;
        bool isFixed = words.StartsWith("MAP_FIXED", StringComparison.Ordinal);
        ulong length = words.EndsWith("length 0", StringComparison.Ordinal) ? 0UL : 4096;
        CallResult result = Kernel.Map(
            isFixed ? _session.File("mem") : null, new MapRequest(isFixed ? 0x1000_0001UL : 0, length, MapProtection.Read, isFixed ? MapFlags.Shared | MapFlags.Fixed : MapFlags.Shared, offset, 1), out IMapping? mapping);
        X86Session.Result(line, result.IsError ? result : 0);
        mapping?.Dispose();
    }

    private void MapOwnPage(OperationLine line)
    {
        CallResult result = MapPage("mem", _session.OwnPage, MapProtection.Read | MapProtection.Write, out IMapping? mapping);
        X86Session.Result(line, result);
        if (mapping is not null)
        {
            byte[] text = "MAPPED"u8.ToArray();
            for (int i = 0; i < text.Length; i++)
            {
                mapping.Store(8 + (ulong)i, 1, text[i]);
            }

            line.Answer("seen_through_va", SeenByProcess());
            mapping.Dispose();
        }
    }

    private static uint Load32(IMapping mapping, ulong offset) => mapping.Load(offset, 4, out ulong value) == MappingFault.None ? (uint)value : 0;

    private void MapAccess(OperationLine line)
    {
        string words = line.Text("args") ?? "";
        const MapProtection ReadWrite = MapProtection.Read | MapProtection.Write;
        (ulong at, MapProtection protection, MapFlags flags, ulong length) = words switch
        {
            _ when words.StartsWith("IOAPIC", StringComparison.Ordinal) => (IoApic, ReadWrite, MapFlags.Shared, 4096UL),
            _ when words.StartsWith("flash", StringComparison.Ordinal) => (Flash, ReadWrite, MapFlags.Shared, 4096UL),
            _ when words.StartsWith("BIOS", StringComparison.Ordinal) => (Bios, ReadWrite, MapFlags.Shared, 4096UL),
            _ when words.StartsWith("unbacked", StringComparison.Ordinal) => (Unbacked, ReadWrite, MapFlags.Shared, 4096UL),
            _ when words.StartsWith("VGA", StringComparison.Ordinal) => (FrameBuffer, ReadWrite, MapFlags.Shared, 4096UL),
            _ when words.StartsWith("private", StringComparison.Ordinal) => (FrameBuffer, ReadWrite, MapFlags.Private, 4096UL),
            _ when words.StartsWith("memmap", StringComparison.Ordinal) => (Reserved, ReadWrite, MapFlags.Shared, 8192UL),
            _ when words.StartsWith("write", StringComparison.Ordinal) => (Bios, MapProtection.Read, MapFlags.Shared, 4096UL),
            _ => (Bios, MapProtection.None, MapFlags.Shared, 4096UL),
        };
        CallResult result = MapPage("mem", at, protection, out IMapping? mapping, length, flags);
        X86Session.Result(line, result);
        if (mapping is null)
        {
            return;
        }

        switch (words[..Math.Min(5, words.Length)])
        {
            case "IOAPI":
                uint old = Load32(mapping, 0);
                mapping.Store(0, 4, 1);
                line.AnswerHex("value", Load32(mapping, 0x10));
                mapping.Store(0, 4, old);
                break;
            case "flash":
                BeforeAndAfter(line, mapping, 0xFF0);
                break;
            case "BIOS ":
                BeforeAndAfter(line, mapping, 0);
                break;
            case "unbac":
                mapping.Store(0, 4, 0x1234_5678);
                line.AnswerHex("after", Load32(mapping, 0));
                break;
            case "VGA B":
                mapping.Store(0, 4, 0x1234_5678);
                line.AnswerHex("after", Load32(mapping, 0));
                mapping.Load(1, 1, out ulong second);
                line.AnswerHex("byte1", second);
                break;
            case "priva":
                line.AnswerHex("before", Load32(mapping, 0));
                mapping.Store(0, 4, 0xDEAD_BEEF);
                line.AnswerHex("private_after", Load32(mapping, 0));
                MapPage("mem", FrameBuffer, MapProtection.Read, out IMapping? shared);
                line.AnswerHex("shared_after", shared is null ? 0 : Load32(shared, 0));
                shared?.Dispose();
                break;
            case "memma":
                ThroughReservedMemory(line, mapping);
                break;
            default:
                MappingFault fault = words.StartsWith("write", StringComparison.Ordinal) ? mapping.Store(0, 1, 1) : mapping.Load(0, 1, out _);
                if (fault != MappingFault.None)
                {
                    line.Answer("signal", Signal(fault));
                }

                break;
        }

        mapping.Dispose();
    }

    private static void BeforeAndAfter(OperationLine line, IMapping mapping, ulong offset)
    {
        line.AnswerHex("before", Load32(mapping, offset));
        mapping.Store(offset, 4, 0x1234_5678);
        line.AnswerHex("after", Load32(mapping, offset));
    }

    private void ThroughReservedMemory(OperationLine line, IMapping mapping)
    {
        byte[] text = "via-mmap"u8.ToArray();
        for (int i = 0; i < text.Length; i++)
        {
            mapping.Store((ulong)i, 1, text[i]);
        }

        Kernel.ReadAt(_session.File("mem"), _session.Memory, _session.Scratch, 8, (long)Reserved);
        line.Answer("pread", System.Text.Encoding.Latin1.GetString(_session.ScratchContent, 0, 8));
        "via-pwr!"u8.CopyTo(_session.ScratchContent);
        Kernel.WriteAt(_session.File("mem"), _session.Memory, _session.Scratch, 8, (long)Reserved + 0x1000);
        for (int i = 0; i < 8; i++)
        {
            mapping.Load(4096 + (ulong)i, 1, out ulong value);
            text[i] = (byte)value;
        }

        line.Answer("map", System.Text.Encoding.Latin1.GetString(text));
    }

    /// <summary>Pairs of mappings of one page with different caching, both held until the pair is done.</summary>
    private void MapConflict(OperationLine line)
    {
        string words = line.Text("args") ?? "";
        ulong end = _session.RamEnd;
        (ulong at, string file, bool isLast) = words switch
        {
            "BAR: O_SYNC first" => (0xFD20_0000, "memsync", false),
            "BAR: then without O_SYNC while first mapped" => (0xFD20_0000, "mem", true),
            "reserved RAM after end: without O_SYNC first" => (end, "mem", false),
            "reserved RAM after end: then O_SYNC while first mapped" => (end, "memsync", true),
            "reserved RAM+0x4000: O_SYNC first" => (end + 0x4000, "memsync", false),
            "reserved RAM+0x4000: then without O_SYNC" => (end + 0x4000, "mem", true),
            "BIOS: O_SYNC first" => (Bios, "memsync", false),
            "BIOS: then without O_SYNC" => (Bios, "mem", true),
            _ => (0x1000UL, "memsync", true),
        };
        MapProtection protection = at == 0x1000 ? MapProtection.Read : MapProtection.Read | MapProtection.Write;
        X86Session.Result(line, MapPage(file, at, protection, out IMapping? mapping));
        if (mapping is not null)
        {
            _held.Add(mapping);
        }

        if (isLast)
        {
            _held.ForEach(m => m.Dispose());
            _held.Clear();
        }
    }

    /// <summary>The mapping of two read-only pages of the BIOS on which the program tries what may follow.</summary>
    private IMapping? Later()
    {
        if (_later is null)
        {
            MapPage("memro", Bios, MapProtection.Read, out _later, 8192);
        }

        return _later;
    }

    private void OnMapping(OperationLine line, Func<IMapping, Errno> call) => X86Session.Result(line, Later() is { } mapping ? call(mapping) : Errno.EINVAL);

    private void Resident(OperationLine line)
    {
        byte[] pages = [9, 9];
        OnMapping(line, m => m.Resident(pages));
        line.Answer("v0", pages[0]);
        line.Answer("v1", pages[1]);
    }

    /// <summary>write(pipe, mapping): the kernel reads the mapping as any other memory of the process.</summary>
    private void WriteFromMapping(OperationLine line)
    {
        CallResult result = MapPage("mem", Bios, MapProtection.Read, out IMapping? mapping);
        long done = 0;
        while (mapping is not null && done < 16 && mapping.Load((ulong)done, 1, out _) == MappingFault.None)
        {
            done++;
        }

        X86Session.Result(line, mapping is null ? result : done > 0 ? done : Errno.EFAULT);
        mapping?.Dispose();
    }

    /// <summary>pread of /proc/self/mem over a mapping: the same bytes as through the mapping itself.</summary>
    private void ReadThroughSelf(OperationLine line)
    {
        CallResult result = MapPage("mem", Bios, MapProtection.Read | MapProtection.Write, out IMapping? mapping);
        byte[] bytes = new byte[16];
        int done = 0;
        while (mapping is not null && done < bytes.Length && mapping.Load((ulong)done, 1, out ulong value) == MappingFault.None)
        {
            bytes[done++] = (byte)value;
        }

        X86Session.Result(line, mapping is null ? result : done);
        X86Session.Data(line, bytes.AsSpan(0, done));
        mapping?.Dispose();
    }
}
