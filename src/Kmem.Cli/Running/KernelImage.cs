using Kmem.Description;
using Kmem.Ir;
using Kmem.Machine.Loading;
using Kmem.Machine.Loading.Pc;

namespace Kmem.Cli.Running;

/// <summary>Reads the files that a run begins with.</summary>
internal static class KernelImage
{
    private const long LargestInitrd = 1L << 30;

    /// <summary>The program with its initial file system and command line.</summary>
    /// <exception cref="ImageException">A file can't be used; the message says why.</exception>
    public static BootImage Load(KernelFiles files, RunSettings settings, MachineDescription machine, LoadingProgress progress)
    {
        progress.Reading(files.Kernel);
        var options = new ImageOptions
        {
            AllowFlat = settings.FlatAddress is not null,
            FlatAddress = settings.FlatAddress ?? 0,
            Machine = machine.Architecture == "alpha" ? ImageMachine.Alpha : ImageMachine.Unknown,
        };
        LoadedImage image = Read(files.Kernel, options);
        byte[] initrd = [];
        if (files.Initrd is not null)
        {
            progress.Reading(files.Initrd);
            initrd = ImageFile.ReadRaw(files.Initrd, LargestInitrd);
        }

        ulong entry = image.Kind == ImageKind.Flat ? options.FlatAddress : image.Entry;
        return new BootImage([.. image.Segments.Select(s => new BootSegment(s.VirtualAddress, s.FileBytes, s.MemorySize))], entry, initrd, files.CommandLine);
    }

    /// <summary>The program of a PC, of any of its boot protocols.</summary>
    /// <exception cref="ImageException">A file can't be used; the message says why.</exception>
    public static PcProgram LoadPc(KernelFiles files, LoadingProgress progress)
    {
        progress.Reading(files.Kernel);
        return PcProgram.Load(files.Kernel, files.Initrd, files.CommandLine);
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
