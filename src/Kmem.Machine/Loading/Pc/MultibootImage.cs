using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Machine.Loading.Pc;

/// <summary>A program of the Multiboot protocol, version 1: a 32-bit ELF file, or one whose header says where it belongs.</summary>
/// <remarks>Source: Multiboot Specification version 0.6.96, sections 3.1 to 3.3.</remarks>
internal sealed class MultibootImage(string path, ReadOnlyMemory<byte> image, ReadOnlyMemory<byte> initrd, string commandLine, int header) : PcProgram(path, image, initrd, commandLine)
{
    private const uint HeaderMagic = 0x1BAD_B002, BootMagic = 0x2BAD_B002, HasAddresses = 1 << 16, PageAligned = 1, Understood = 0x1_0007;
    private const int Search = 8192;
    private const ulong UsualBase = 0x8000, Room = 0x7000, StackRoom = 0x1000, LowEnd = 0x9_F000;
    private const uint Flags = 0x0000_024D;   // memory sizes, command line, modules, memory map, loader's name

    private readonly List<(ulong Start, ulong End)> _placed = [];

    // What the loader leaves for the program: descriptors, and below them a stack; then the information and what it points to.
    private ulong _base = UsualBase;

    private ulong Information => _base + 0x1000;

    private ulong Map => _base + 0x1100;

    private ulong Modules => _base + 0x1800;

    private ulong Texts => _base + 0x2000;

    private ulong TextsEnd => _base + Room;

    /// <summary>Finds the header in the first 8 KiB; null when there is none.</summary>
    public static int? FindHeader(ReadOnlySpan<byte> file)
    {
        for (int at = 0; at + 12 <= Math.Min(file.Length, Search); at += 4)
        {
            if (Dword(file, at) == HeaderMagic && Dword(file, at) + Dword(file, at + 4) + Dword(file, at + 8) == 0)
            {
                return at;
            }
        }

        return null;
    }

    /// <inheritdoc/>
    public override StartState Place(PcMemory memory)
    {
        ReadOnlySpan<byte> file = Image.Span;
        uint flags = Dword(file, header + 4);
        if ((flags & 0xFFFF & ~Understood) != 0)
        {
            throw ImageException.For(Path, $"asks for multiboot features 0x{flags & 0xFFFF & ~Understood:x}, which are unknown");
        }

        (uint entry, ulong end) = (flags & HasAddresses) != 0 ? PlaceByHeader(memory) : PlaceElf(memory);
        _base = FindRoom();
        WriteInformation(memory, (flags & PageAligned) != 0 || !Initrd.IsEmpty ? (end + 0xFFF) & ~0xFFFUL : end);
        Dictionary<string, ulong> registers = memory.WriteDescriptors(_base, isLong: false);
        memory.AddMemoryTypes(registers);
        (registers["rax"], registers["rbx"], registers["rsp"]) = (BootMagic, Information, _base);
        return new StartState(StartMode.Protected, 0x10, 0x18, entry, registers);
    }

    private static uint Dword(ReadOnlySpan<byte> bytes, int offset) => BinaryPrimitives.ReadUInt32LittleEndian(bytes[offset..]);

    /// <summary>Where the program leaves room for the loader's data; the usual place if it can be.</summary>
    private ulong FindRoom()
    {
        for (ulong at = UsualBase; at + Room <= LowEnd; at += StackRoom)
        {
            if (!_placed.Any(range => range.Start < at + Room && range.End > at - StackRoom))
            {
                return at;
            }
        }

        throw ImageException.For(Path, $"leaves no 0x{Room + StackRoom:x} bytes below 0x{LowEnd:x} for the loader's information");
    }

    private (uint Entry, ulong End) PlaceByHeader(PcMemory memory)
    {
        ReadOnlySpan<byte> file = Image.Span;
        if (header + 32 > file.Length)
        {
            throw ImageException.For(Path, "ends within its multiboot header");
        }

        uint at = Dword(file, header + 12), load = Dword(file, header + 16), loadEnd = Dword(file, header + 20), bssEnd = Dword(file, header + 24);
        long first = header - ((long)at - load);
        long length = loadEnd == 0 ? file.Length - first : (long)loadEnd - load;
        if (first < 0 || length < 0 || first + length > file.Length)
        {
            throw ImageException.For(Path, "has a multiboot header whose addresses lie outside of the file");
        }

        memory.Write(load, file.Slice((int)first, (int)length));
        ulong end = load + (ulong)length;
        if (bssEnd > end)
        {
            memory.Write(end, new byte[bssEnd - end]);
            end = bssEnd;
        }

        _placed.Add((load, end));
        return (Dword(file, header + 28), end);
    }

    private (uint Entry, ulong End) PlaceElf(PcMemory memory)
    {
        LoadedImage elf = ImageLoader.Parse(Path, Image, new ImageOptions { AllowFlat = false });
        ulong end = PlaceSegments(memory, elf);
        _placed.AddRange(elf.Segments.Select(s => (s.PhysicalAddress, s.PhysicalAddress + s.MemorySize)));
        return elf.Entry <= uint.MaxValue ? ((uint)elf.Entry, end) : throw ImageException.For(Path, "has no entry below 4 GiB");
    }

    private void WriteInformation(PcMemory memory, ulong end)
    {
        byte[] line = Encoding.UTF8.GetBytes(CommandLine.Length == 0 ? Path : $"{Path} {CommandLine}");
        byte[] texts = [.. line, 0, .. "Kmem\0"u8];
        if ((ulong)texts.Length > TextsEnd - Texts)
        {
            throw ImageException.For(Path, $"takes a command line of {TextsEnd - Texts - 6} bytes, not of {line.Length}");
        }

        memory.Write(Texts, texts);
        byte[] map = [.. memory.Map.SelectMany(Entry)];
        byte[] information = new byte[116];
        void Put(int offset, ulong value) => BinaryPrimitives.WriteUInt32LittleEndian(information.AsSpan(offset), (uint)value);
        Put(0, Flags);
        Put(4, 639);
        Put(8, (memory.ExtendedEnd - 0x10_0000) / 1024);
        Put(16, Texts);
        Put(20, Initrd.IsEmpty ? 0u : 1);
        Put(24, Modules);
        Put(44, (ulong)map.Length);
        Put(48, Map);
        Put(64, Texts + (ulong)line.Length + 1);
        if (!Initrd.IsEmpty)
        {
            if (end + (ulong)Initrd.Length > memory.ExtendedEnd)
            {
                throw ImageException.For(Path, $"and a module of {Initrd.Length} bytes do not fit into memory, which ends at 0x{memory.ExtendedEnd:x}");
            }

            byte[] module = new byte[16];
            BinaryPrimitives.WriteUInt32LittleEndian(module, (uint)end);
            BinaryPrimitives.WriteUInt32LittleEndian(module.AsSpan(4), (uint)end + (uint)Initrd.Length);
            memory.Write(end, Initrd.Span);
            memory.Write(Modules, module);
        }

        memory.Write(Map, map);
        memory.Write(Information, information);
    }

    private static byte[] Entry(MemoryMapEntry range)
    {
        byte[] entry = new byte[24];
        BinaryPrimitives.WriteUInt32LittleEndian(entry, 20);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(4), range.Start);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(12), range.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(20), (uint)range.Kind);
        return entry;
    }
}
