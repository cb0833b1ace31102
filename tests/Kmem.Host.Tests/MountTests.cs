using System.Diagnostics;
using System.Runtime.InteropServices;
using Kmem.Host.Fuse;
using Xunit;

namespace Kmem.Host.Tests;

public sealed unsafe class MountTests
{
    private const string Pc = "machines/pc-i440fx.yaml", Tutorial = "machines/tutorial.yaml";
    private const int EPERM = 1, EFAULT = 14, EINVAL = 22;

    [FuseFact]
    public void MemoryAndPortsAreReadAndWrittenAndHaveTheirSizes()
    {
        using var machine = new MountedMachine(Pc, "--flavour", "raw", "--as", "root");
        Assert.Equal(4, machine.Move("mem", [1, 2, 3, 4], 0x2000, write: true));
        byte[] data = new byte[6];
        Assert.Equal(6, machine.Move("mem", data, 0x1FFF));
        Assert.Equal([0, 1, 2, 3, 4, 0], data);
        Assert.Equal((1, 0x60), (machine.Move("port", data = new byte[1], 0x3FD), data[0]));
        Assert.Equal((1L << 32, 65536L, long.MaxValue), (new FileInfo(machine.PathOf("mem")).Length, new FileInfo(machine.PathOf("port")).Length, new FileInfo(machine.PathOf("kmem")).Length));
    }

    [FuseFact]
    public void EveryFlavourAnswersWithItsOwnErrors()
    {
        using (var distro = new MountedMachine(Pc, "--as", "root"))
        {
            Assert.Equal(-EPERM, distro.Move("mem", new byte[8], 0x10_0000));
            Assert.Equal(-EFAULT, distro.Move("mem", new byte[8], 0x4000_0000));
        }

        using var lab = new MountedMachine(Pc, "--flavour", "lab", "--as", "root");
        Assert.Equal(8, lab.Move("mem", new byte[8], 0x10_0000));
        Assert.Equal(8, lab.Move("mem", [1, 2, 3, 4, 5, 6, 7, 8], 0x30_0000, write: true));

        // The direct map begins at 0xffff888000000000; a FUSE offset has no bit 63.
        byte[] data = new byte[8];
        Assert.Equal(8, lab.Move("kmem", data, 0x7FFF_8880_0030_0000));
        Assert.Equal([1, 2, 3, 4, 5, 6, 7, 8], data);
    }

    [FuseFact]
    public void RegistersAreNumbersInFiles()
    {
        using var machine = new MountedMachine(Tutorial);
        Assert.Equal("0x80000000\n", machine.Text("devices/timer/regs/STATUS"));
        File.WriteAllText(machine.PathOf("devices/timer/regs/STATUS"), "0x80000000\n");
        Assert.Equal("0x00000000\n", machine.Text("devices/timer/regs/STATUS"));
        Assert.Equal("0x1122334455667788\n", machine.Text("devices/timer/regs/COUNT"));
        Assert.Equal((5L, "mmio.registers\n"), (new FileInfo(machine.PathOf("devices/latch/regs/LATCH")).Length, machine.Text("devices/latch/type")));
        Assert.Equal(-EINVAL, machine.Move("devices/latch/regs/LATCH", "0x100"u8.ToArray(), 0, write: true));
        Assert.Equal(-EINVAL, machine.Move("devices/latch/regs/LATCH", "many"u8.ToArray(), 0, write: true));
        Assert.Equal("0x5A\n", machine.Text("devices/latch/regs/LATCH"));
        Assert.Equal(MountedMachine.Run(Program, "map", Tutorial).Output, machine.Text("map.txt"));
        Assert.Equal("", machine.Text("journal"));
    }

    [FuseFact("lspci")]
    public void LspciListsTheMachine()
    {
        using var machine = new MountedMachine(Pc);
        (int code, string output, _) = MountedMachine.Run("lspci", "-A", "linux-sysfs", "-O", "sysfs.path=" + machine.PathOf("pci"), "-n");
        Assert.Equal(0, code);
        Assert.Equal(["00:00.0 0600: 8086:1237 (rev 02)", "00:01.0 0601: 8086:7000", "00:01.1 0101: 8086:7010", "00:01.3 0680: 8086:7113 (rev 03)", "00:02.0 0300: 1234:1111 (rev 02)", "00:03.0 0200: 8086:100e (rev 03)"],
            output.Split('\n', StringSplitOptions.RemoveEmptyEntries));
        Assert.Equal(4, machine.Move("pci/devices/0000:00:03.0/config", [0xFF, 0xFF, 0xFF, 0xFF], 0x10, write: true));
        Assert.Equal([0, 0, 0xFE, 0xFF], File.ReadAllBytes(machine.PathOf("pci/devices/0000:00:03.0/config"))[0x10..0x14]);
    }

    [FuseFact]
    public void RamIsMappedOnlyWhereTheKernelPermitsAllOfIt()
    {
        using (var distro = new MountedMachine(Pc, "--as", "root"))
        {
            Assert.Equal(-19, MapFirstMegabytes(distro));
        }

        using var raw = new MountedMachine(Pc, "--flavour", "raw", "--as", "root", "--mmap", "off");
        Assert.Equal(-19, MapFirstMegabytes(raw));
    }

    [FuseFact]
    public void AMappingIsTheMachinesOwnRam()
    {
        using var machine = new MountedMachine(Pc, "--flavour", "raw", "--as", "root");
        int file = HostCalls.Open(machine.PathOf("mem"), HostCalls.ReadWrite | HostCalls.CloseOnExec);
        nint at = HostCalls.Map(0, 1 << 20, 3, 1, file, 1 << 20);
        int error = Marshal.GetLastPInvokeError();
        _ = HostCalls.Close(file);
        if (at == -1)
        {
            // A host without FUSE passthrough, or a user without the right to it: a clear error is all there is to show.
            Assert.Equal(19, error);
            return;
        }

        byte[] data = new byte[4];
        *(uint*)at = 0x0403_0201;
        Assert.Equal(4, machine.Move("mem", data, 1 << 20));
        Assert.Equal([1, 2, 3, 4], data);
        machine.Move("mem", [9], (1 << 20) + 3, write: true);
        Assert.Equal(0x0903_0201u, *(uint*)at);
        _ = HostCalls.Unmap(at, 1 << 20);
    }

    [FuseFact]
    public void SignalsAndUmountEndTheServer()
    {
        foreach (string signal in (string[])["-HUP", "-INT", "-TERM"])
        {
            using var machine = new MountedMachine(Tutorial);
            using FileStream open = File.OpenRead(machine.PathOf("map.txt"));
            MountedMachine.Run("kill", signal, $"{machine.Server.Id}");
            Assert.True(machine.Server.WaitForExit(TimeSpan.FromSeconds(10)));
            Assert.Equal(0, machine.Server.ExitCode);
            Assert.True(machine.IsGone());
        }
    }

    [FuseFact]
    public void AKilledServerLeavesNoMount()
    {
        for (int i = 0; i < 5; i++)
        {
            using var machine = new MountedMachine(Tutorial);
            machine.Server.Kill();
            Assert.True(machine.IsGone());
        }
    }

    [FuseFact("unshare")]
    public void AKilledServerLeavesNoCommand()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-exec-").FullName;
        string ready = Path.Combine(Directory.CreateTempSubdirectory("kmem-ready-").FullName, "ready");
        using Process server = MountedMachine.Start(Tutorial, folder, "--exec", "sh", "-c", $"(while :; do sleep 1; done) & echo $$ $! > {ready}.new; mv {ready}.new {ready}; while :; do cat /dev/port; sleep 0.1; done");
        for (int i = 0; i < 200 && !File.Exists(ready); i++)
        {
            Thread.Sleep(50);
        }

        // Both the command and what it started in the background.
        string[] processes = File.ReadAllText(ready).Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, processes.Length);

        // The watcher starts when the command has entered its name space, which is a moment after it said so.
        Thread.Sleep(200);
        server.Kill();
        for (int i = 0; i < 200 && processes.Any(p => File.Exists($"/proc/{p}/status")); i++)
        {
            Thread.Sleep(50);
        }

        Assert.DoesNotContain(processes, p => File.Exists($"/proc/{p}/status"));
    }

    [FuseFact("unshare")]
    public void ACommandHasTheMachineInItsDev()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-exec-").FullName;
        (int code, string output, string error) = MountedMachine.Run(Program, "mount", Pc, folder, "--flavour", "raw", "--exec", "sh", "-c", "printf abc | dd of=/dev/mem bs=3 seek=4096 conv=notrunc 2>/dev/null; dd if=/dev/mem bs=3 skip=4096 count=1 2>/dev/null; echo hidden >&2; exit 7");
        Assert.Equal((7, "abc", "hidden\n"), (code, output, error));
        Assert.Equal(127, MountedMachine.Run(Program, "mount", Pc, folder, "--exec", "no-such-command").Code);
        Assert.Equal(2, MountedMachine.Run(Program, "mount", Pc, folder, "--exec").Code);
        Assert.False(FuseMount.IsMounted(folder));
        Directory.Delete(folder);
    }

    [Fact]
    public void AMissingDirectoryIsSaid()
    {
        (int code, _, string error) = MountedMachine.Run(Program, "mount", Tutorial, "/nowhere/at/all");
        Assert.Equal((3, "kmem: There is no directory '/nowhere/at/all' to mount on.\n"), (code, error));
    }

    private static string Program => Path.Combine(Testing.SolutionFolders.Program, "kmem");

    private static int MapFirstMegabytes(MountedMachine machine)
    {
        const int ReadProtection = 1, Shared = 1;
        int file = HostCalls.Open(machine.PathOf("mem"), HostCalls.ReadWrite | HostCalls.CloseOnExec);
        nint at = HostCalls.Map(0, 1 << 20, ReadProtection, Shared, file, 1 << 20);
        int error = Marshal.GetLastPInvokeError();
        _ = at == -1 ? 0 : HostCalls.Unmap(at, 1 << 20);
        _ = HostCalls.Close(file);
        return at == -1 ? -error : 0;
    }
}
