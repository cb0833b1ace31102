using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Kmem.Boot.Tests;

/// <summary>Adds files to an initial file system: Linux takes archives one after another.</summary>
/// <remarks>Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst ("newc").</remarks>
internal static class InitialFiles
{
    private const int Alignment = 4, Executable = 0x81ED;

    /// <summary>Writes a file system that has the files of another one, and more.</summary>
    /// <param name="path">Where to write it.</param>
    /// <param name="first">The other one, compressed by gzip.</param>
    /// <param name="files">Names and contents.</param>
    public static void Write(string path, string first, params (string Name, byte[] Content)[] files)
    {
        using FileStream stream = File.Create(path);
        using (FileStream other = File.OpenRead(first))
        {
            other.CopyTo(stream);
        }

        // Archives begin at a word.
        stream.Write(new byte[(Alignment - (int)(stream.Length % Alignment)) % Alignment]);
        using var archive = new MemoryStream();
        int number = 1;
        foreach ((string name, byte[] content) in files)
        {
            Add(archive, number++, Executable, name, content);
        }

        Add(archive, number, 0, "TRAILER!!!", []);
        using var compressed = new GZipStream(stream, CompressionLevel.Fastest);
        compressed.Write(archive.ToArray());
    }

    private static void Add(MemoryStream archive, int number, int mode, string name, byte[] content)
    {
        uint[] fields = [(uint)number, (uint)mode, 0, 0, 1, 0, (uint)content.Length, 0, 0, 0, 0, (uint)name.Length + 1, 0];
        archive.Write(Encoding.ASCII.GetBytes("070701" + string.Concat(fields.Select(f => f.ToString("X8", CultureInfo.InvariantCulture)))));
        archive.Write(Encoding.ASCII.GetBytes(name + "\0"));
        Pad(archive);
        archive.Write(content);
        Pad(archive);
    }

    private static void Pad(MemoryStream archive) => archive.Write(new byte[(Alignment - (int)(archive.Length % Alignment)) % Alignment]);
}
