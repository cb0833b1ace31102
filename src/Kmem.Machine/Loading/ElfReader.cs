using System.Buffers.Binary;
using System.Text;

namespace Kmem.Machine.Loading;

/// <summary>Reads little-endian ELF executables from memory; everything a file says is checked before it is used.</summary>
/// <remarks>Source: System V Application Binary Interface, gABI 4.1, chapters 4 "Object Files" and 5 "Program Loading"; processor supplements for machine numbers.</remarks>
internal sealed class ElfReader(string path, ReadOnlyMemory<byte> file, ImageOptions options)
{
    private const int ClassOffset = 4, DataOffset = 5, VersionOffset = 6;
    private const uint Load = 1, NoteSegment = 4, SymbolSection = 2;
    private const int Executable = 2;

    private readonly bool _wide = file.Length > ClassOffset && file.Span[ClassOffset] == 2;

    public static bool Recognises(ReadOnlySpan<byte> file) => file is [0x7F, (byte)'E', (byte)'L', (byte)'F', ..];

    public LoadedImage Read()
    {
        ReadOnlySpan<byte> bytes = file.Span;
        if (bytes.Length < 20)
        {
            throw Error($"is an ELF file that ends within its header, after {bytes.Length} bytes");
        }

        if (bytes[ClassOffset] is not (1 or 2))
        {
            throw Error($"is an ELF file of the unknown class {bytes[ClassOffset]}; 1 is 32-bit, 2 is 64-bit");
        }

        if (bytes[DataOffset] != 1)
        {
            throw Error(bytes[DataOffset] == 2 ? "is a big-endian ELF file; only little-endian machines are simulated" : $"is an ELF file of the unknown byte order {bytes[DataOffset]}");
        }

        if (bytes[VersionOffset] != 1)
        {
            throw Error($"is an ELF file of the unknown version {bytes[VersionOffset]}");
        }

        if (bytes.Length < (_wide ? 64 : 52))
        {
            throw Error($"is an ELF file that ends within its header, after {bytes.Length} bytes");
        }

        ImageMachine machine = CheckMachine(U16(18));
        CheckType(U16(16));
        ImageSegment[] segments = [.. Segments()];
        if (segments.Length == 0)
        {
            throw Error("has no segment that could be loaded");
        }

        CheckOverlap(segments, s => s.PhysicalAddress, "physical");
        CheckOverlap(segments, s => s.VirtualAddress, "virtual");
        ulong entry = Word(24, 24);

        // Kernels give a virtual entry or, where they begin without translation, a physical one.
        return segments.Any(s => entry - s.VirtualAddress < s.MemorySize || entry - s.PhysicalAddress < s.MemorySize)
            ? new LoadedImage(path, _wide ? ImageKind.Elf64 : ImageKind.Elf32, machine, entry, segments, Symbols()) { Notes = [.. Headers().Where(at => U32(at) == NoteSegment).SelectMany(Notes)] }
            : throw Error($"begins at 0x{entry:X}, which is in none of its segments");
    }

    private void CheckType(int type)
    {
        if (type != Executable)
        {
            string what = type switch
            {
                0 => "of no type",
                1 => "that is an object file, not yet linked",
                3 => "that is a shared library or a position-independent program",
                4 => "that is a core dump",
                _ => $"of the unknown type {type}",
            };
            throw Error($"is an ELF file {what}; an executable is needed");
        }
    }

    private ImageMachine CheckMachine(int number)
    {
        ImageMachine machine = number switch { 0x9026 => ImageMachine.Alpha, 62 => ImageMachine.X86_64, 3 => ImageMachine.I386, _ => ImageMachine.Unknown };
        if (machine == ImageMachine.Unknown || (options.Machine != ImageMachine.Unknown && machine != options.Machine))
        {
            string meant = options.Machine == ImageMachine.Unknown ? "Alpha, x86-64 or i386" : NameOf(options.Machine);
            throw Error($"is for {NameOf(number)}, but {meant} is needed");
        }

        bool mustBeWide = machine != ImageMachine.I386;
        return _wide == mustBeWide ? machine : throw Error($"is a {(_wide ? 64 : 32)}-bit ELF file for {NameOf(machine)}, which has {(mustBeWide ? 64 : 32)}-bit ones");
    }

    private List<ImageSegment> Segments()
    {
        var segments = new List<ImageSegment>();
        int number = 0;
        foreach (int at in Headers())
        {
            if (U32(at) == Load && Segment(number, at) is { } segment)
            {
                segments.Add(segment);
            }

            number++;
        }

        return segments;
    }

    /// <summary>Offsets of the program headers.</summary>
    private IEnumerable<int> Headers()
    {
        ulong table = Word(32, 28);
        int size = U16(_wide ? 54 : 42), count = U16(_wide ? 56 : 44), least = _wide ? 56 : 32;
        if (count == 0)
        {
            return [];
        }

        if (size != least)
        {
            throw Error($"has program headers of {size} bytes; they must be {least}");
        }

        return count != 0xFFFF && Holds(table, (ulong)count * (ulong)size)
            ? Enumerable.Range(0, count).Select(i => (int)table + (i * size))
            : throw Error($"is cut off or damaged: its {count} program headers at offset 0x{table:X} lie outside of the file, which has {file.Length} bytes");
    }

    /// <summary>The notes of a segment; one that is damaged ends them, since nobody needs them for loading.</summary>
    private IEnumerable<ImageNote> Notes(int header)
    {
        const int Fields = 12;
        ulong first = Word(header + 8, header + 4), length = Word(header + 32, header + 16);
        if (!Holds(first, length))
        {
            yield break;
        }

        for (ulong at = first, end = first + length; at + Fields <= end;)
        {
            ulong owner = U32((int)at), description = U32((int)at + 4), text = at + Fields, content = text + Aligned(owner);
            if (content + description > end)
            {
                yield break;
            }

            yield return new ImageNote(Encoding.ASCII.GetString(file.Span.Slice((int)text, (int)owner)).TrimEnd('\0'), U32((int)at + 8), file.Slice((int)content, (int)description));
            at = content + Aligned(description);
        }

        static ulong Aligned(ulong bytes) => (bytes + 3) & ~3UL;
    }

    private ImageSegment? Segment(int number, int at)
    {
        ulong offset = Word(at + 8, at + 4), virtualAddress = Word(at + 16, at + 8), physicalAddress = Word(at + 24, at + 12);
        ulong fileSize = Word(at + 32, at + 16), memorySize = Word(at + 40, at + 20);
        if (fileSize > memorySize)
        {
            throw Error($"is damaged: segment {number} has {fileSize} bytes in the file and only {memorySize} in memory");
        }

        if (memorySize == 0)
        {
            return null;
        }

        if (!Holds(offset, fileSize))
        {
            throw Error($"is cut off or damaged: segment {number} needs {fileSize} bytes at offset 0x{offset:X}, the file has {file.Length}");
        }

        ulong top = _wide ? ulong.MaxValue : uint.MaxValue;
        return memorySize - 1 <= top - virtualAddress && memorySize - 1 <= top - physicalAddress
            ? new ImageSegment(virtualAddress, physicalAddress, file.Slice((int)offset, (int)fileSize), memorySize)
            : throw Error($"is damaged: segment {number} with {memorySize} bytes at 0x{virtualAddress:X} reaches past the end of memory");
    }

    private void CheckOverlap(ImageSegment[] segments, Func<ImageSegment, ulong> address, string kind)
    {
        ImageSegment[] sorted = [.. segments.OrderBy(address)];
        for (int i = 1; i < sorted.Length; i++)
        {
            if (address(sorted[i]) - address(sorted[i - 1]) < sorted[i - 1].MemorySize)
            {
                throw Error($"has two segments that overlap at the {kind} address 0x{address(sorted[i]):X}");
            }
        }
    }

    private SymbolTable Symbols()
    {
        ulong table = Word(40, 32);
        int size = U16(_wide ? 58 : 46), count = U16(_wide ? 60 : 48);
        if (table == 0 || count == 0)
        {
            return SymbolTable.Empty;
        }

        if (size != (_wide ? 64 : 40) || !Holds(table, (ulong)count * (ulong)size))
        {
            throw Error($"is cut off or damaged: its {count} section headers at offset 0x{table:X} lie outside of the file, which has {file.Length} bytes");
        }

        for (int i = 0; i < count; i++)
        {
            if (U32((int)table + (i * size) + 4) == SymbolSection)
            {
                return Symbols((int)table, size, count, i);
            }
        }

        return SymbolTable.Empty;
    }

    private SymbolTable Symbols(int table, int size, int count, int index)
    {
        (ReadOnlyMemory<byte> symbols, uint link) = Section(table + (index * size));
        if (link >= count)
        {
            throw Error($"is damaged: its symbols name the string table {link} of {count} sections");
        }

        ReadOnlyMemory<byte> strings = Section(table + ((int)link * size)).Bytes;
        int entry = _wide ? 24 : 16, most = Math.Min(symbols.Length / entry, options.MaxSymbols);
        bool wide = _wide;
        return new SymbolTable(Named(symbols, strings, entry, most, wide).OrderBy(s => s.IsLocal).Select(s => s.Symbol));
    }

    private (ReadOnlyMemory<byte> Bytes, uint Link) Section(int header)
    {
        ulong offset = Word(header + 24, header + 16), length = Word(header + 32, header + 20);
        return Holds(offset, length)
            ? (file.Slice((int)offset, (int)length), U32(header + (_wide ? 40 : 24)))
            : throw Error($"is cut off or damaged: its symbols lie outside of the file, which has {file.Length} bytes");
    }

    /// <summary>The symbols that stand for an address: no files, no sections, nothing undefined.</summary>
    private static IEnumerable<(ImageSymbol Symbol, bool IsLocal)> Named(ReadOnlyMemory<byte> symbols, ReadOnlyMemory<byte> strings, int entry, int count, bool wide)
    {
        for (int i = 0; i < count; i++)
        {
            ReadOnlySpan<byte> symbol = symbols.Span.Slice(i * entry, entry);
            uint name = BinaryPrimitives.ReadUInt32LittleEndian(symbol);
            byte info = symbol[wide ? 4 : 12];
            ushort section = BinaryPrimitives.ReadUInt16LittleEndian(symbol[(wide ? 6 : 14)..]);
            ulong value = wide ? BinaryPrimitives.ReadUInt64LittleEndian(symbol[8..]) : BinaryPrimitives.ReadUInt32LittleEndian(symbol[4..]);
            if (section == 0 || (info & 0xF) > 2 || name == 0 || name >= strings.Length)
            {
                continue;
            }

            ReadOnlySpan<byte> text = strings.Span[(int)name..];
            int end = text[..Math.Min(text.Length, 1024)].IndexOf((byte)0);
            if (end > 0)
            {
                yield return (new ImageSymbol(Encoding.UTF8.GetString(text[..end]), value), info >> 4 == 0);
            }
        }
    }

    private static string NameOf(ImageMachine machine) => machine switch
    {
        ImageMachine.Alpha => "Alpha",
        ImageMachine.X86_64 => "x86-64",
        ImageMachine.I386 => "i386",
        _ => "any machine",
    };

    private static string NameOf(int number) => number switch
    {
        3 => "i386",
        8 => "MIPS",
        20 => "PowerPC",
        21 => "64-bit PowerPC",
        22 => "S/390",
        40 => "ARM",
        41 or 0x9026 => "Alpha",
        43 => "SPARC V9",
        50 => "Itanium",
        62 => "x86-64",
        183 => "AArch64",
        243 => "RISC-V",
        258 => "LoongArch",
        _ => $"the machine number {number}",
    };

    private bool Holds(ulong offset, ulong length) => offset <= (ulong)file.Length && length <= (ulong)file.Length - offset;

    private int U16(int at) => BinaryPrimitives.ReadUInt16LittleEndian(file.Span[at..]);

    private uint U32(int at) => BinaryPrimitives.ReadUInt32LittleEndian(file.Span[at..]);

    /// <summary>An address or offset: 64 bits at one place of a 64-bit file, 32 bits at another of a 32-bit one.</summary>
    private ulong Word(int wide, int narrow) => _wide ? BinaryPrimitives.ReadUInt64LittleEndian(file.Span[wide..]) : U32(narrow);

    private ImageException Error(string reason) => ImageException.For(path, reason);
}
