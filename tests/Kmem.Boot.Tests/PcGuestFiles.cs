using System.IO.Compression;
using System.Text.Json;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Where the kernels and recordings for PCs lie.</summary>
internal static class PcGuestFiles
{
    private const string StockVariable = "KMEM_STOCK_KERNEL";

    /// <summary>The small kernel with STRICT_DEVMEM.</summary>
    public static string StrictKernel => Guest("bzImage-strict-y");

    /// <summary>The small kernel without it.</summary>
    public static string OpenKernel => Guest("bzImage-strict-n");

    /// <summary>The file system whose program performs the recorded operations.</summary>
    public static string ProbeInitrd => Guest("probe-initramfs.gz");

    /// <summary>The file system that ends in a shell on the serial line.</summary>
    public static string ShellInitrd => Guest("shell-initramfs.gz");

    /// <summary>Debian's kernel: the file that KMEM_STOCK_KERNEL names, else the newest that is installed; null where there is none.</summary>
    public static string? StockKernel => Environment.GetEnvironmentVariable(StockVariable) is { Length: > 0 } path
        ? path
        : Directory.Exists("/boot") ? Directory.EnumerateFiles("/boot", "vmlinuz-6.*-amd64").Order(StringComparer.Ordinal).LastOrDefault() : null;

    /// <summary>A module of Debian's kernel as the package has it, beside <c>boot</c>; null where it is missing.</summary>
    public static string? StockModule(string name)
    {
        const string Prefix = "vmlinuz-";
        string? kernel = StockKernel;
        string file = Path.GetFileName(kernel) ?? "";
        if (!file.StartsWith(Prefix, StringComparison.Ordinal) || Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(kernel!))) is not { } root)
        {
            return null;
        }

        string modules = Path.Combine(root, "lib", "modules", file[Prefix.Length..], "kernel");
        return Directory.Exists(modules) ? Directory.EnumerateFiles(modules, name + ".ko", SearchOption.AllDirectories).FirstOrDefault() : null;
    }

    /// <summary>Why Debian's kernel can't be booted with its drivers here; null when it can.</summary>
    public static string? MissingStockModules => MissingStockKernel ?? (StockModule("e1000") is null ? $"there are no modules beside {StockKernel} (lib/modules of Debian's package)" : null);

    /// <summary>Why the small kernels can't be booted here; null when they can.</summary>
    public static string? MissingGuests => File.Exists(StrictKernel) && File.Exists(ProbeInitrd) ? null : $"there is no {StrictKernel} (KMEM_GUESTS names another folder of guests)";

    /// <summary>Why Debian's kernel can't be booted here; null when it can.</summary>
    public static string? MissingStockKernel => !File.Exists(ShellInitrd)
        ? $"there is no {ShellInitrd} (KMEM_GUESTS names another folder of guests)"
        : File.Exists(StockKernel) ? null : $"there is no kernel of Debian's package linux-image-amd64 ({StockVariable} names the file vmlinuz of an unpacked one)";

    /// <summary>The lines of a recording.</summary>
    public static List<JsonElement> Recorded(string name)
    {
        string path = Path.Combine(Environment.GetEnvironmentVariable("KMEM_CORPUS") is { Length: > 0 } folder ? folder : Path.Combine(SolutionFolders.TestData, "corpus"), "x86", name + ".jsonl");
        using Stream stream = File.Exists(path) ? File.OpenRead(path) : new GZipStream(File.OpenRead(path + ".gz"), CompressionMode.Decompress);
        using var reader = new StreamReader(stream);
        return Lines(reader.ReadToEnd());
    }

    /// <summary>The JSON lines in a text.</summary>
    public static List<JsonElement> Lines(string text) =>
        [.. text.Split('\n', StringSplitOptions.TrimEntries).Where(l => l.StartsWith("{\"", StringComparison.Ordinal)).Select(l => JsonDocument.Parse(l).RootElement)];

    private static string Guest(string name) =>
        Path.Combine(Environment.GetEnvironmentVariable("KMEM_GUESTS") is { Length: > 0 } folder ? folder : Path.Combine(SolutionFolders.Root, "..", "shared", "guests"), "x86", name);
}

/// <summary>A test that boots the small kernels for PCs; skipped, with the reason, where they are missing.</summary>
internal sealed class PcGuestFactAttribute : FactAttribute
{
    public PcGuestFactAttribute() => Skip = PcGuestFiles.MissingGuests;
}

/// <summary>A test that boots Debian's kernel; skipped, with the reason, where it is missing.</summary>
internal sealed class StockKernelFactAttribute : FactAttribute
{
    public StockKernelFactAttribute() => Skip = PcGuestFiles.MissingStockKernel;
}

/// <summary>A test that boots Debian's kernel and loads its drivers; skipped, with the reason, where they are missing.</summary>
internal sealed class StockModuleFactAttribute : FactAttribute
{
    public StockModuleFactAttribute() => Skip = PcGuestFiles.MissingStockModules;
}
