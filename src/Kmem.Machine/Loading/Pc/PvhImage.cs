using System.Buffers.Binary;
using System.Text;
using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Machine.Loading.Pc;

/// <summary>A program of the PVH protocol: an ELF file, mostly a Linux vmlinux, whose note names a 32-bit entry.</summary>
/// <remarks>Source: Xen, "x86/HVM direct boot ABI" and public/arch-x86/hvm/start_info.h; public/elfnote.h for the note's number.</remarks>
internal sealed class PvhImage(LoadedImage elf, ReadOnlyMemory<byte> initrd, string commandLine) : PcProgram(elf.Path, ReadOnlyMemory<byte>.Empty, initrd, commandLine)
{
    private const uint EntryNote = 18, StartMagic = 0x336E_C578;
    private const int StartLength = 56, RangeLength = 24;
    private const ulong Descriptors = 0x8000, Information = 0x9000, Module = 0x9080, Map = 0x9100, MapEnd = 0xA000, Line = 0xA000, LineEnd = 0xF000, MostInitrdEnd = 0x3800_0000;

    /// <summary>Reads a file if it is an ELF file with that note.</summary>
    /// <exception cref="ImageException">It is an ELF file that can't be loaded.</exception>
    public static LoadedImage? Find(string path, ReadOnlyMemory<byte> file) =>
        ElfReader.Recognises(file.Span) && ImageLoader.Parse(path, file, new ImageOptions { AllowFlat = false }) is var elf && EntryOf(elf) is not null ? elf : null;

    /// <inheritdoc/>
    public override StartState Place(PcMemory memory)
    {
        ulong end = PlaceSegments(memory, elf);
        ulong entry = EntryOf(elf)!.Value;
        if (entry >= end)
        {
            throw ImageException.For(Path, $"has a PVH entry 0x{entry:x} outside of its segments");
        }

        WriteInformation(memory, end);
        Dictionary<string, ulong> registers = memory.WriteDescriptors(Descriptors, isLong: false);
        memory.AddMemoryTypes(registers);
        (registers["rbx"], registers["tr_base"], registers["tr_limit"]) = (Information, 0, 0x67);
        return new StartState(StartMode.Protected, 0x10, 0x18, entry, registers);
    }

    /// <summary>The physical address that the note names; null without one.</summary>
    private static ulong? EntryOf(LoadedImage elf)
    {
        ReadOnlyMemory<byte>? note = elf.Notes.FirstOrDefault(n => n.Owner == "Xen" && n.Type == EntryNote && n.Description.Length is 4 or 8)?.Description;
        return note is { } bytes ? bytes.Length == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(bytes.Span) : BinaryPrimitives.ReadUInt64LittleEndian(bytes.Span) : null;
    }

    private void WriteInformation(PcMemory memory, ulong end)
    {
        byte[] line = [.. Encoding.UTF8.GetBytes(CommandLine), 0], map = [.. memory.Map.SelectMany(Range)];
        if ((ulong)line.Length > LineEnd - Line)
        {
            throw ImageException.For(Path, $"takes a command line of {LineEnd - Line - 1} bytes, not of {line.Length - 1}");
        }

        if ((ulong)map.Length > MapEnd - Map)
        {
            throw ImageException.For(Path, $"takes a memory map of {(MapEnd - Map) / RangeLength} ranges, not of {map.Length / RangeLength}");
        }

        memory.Write(Line, line);
        memory.Write(Map, map);
        byte[] start = new byte[StartLength];
        BinaryPrimitives.WriteUInt32LittleEndian(start, StartMagic);
        BinaryPrimitives.WriteUInt32LittleEndian(start.AsSpan(4), 1);
        BinaryPrimitives.WriteUInt32LittleEndian(start.AsSpan(12), Initrd.IsEmpty ? 0u : 1);
        BinaryPrimitives.WriteUInt64LittleEndian(start.AsSpan(16), Initrd.IsEmpty ? 0 : Module);
        BinaryPrimitives.WriteUInt64LittleEndian(start.AsSpan(24), Line);
        BinaryPrimitives.WriteUInt64LittleEndian(start.AsSpan(32), memory.RootPointer);
        BinaryPrimitives.WriteUInt64LittleEndian(start.AsSpan(40), Map);
        BinaryPrimitives.WriteUInt32LittleEndian(start.AsSpan(48), (uint)(map.Length / RangeLength));
        memory.Write(Information, start);
        if (!Initrd.IsEmpty)
        {
            ulong last = Math.Min(memory.ExtendedEnd, MostInitrdEnd);
            ulong at = last >= (ulong)Initrd.Length ? (last - (ulong)Initrd.Length) & ~0xFFFUL : 0;
            if (at < end)
            {
                throw ImageException.For(Path, $"and an initial file system of {Initrd.Length} bytes do not fit below 0x{last:x}");
            }

            byte[] module = new byte[32];
            BinaryPrimitives.WriteUInt64LittleEndian(module, at);
            BinaryPrimitives.WriteUInt64LittleEndian(module.AsSpan(8), (ulong)Initrd.Length);
            memory.Write(at, Initrd.Span);
            memory.Write(Module, module);
        }
    }

    private static byte[] Range(MemoryMapEntry range)
    {
        byte[] entry = new byte[RangeLength];
        BinaryPrimitives.WriteUInt64LittleEndian(entry, range.Start);
        BinaryPrimitives.WriteUInt64LittleEndian(entry.AsSpan(8), range.Length);
        BinaryPrimitives.WriteUInt32LittleEndian(entry.AsSpan(16), (uint)range.Kind);
        return entry;
    }
}
