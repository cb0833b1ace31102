namespace Kmem.Boot.Tests.Media;

/// <summary>What several tests boot, made once in a folder that goes with the process.</summary>
internal static class PcMedia
{
    /// <summary>A command line that leaves out what only costs time.</summary>
    public const string CommandLine = "console=ttyS0 quiet panic=-1";

    private static readonly Lazy<string> Made = new(() =>
    {
        string folder = Directory.CreateTempSubdirectory("kmem-media").FullName;
        AppDomain.CurrentDomain.ProcessExit += (_, _) => Directory.Delete(folder, recursive: true);
        return folder;
    });

    private static readonly Lazy<string> Plain = new(() => Write("plain.cpio", GuestInitrd.Make(DebianFiles.Busybox, [])));
    private static readonly Lazy<string> Plain32 = new(() => Write("plain32.cpio", GuestInitrd.Make(DebianFiles.Busybox32, [])));
    private static readonly Lazy<string> Drivers = new(() => Write("drivers.cpio", GuestInitrd.Make(DebianFiles.Busybox, KernelModules.Of(PcGuestFiles.StockKernel!)!.With(
        "ata_piix", "sd_mod", "crc32c_generic", "ext4", "virtio_pci", "virtio_blk", "virtio_net", "virtio-rng"))));

    private static readonly Lazy<string> Disk = new(() => NewDisk(PlainInitrd));

    /// <summary>The folder.</summary>
    public static string Folder => Made.Value;

    /// <summary>An initial file system without modules, for 64-bit kernels.</summary>
    public static string PlainInitrd => Plain.Value;

    /// <summary>The same for 32-bit kernels.</summary>
    public static string PlainInitrd32 => Plain32.Value;

    /// <summary>An initial file system with the drivers of disks and virtio devices.</summary>
    public static string DriverInitrd => Drivers.Value;

    /// <summary>A disk that GRUB boots into Debian's kernel with <see cref="PlainInitrd"/>; not to be written to.</summary>
    public static string KernelDisk => Disk.Value;

    /// <summary>A configuration of GRUB that talks on the serial line and boots one kernel at once.</summary>
    public static string GrubConfiguration(string vmlinuz, string initrd, string commandLine = CommandLine) => $"""
        serial --unit=0 --speed=115200
        terminal_input serial
        terminal_output serial
        echo GRUB-LOADS
        linux {vmlinuz} {commandLine}
        initrd {initrd}
        boot

        """;

    /// <summary>Makes a disk that GRUB boots into Debian's kernel.</summary>
    public static string NewDisk(string initrd)
    {
        string disk = NewFile("grub.img");
        GrubDisk.Make(disk, 48 << 20, GrubConfiguration(vmlinuz: "/boot/vmlinuz", initrd: "/boot/initrd"), ("vmlinuz", PcGuestFiles.StockKernel!), ("initrd", initrd));
        return disk;
    }

    /// <summary>Makes a disk that is an empty file system as a whole.</summary>
    public static string NewFileSystem(long size)
    {
        string disk = NewFile("ext4.img");
        using (FileStream file = File.Create(disk))
        {
            file.SetLength(size);
        }

        HostTool.Run("mke2fs", "-q", "-t", "ext4", "-F", disk);
        return disk;
    }

    /// <summary>Makes a disc that GRUB boots into Debian's kernel.</summary>
    public static string NewDisc()
    {
        string content = Path.GetDirectoryName(NewFile("disc"))!, disc = NewFile("disc.iso");
        Directory.CreateDirectory(Path.Combine(content, "boot", "grub"));
        File.WriteAllText(Path.Combine(content, "boot", "grub", "grub.cfg"), GrubConfiguration(vmlinuz: "/boot/vmlinuz", initrd: "/boot/initrd"));
        File.Copy(PcGuestFiles.StockKernel!, Path.Combine(content, "boot", "vmlinuz"));
        File.Copy(PlainInitrd, Path.Combine(content, "boot", "initrd"));
        HostTool.Run("grub-mkrescue", "-d", GrubDisk.GrubFolder, "-o", disc, "--install-modules=biosdisk iso9660 part_msdos normal linux serial terminal echo", "--locales=", "--fonts=", content);
        return disc;
    }

    /// <summary>A new name in the folder.</summary>
    public static string NewFile(string name) => Path.Combine(Directory.CreateDirectory(Path.Combine(Folder, Path.GetRandomFileName())).FullName, name);

    private static string Write(string name, byte[] content)
    {
        string path = Path.Combine(Folder, name);
        File.WriteAllBytes(path, content);
        return path;
    }
}
