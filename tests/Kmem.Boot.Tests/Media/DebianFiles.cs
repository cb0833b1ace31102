namespace Kmem.Boot.Tests.Media;

/// <summary>Files of Debian's packages that guests consist of: installed ones, and those that are unpacked below the folder that KMEM_DEBIAN names.</summary>
internal static class DebianFiles
{
    /// <summary>SeaBIOS.</summary>
    public const string SeaBios = "/usr/share/seabios/bios-256k.bin";

    /// <summary>The video BIOS that goes with it.</summary>
    public const string VgaBios = "/usr/share/seabios/vgabios-stdvga.bin";

    /// <summary>Busybox of this host, if it is the static one.</summary>
    public const string Busybox = "/bin/busybox";

    private static readonly string Folder = Environment.GetEnvironmentVariable("KMEM_DEBIAN") is { Length: > 0 } folder ? folder : "/var/tmp/kmem-debian";

    /// <summary>Busybox for 32-bit kernels.</summary>
    public static string Busybox32 => Path.Combine(Folder, "i386", "bin", "busybox");

    /// <summary>A 32-bit kernel, by the end of its name: 686 or 686-pae; null where there is none.</summary>
    public static string? Kernel32(string flavour) => Newest(Path.Combine(Folder, "i386", "boot"), $"vmlinuz-6.*-{flavour}");

    /// <summary>A program of the package memtest86+: x64 or ia32.</summary>
    public static string MemoryTest(string processor) => Path.Combine(Folder, "amd64", "boot", $"memtest86+{processor}.bin");

    /// <summary>Why a file can't be used; null when all are there.</summary>
    public static string? Missing(params (string? File, string Package)[] wanted) =>
        wanted.Where(w => !File.Exists(w.File)).Select(w => $"there is no {w.File ?? "file"} of Debian's package {w.Package} (installed, or unpacked below {Folder}, or where KMEM_DEBIAN points)").FirstOrDefault();

    private static string? Newest(string folder, string pattern) =>
        Directory.Exists(folder) ? Directory.EnumerateFiles(folder, pattern).Order(StringComparer.Ordinal).LastOrDefault() : null;
}
