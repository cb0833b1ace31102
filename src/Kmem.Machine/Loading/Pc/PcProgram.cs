using Kmem.Ir;

namespace Kmem.Machine.Loading.Pc;

/// <summary>What a PC begins with when no firmware chooses: a program of one of the boot protocols, its file system and its command line.</summary>
/// <param name="path">The file, for messages.</param>
/// <param name="image">Its bytes.</param>
/// <param name="initrd">Initial file system or module; empty for none.</param>
/// <param name="commandLine">Command line; empty for none.</param>
public abstract class PcProgram(string path, ReadOnlyMemory<byte> image, ReadOnlyMemory<byte> initrd, string commandLine)
{
    /// <summary>The file, for messages.</summary>
    protected string Path { get; } = path;

    /// <summary>Its bytes.</summary>
    protected ReadOnlyMemory<byte> Image { get; } = image;

    /// <summary>Initial file system or module; empty for none.</summary>
    protected ReadOnlyMemory<byte> Initrd { get; } = initrd;

    /// <summary>Command line; empty for none.</summary>
    protected string CommandLine { get; } = commandLine;

    /// <summary>Reads a program: a Linux bzImage, a multiboot image, an ELF file with a PVH entry, or a boot sector.</summary>
    /// <param name="path">The file, plain or gzip.</param>
    /// <param name="initrd">File of the initial file system or module; null for none.</param>
    /// <param name="commandLine">Command line; empty for none.</param>
    /// <exception cref="ImageException">A file can't be read, or it is none of these.</exception>
    public static PcProgram Load(string path, string? initrd, string commandLine)
    {
        byte[] file = ImageFile.Read(path, 1L << 31), more = initrd is null ? [] : ImageFile.ReadRaw(initrd, 1L << 31);
        if (BzImage.Recognises(file))
        {
            return new BzImage(path, file, more, commandLine);
        }

        if (MultibootImage.FindHeader(file) is { } header)
        {
            return new MultibootImage(path, file, more, commandLine, header);
        }

        if (PvhImage.Find(path, file) is { } elf)
        {
            return new PvhImage(elf, more, commandLine);
        }

        return BootSector.Recognises(file)
            ? new BootSector(path, file, more, commandLine)
            : throw ImageException.For(path, "is neither a Linux bzImage nor a multiboot image nor an ELF file with a PVH entry, and has no boot signature 55 AA at offset 510");
    }

    /// <summary>Puts the program into memory with all that its protocol wants.</summary>
    /// <param name="memory">The machine's memory.</param>
    /// <returns>The state in which the CPU is to begin.</returns>
    /// <exception cref="ImageException">It does not fit.</exception>
    public abstract StartState Place(PcMemory memory);

    /// <summary>Puts the segments of an ELF file at their physical addresses.</summary>
    /// <returns>The end of the highest one.</returns>
    private protected static ulong PlaceSegments(PcMemory memory, LoadedImage elf)
    {
        ulong end = 0;
        foreach (ImageSegment segment in elf.Segments)
        {
            memory.Write(segment.PhysicalAddress, segment.FileBytes.Span);
            memory.Write(segment.PhysicalAddress + (ulong)segment.FileBytes.Length, new byte[segment.MemorySize - (ulong)segment.FileBytes.Length]);
            end = Math.Max(end, segment.PhysicalAddress + segment.MemorySize);
        }

        return end;
    }
}
