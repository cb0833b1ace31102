using Kmem.Testing;

namespace Kmem.Boot.Tests;

/// <summary>Where kernels, PALcode and recordings lie.</summary>
internal static class GuestFiles
{
    /// <summary>The PALcode image of Debian's package qemu-system-data.</summary>
    public const string PalImage = "/usr/share/qemu/palcode-clipper";

    /// <summary>Our own initial file system, which writes and reads a disk.</summary>
    public static string DiskInitrd => Path.Combine(SolutionFolders.TestData, "guests", "alpha", "disk.cpio.gz");

    /// <summary>The initial file system that performs the recorded operations.</summary>
    public static string RecordingInitrd => Path.Combine(Folder, "initramfs.cpio.gz");

    private static string Folder => Path.Combine(Environment.GetEnvironmentVariable("KMEM_GUESTS") is { Length: > 0 } folder ? folder : Path.Combine(SolutionFolders.Root, "..", "shared", "guests"), "alpha");

    private static string CorpusFolder => Path.Combine(Environment.GetEnvironmentVariable("KMEM_CORPUS") is { Length: > 0 } folder ? folder : Path.Combine(SolutionFolders.TestData, "corpus"), "alpha");

    /// <summary>Why guests can't be booted here; null when they can.</summary>
    public static string? MissingGuests => File.Exists(Kernel("min")) ? null : $"there are no kernels in {Folder} (KMEM_GUESTS names another folder)";

    /// <summary>Why the PALcode image can't be used here; null when it can.</summary>
    public static string? MissingPalImage => File.Exists(PalImage) ? null : $"there is no {PalImage} (Debian's package qemu-system-data)";

    /// <summary>Path of a kernel.</summary>
    public static string Kernel(string name) => Path.Combine(Folder, $"vmlinux-{name}.gz");

    /// <summary>A file of the Alpha's recordings, plain or gzip, as bytes.</summary>
    public static byte[] Corpus(string name)
    {
        string path = Path.Combine(CorpusFolder, name);
        if (File.Exists(path))
        {
            return File.ReadAllBytes(path);
        }

        using var stream = new System.IO.Compression.GZipStream(File.OpenRead(path + ".gz"), System.IO.Compression.CompressionMode.Decompress);
        using var bytes = new MemoryStream();
        stream.CopyTo(bytes);
        return bytes.ToArray();
    }

    /// <summary>Whether a program can be found.</summary>
    public static bool Has(string program) => FindProgram(program) is not null;

    /// <summary>The path of a program of the host; file system tools stand in folders that a user's PATH lacks.</summary>
    public static string? FindProgram(string program) => $"{Environment.GetEnvironmentVariable("PATH")}:/sbin:/usr/sbin".Split(':').Select(f => Path.Combine(f, program)).FirstOrDefault(File.Exists);
}
