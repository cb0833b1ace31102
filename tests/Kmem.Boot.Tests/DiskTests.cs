using Kmem.Boot.Tests.Media;
using Kmem.Engine;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>An ext2 disk under a real kernel: made here, written there, read back there after a reboot, and read back here.</summary>
[Trait("Category", "Boot")]
public sealed class DiskTests
{
    [GuestFact("mke2fs", "debugfs", "e2fsck")]
    public void AnExt2DiskKeepsWhatAGuestWrites()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-disk").FullName;
        try
        {
            string disk = Path.Combine(folder, "disk.img");
            using (FileStream file = File.Create(disk))
            {
                file.SetLength(8 << 20);
            }

            HostTool.Run("mke2fs", "-q", "-t", "ext2", "-F", disk);
            Assert.Contains("disk: files written 41\n", Run(disk, "write"), StringComparison.Ordinal);
            Assert.Contains("disk: files read 42\n", Run(disk, "check"), StringComparison.Ordinal);
            HostTool.Run("e2fsck", "-f", "-n", disk);

            // The second boot has removed one file and rewritten another.
            string copy = Path.Combine(folder, "copy");
            foreach ((string name, int number, int length) in ((string, int, int)[])[("/d/f000", 0, 1), ("/d/f039", 39, 1444), ("/big", 1000, 700 * 1024), ("/d/f005", 2000, 100_000)])
            {
                HostTool.Run("debugfs", "-R", $"dump {name} {copy}", disk);
                Assert.Equal(Enumerable.Range(0, length).Select(i => Content(number, i)), File.ReadAllBytes(copy));
            }

            Assert.DoesNotContain("f003", HostTool.Run("debugfs", "-R", "ls /d", disk), StringComparison.Ordinal);
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    /// <summary>What the guest writes, see tests/data/guests/alpha/disk-init.c.</summary>
    private static byte Content(int number, int index)
    {
        ulong x = ((ulong)index * 2_654_435_761) + ((ulong)number * 40_503);
        return (byte)(x ^ (x >> 13) ^ (x >> 29));
    }

    private static string Run(string disk, string what)
    {
        using AlphaRun run = AlphaRun.Kernel("dp264", GuestFiles.DiskInitrd, $"console=ttyS0 panic=1 disk.do={what}", EngineMode.Both, "disk", disk);
        string text = run.Text.Replace("\r", "", StringComparison.Ordinal);
        Assert.True(text.Contains("disk: done\n", StringComparison.Ordinal), text[^Math.Min(text.Length, 1500)..]);
        return text;
    }
}
