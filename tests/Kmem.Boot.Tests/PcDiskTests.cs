using Kmem.Boot.Tests.Media;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Debian's own drivers at the PC's devices: file systems on IDE and virtio-blk over a reboot, network adapter and random numbers of virtio.</summary>
[Trait("Category", "Boot")]
public sealed class PcDiskTests
{
    private const string Fill = "seq 1 50000 > f; md5sum f > sum; cat sum; cd /";

    [GrubFact]
    public void FileSystemsOnIdeAndVirtioSurviveAReboot()
    {
        string disk = PcMedia.NewDisk(PcMedia.DriverInitrd), virtio = PcMedia.NewFileSystem(16 << 20);
        using (var run = new PcKernelRun("pc-i440fx.yaml", EngineMode.Both, "disk", disk, "virtio-disk", virtio, "virtio", "true", "bios", DebianFiles.SeaBios, "vga-bios", DebianFiles.VgaBios))
        {
            Mount(run);
            run.Answer("# ", $"cd /mnt/a; {Fill}; cd /mnt/b; {Fill}; echo sums:$(cat /mnt/?/sum | cut -d' ' -f1 | uniq -c)\n");
            run.Answer("sums: 2 ", "cat /sys/class/net/eth0/address /sys/class/misc/hw_random/rng_current; dd if=/dev/hwrng bs=64 count=1 2>/dev/null | wc -c\n");
            run.Answer("52:54:00:12:34:56", "");
            run.Answer("virtio_rng.0", "");
            run.Answer("64", "sync; reboot -f\n");
            run.Restart();
            Mount(run);
            run.Answer("# ", "for d in a b; do (cd /mnt/$d; md5sum -c sum; echo again > g); done\n");
            run.Answer("f: OK", "");
            run.Answer("f: OK", "umount /mnt/a /mnt/b; echo a''apart\n");
            run.Answer("aapart", "");
            foreach (string image in (string[])[Partition(disk), virtio])
            {
                HostTool.Run("e2fsck", "-f", "-n", image);
                Assert.Equal("again\n", HostTool.Run("debugfs", "-R", "cat /g", image));
                Assert.StartsWith("1\n2\n3\n", HostTool.Run("debugfs", "-R", "cat /f", image), StringComparison.Ordinal);
            }

            // The machine goes away in the middle of writing.
            run.Answer("# ", "mount -t ext4 /dev/sda1 /mnt/a && echo kept > /mnt/a/k && sync && (while true; do cp /bin/busybox /mnt/a/lost; rm /mnt/a/lost; sync; done) & sleep 1; echo l''ost\n");
            run.Answer("lost", "");
        }

        // The journal mends what was under way, which is exit code 1 at most.
        string rest = Partition(disk);
        HostTool.Run("e2fsck", worst: 1, "-f", "-y", rest);
        HostTool.Run("e2fsck", "-f", "-n", rest);
        Assert.Equal("kept\n", HostTool.Run("debugfs", "-R", "cat /k", rest));
        Assert.Equal("again\n", HostTool.Run("debugfs", "-R", "cat /g", rest));
    }

    private static string Partition(string disk)
    {
        string partition = PcMedia.NewFile("part.img");
        GrubDisk.ExtractPartition(disk, partition);
        return partition;
    }

    private static void Mount(PcKernelRun run)
    {
        run.Answer("GRUB-LOADS", "");
        run.Answer(GuestInitrd.Ready, "");
        run.Answer("# ", "mkdir -p /mnt/a /mnt/b; mount -t ext4 /dev/sda1 /mnt/a && mount -t ext4 /dev/vda /mnt/b && echo mounted:$(ls -d /mnt/?/lost+found | wc -l)\n");
        run.Answer("mounted:2", "");
    }
}
