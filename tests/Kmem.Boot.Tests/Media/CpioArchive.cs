using System.Globalization;
using System.Text;

namespace Kmem.Boot.Tests.Media;

/// <summary>An initial file system as kernels unpack it: a cpio archive of the form "newc".</summary>
/// <remarks>Source: Linux, Documentation/driver-api/early-userspace/buffer-format.rst.</remarks>
internal sealed class CpioArchive
{
    private const int Folder = 0x41ED, Program = 0x81ED, Link = 0xA1FF, CharacterDevice = 0x2180;

    private readonly List<byte> _bytes = [];
    private int _number;

    /// <summary>Adds a folder.</summary>
    public CpioArchive AddFolder(string path) => Add(path, Folder, []);

    /// <summary>Adds a file that everybody may read and execute.</summary>
    public CpioArchive AddFile(string path, ReadOnlySpan<byte> content) => Add(path, Program, content);

    /// <summary>Adds a symbolic link.</summary>
    public CpioArchive AddLink(string path, string target) => Add(path, Link, Encoding.UTF8.GetBytes(target));

    /// <summary>Adds a node of a character device.</summary>
    public CpioArchive AddDevice(string path, int major, int minor) => Add(path, CharacterDevice, [], major, minor);

    /// <summary>The archive with its end; nothing may be added afterwards.</summary>
    public byte[] ToArray()
    {
        Add("TRAILER!!!", 0, []);
        Pad();
        return [.. _bytes];
    }

    private CpioArchive Add(string path, int mode, ReadOnlySpan<byte> content, int major = 0, int minor = 0)
    {
        byte[] name = Encoding.UTF8.GetBytes(path + '\0');
        var header = new StringBuilder("070701");
        foreach (int field in (int[])[++_number, mode, 0, 0, 1, 0, content.Length, 0, 0, major, minor, name.Length, 0])
        {
            header.Append(field.ToString("X8", CultureInfo.InvariantCulture));
        }

        _bytes.AddRange(Encoding.ASCII.GetBytes(header.ToString()));
        _bytes.AddRange(name);
        Pad();
        _bytes.AddRange(content);
        Pad();
        return this;
    }

    private void Pad() => _bytes.AddRange(new byte[-_bytes.Count & 3]);
}
