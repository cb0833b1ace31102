using Kmem.Ir;
using Kmem.Machine.Loading;

namespace Kmem.Cli.Running;

/// <summary>Reads what <c>--kernel</c> and <c>--initrd</c> name.</summary>
internal static class KernelImage
{
    /// <summary>The program with its initial file system and command line.</summary>
    /// <exception cref="ImageException">A file can't be used; the message says why.</exception>
    public static BootImage Load(RunSettings settings)
    {
        LoadedImage image = ImageLoader.Load(settings.Kernel!, new ImageOptions { AllowFlat = false });
        byte[] initrd = settings.Initrd is null ? [] : ImageFile.ReadRaw(settings.Initrd, 1L << 32);
        return new BootImage([.. image.Segments.Select(s => new BootSegment(s.VirtualAddress, s.FileBytes, s.MemorySize))], image.Entry, initrd, settings.CommandLine);
    }
}
