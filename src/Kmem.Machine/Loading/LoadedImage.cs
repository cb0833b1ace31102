namespace Kmem.Machine.Loading;

/// <summary>How an image file is laid out.</summary>
public enum ImageKind
{
    /// <summary>Bytes without a header; the caller says where they belong.</summary>
    Flat,

    /// <summary>An ELF file with 32-bit fields.</summary>
    Elf32,

    /// <summary>An ELF file with 64-bit fields.</summary>
    Elf64,
}

/// <summary>The processor that an image is for.</summary>
public enum ImageMachine
{
    /// <summary>The file does not say.</summary>
    Unknown,

    /// <summary>DEC Alpha.</summary>
    Alpha,

    /// <summary>Intel 80386 and later, 32 bits.</summary>
    I386,

    /// <summary>x86-64.</summary>
    X86_64,
}

/// <summary>A part of memory that an image fills.</summary>
/// <param name="VirtualAddress">Where the program expects it, in virtual memory.</param>
/// <param name="PhysicalAddress">Where a loader puts it; Alpha kernels give their KSEG address here too.</param>
/// <param name="FileBytes">The bytes that stand in the file.</param>
/// <param name="MemorySize">Bytes in memory, not less than those of the file; the rest is zero.</param>
public sealed record ImageSegment(ulong VirtualAddress, ulong PhysicalAddress, ReadOnlyMemory<byte> FileBytes, ulong MemorySize);

/// <summary>An image as it goes into memory.</summary>
/// <param name="Path">The file, for messages.</param>
/// <param name="Kind">How the file is laid out.</param>
/// <param name="Machine">The processor that it is for.</param>
/// <param name="Entry">Virtual address of the first instruction; 0 for flat images.</param>
/// <param name="Segments">What goes into memory, in the order of the file.</param>
/// <param name="Symbols">Its symbols; empty for flat and stripped images.</param>
public sealed record LoadedImage(
    string Path, ImageKind Kind, ImageMachine Machine, ulong Entry, IReadOnlyList<ImageSegment> Segments, SymbolTable Symbols)
{
    /// <summary>What the file tells those who load it, in the order of the file; empty for flat images.</summary>
    public IReadOnlyList<ImageNote> Notes { get; init; } = [];
}

/// <summary>A note of an ELF file.</summary>
/// <param name="Owner">Who gives the type its meaning.</param>
/// <param name="Type">What the note is, in the owner's numbers.</param>
/// <param name="Description">Its content.</param>
public sealed record ImageNote(string Owner, uint Type, ReadOnlyMemory<byte> Description);

/// <summary>What a caller decides about loading an image.</summary>
public sealed record ImageOptions
{
    /// <summary>Most bytes that the file may have after decompression.</summary>
    public long MaxBytes { get; init; } = 1L << 29;

    /// <summary>Most symbols that are read.</summary>
    public int MaxSymbols { get; init; } = 4_000_000;

    /// <summary>The processor that the image must be for; <see cref="ImageMachine.Unknown"/> takes any.</summary>
    public ImageMachine Machine { get; init; }

    /// <summary>False when a file without a header is an error.</summary>
    public bool AllowFlat { get; init; } = true;

    /// <summary>Virtual and physical address of a flat image.</summary>
    public ulong FlatAddress { get; init; }
}
