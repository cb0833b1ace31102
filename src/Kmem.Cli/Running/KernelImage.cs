using Kmem.Description;
using Kmem.Ir;
using Kmem.Machine.Loading;
using Kmem.Machine.Loading.Pc;

namespace Kmem.Cli.Running;

/// <summary>Reads what <c>--kernel</c> and <c>--initrd</c> or the machine's <c>boot:</c> name.</summary>
internal static class KernelImage
{
    private const long LargestInitrd = 1L << 30;

    /// <summary>The program with its initial file system and command line; null when nothing is named.</summary>
    /// <exception cref="ImageException">A file can't be used; the message says why.</exception>
    public static BootImage? Load(RunSettings settings, MachineDescription machine, LoadingProgress progress)
    {
        string? kernel = settings.Kernel is "none" ? null : settings.Kernel ?? machine.Boot?.Kernel;
        string? initrd = settings.Initrd is "none" ? null : settings.Initrd ?? (settings.Kernel is null ? machine.Boot?.Initrd : null);
        if (kernel is null)
        {
            return (settings.Initrd ?? settings.CommandLine) is null ? null : throw new ImageException("--initrd and --append belong to a kernel: --kernel FILE names one");
        }

        progress.Reading(kernel);
        var options = new ImageOptions
        {
            AllowFlat = settings.FlatAddress is not null,
            FlatAddress = settings.FlatAddress ?? 0,
            Machine = machine.Architecture == "alpha" ? ImageMachine.Alpha : ImageMachine.Unknown,
        };
        LoadedImage image = Read(kernel, options);
        byte[] bytes = [];
        if (initrd is not null)
        {
            progress.Reading(initrd);
            bytes = ImageFile.ReadRaw(initrd, LargestInitrd);
        }

        ulong entry = image.Kind == ImageKind.Flat ? options.FlatAddress : image.Entry;
        return new BootImage([.. image.Segments.Select(s => new BootSegment(s.VirtualAddress, s.FileBytes, s.MemorySize))], entry, bytes, settings.CommandLine ?? machine.Boot?.Append ?? "");
    }

    /// <summary>The program of a PC; null when nothing is named.</summary>
    /// <exception cref="ImageException">A file can't be used; the message says why.</exception>
    public static PcProgram? LoadPc(RunSettings settings, MachineDescription machine, LoadingProgress progress)
    {
        string? kernel = settings.Kernel is "none" ? null : settings.Kernel ?? machine.Boot?.Kernel;
        string? initrd = settings.Initrd is "none" ? null : settings.Initrd ?? (settings.Kernel is null ? machine.Boot?.Initrd : null);
        if (kernel is null)
        {
            return (settings.Initrd ?? settings.CommandLine) is null ? null : throw new ImageException("--initrd and --append belong to a kernel: --kernel FILE names one");
        }

        progress.Reading(kernel);
        return PcProgram.Load(kernel, initrd, settings.CommandLine ?? machine.Boot?.Append ?? "");
    }

    private static LoadedImage Read(string path, ImageOptions options)
    {
        try
        {
            return ImageLoader.Load(path, options);
        }
        catch (ImageException e) when (!options.AllowFlat && e.Message.EndsWith("is no ELF file", StringComparison.Ordinal))
        {
            throw new ImageException(e.Message + "; if it is a flat image, --at ADDRESS says where it goes", e);
        }
    }
}
