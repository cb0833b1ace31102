namespace Kmem.Machine.Loading;

/// <summary>Reads kernels and other images from files: ELF executables or flat bytes, plain or compressed with gzip.</summary>
public static class ImageLoader
{
    /// <summary>Reads a file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="options">Limits and expectations; null for the defaults.</param>
    /// <exception cref="ImageException">The file can't be read, or it is no image that is wanted here.</exception>
    public static LoadedImage Load(string path, ImageOptions? options = null)
    {
        options ??= new ImageOptions();
        return Parse(path, ImageFile.Read(path, options.MaxBytes), options);
    }

    /// <summary>Reads an image that lies in memory, not compressed.</summary>
    /// <param name="path">A name for messages.</param>
    /// <param name="bytes">The image; segments refer to it.</param>
    /// <param name="options">Limits and expectations; null for the defaults.</param>
    /// <exception cref="ImageException">It is no image that is wanted here.</exception>
    public static LoadedImage Parse(string path, ReadOnlyMemory<byte> bytes, ImageOptions? options = null)
    {
        options ??= new ImageOptions();
        if (ElfReader.Recognises(bytes.Span))
        {
            return new ElfReader(path, bytes, options).Read();
        }

        if (bytes.IsEmpty)
        {
            throw ImageException.For(path, "is empty");
        }

        if (!options.AllowFlat)
        {
            throw ImageException.For(path, bytes.Span is [0x1F, 0x8B, ..] ? "is compressed twice" : "is no ELF file");
        }

        return (ulong)bytes.Length - 1 <= ulong.MaxValue - options.FlatAddress
            ? new LoadedImage(path, ImageKind.Flat, ImageMachine.Unknown, 0, [new ImageSegment(options.FlatAddress, options.FlatAddress, bytes, (ulong)bytes.Length)], SymbolTable.Empty)
            : throw ImageException.For(path, $"with {bytes.Length} bytes at 0x{options.FlatAddress:X} reaches past the end of memory");
    }
}
