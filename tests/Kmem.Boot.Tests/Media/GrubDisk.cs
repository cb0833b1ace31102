using System.Buffers.Binary;

namespace Kmem.Boot.Tests.Media;

/// <summary>A disk that GRUB boots: its first sector, its core behind that, and one partition with a file system, all made by Debian's tools without devices or rights.</summary>
internal static class GrubDisk
{
    /// <summary>GRUB's files for a PC's firmware.</summary>
    public const string GrubFolder = "/usr/lib/grub/i386-pc";

    /// <summary>Byte at which the partition begins.</summary>
    public const int PartitionAt = 1 << 20;

    private const int Sector = 512, TableAt = 446;

    /// <summary>Why such a disk can't be made here; null when it can.</summary>
    public static string? Missing =>
        !Directory.Exists(GrubFolder) ? $"there is no {GrubFolder} (Debian's package grub-pc-bin)"
        : Array.Find(["grub-mkimage", "mke2fs", "e2fsck", "debugfs"], p => !GuestFiles.Has(p)) is { } program ? $"there is no '{program}' here" : null;

    /// <summary>Makes a disk.</summary>
    /// <param name="path">Where.</param>
    /// <param name="size">Size of the partition in bytes.</param>
    /// <param name="configuration">GRUB's configuration.</param>
    /// <param name="files">Files in the partition's folder <c>/boot</c>: name and place on the host.</param>
    public static void Make(string path, long size, string configuration, params (string Name, string From)[] files)
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("kmem-grub");
        try
        {
            string content = Path.Combine(folder.FullName, "root"), partition = Path.Combine(folder.FullName, "part.img"), core = Path.Combine(folder.FullName, "core.img");
            Directory.CreateDirectory(Path.Combine(content, "boot", "grub"));
            File.WriteAllText(Path.Combine(content, "boot", "grub", "grub.cfg"), configuration);
            foreach ((string name, string from) in files)
            {
                File.Copy(from, Path.Combine(content, "boot", name));
            }

            using (FileStream file = File.Create(partition))
            {
                file.SetLength(size);
            }

            HostTool.Run("mke2fs", "-q", "-t", "ext4", "-F", "-d", content, partition);
            HostTool.Run("grub-mkimage", "-O", "i386-pc", "-o", core, "-p", "(hd0,msdos1)/boot/grub", "biosdisk", "part_msdos", "ext2", "normal", "configfile", "linux", "linux16", "serial", "terminal", "echo", "test");
            using FileStream disk = File.Create(path);
            disk.Write(FirstSector(size));
            disk.Write(File.ReadAllBytes(core));
            disk.Position = PartitionAt;
            using FileStream source = File.OpenRead(partition);
            source.CopyTo(disk);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    /// <summary>Copies the partition to a file of its own, so that tools for file systems can look at it; a machine that runs may hold the disk's lock.</summary>
    public static void ExtractPartition(string disk, string to) => HostTool.Run("dd", "if=" + disk, "of=" + to, $"bs={PartitionAt}", "skip=1", "status=none");

    /// <summary>GRUB's boot.img, which loads the next sector, with a table of one Linux partition.</summary>
    private static byte[] FirstSector(long size)
    {
        byte[] sector = File.ReadAllBytes(Path.Combine(GrubFolder, "boot.img"));
        // Where the table goes, the file has code for floppies.
        sector.AsSpan(TableAt, 64).Clear();
        Span<byte> entry = sector.AsSpan(TableAt, 16);
        (entry[0], entry[4]) = (0x80, 0x83);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[8..], PartitionAt / Sector);
        BinaryPrimitives.WriteUInt32LittleEndian(entry[12..], (uint)(size / Sector));
        return sector;
    }
}
