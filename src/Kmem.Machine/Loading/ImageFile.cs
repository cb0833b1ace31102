using System.Buffers.Binary;
using System.IO.Compression;

namespace Kmem.Machine.Loading;

/// <summary>Reads a file whole, plain or compressed with gzip, up to a limit.</summary>
/// <remarks>Source: RFC 1952, sections 2.2 and 2.3 (header and trailer of a gzip member).</remarks>
public static class ImageFile
{
    private const int HeaderLength = 10, TrailerLength = 8, MostCompression = 1032;

    /// <summary>Reads a file; a gzip file is decompressed.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Most bytes that come out.</param>
    /// <exception cref="ImageException">It can't be read, is damaged, or is too large.</exception>
    public static byte[] Read(string path, long most)
    {
        byte[] bytes = ReadRaw(path, most);
        return bytes is [0x1F, 0x8B, ..] ? Decompress(path, bytes, most) : bytes;
    }

    /// <summary>Reads a file as it is.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">Most bytes that it may have.</param>
    /// <exception cref="ImageException">It can't be read or is too large.</exception>
    public static byte[] ReadRaw(string path, long most)
    {
        if (Directory.Exists(path))
        {
            throw ImageException.For(path, "is a directory");
        }

        try
        {
            using FileStream file = File.OpenRead(path);
            return Drain(file, path, most, "is");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new ImageException($"there is no image '{path}'", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new ImageException($"the image '{path}' can't be read: {e.Message}", e);
        }
    }

    private static byte[] Decompress(string path, byte[] bytes, long most)
    {
        if (bytes.Length < HeaderLength + TrailerLength)
        {
            throw ImageException.For(path, "is a gzip file that ends within its header");
        }

        // A bomb that tells how large it is need not be unpacked at all; a length that deflate can't reach is no trailer but the middle of a file cut off.
        uint told = BinaryPrimitives.ReadUInt32LittleEndian(bytes.AsSpan(^4..));
        if (told > most && told / MostCompression <= bytes.Length && !HasSeveralMembers(bytes))
        {
            throw ImageException.For(path, $"decompresses to {told} bytes, more than {most}");
        }

        try
        {
            using var gzip = new GZipStream(new MemoryStream(bytes, writable: false), CompressionMode.Decompress);
            byte[] plain = Drain(gzip, path, most, "decompresses to something");

            // A stream that is cut off between two blocks can look complete to a decompressor; the trailer says how long it was.
            return told != (uint)plain.Length && !HasSeveralMembers(bytes)
                ? throw ImageException.For(path, $"is a damaged gzip file: {plain.Length} bytes came out, its trailer says {told}")
                : plain;
        }
        catch (Exception e) when (e is InvalidDataException or IOException)
        {
            throw new ImageException($"the image '{path}' is a damaged gzip file: {e.Message}", e);
        }
    }

    /// <summary>A second member's trailer counts only its own bytes.</summary>
    private static bool HasSeveralMembers(byte[] bytes) => bytes.AsSpan(HeaderLength).IndexOf([(byte)0x1F, (byte)0x8B, (byte)0x08]) >= 0;

    private static byte[] Drain(Stream stream, string path, long most, string verb)
    {
        using var all = new MemoryStream();
        byte[] buffer = new byte[64 * 1024];
        for (int read = stream.Read(buffer); read > 0; read = stream.Read(buffer))
        {
            if (all.Length + read > Math.Min(most, Array.MaxLength))
            {
                throw ImageException.For(path, $"{verb} larger than {most} bytes");
            }

            all.Write(buffer, 0, read);
        }

        return all.ToArray();
    }
}
