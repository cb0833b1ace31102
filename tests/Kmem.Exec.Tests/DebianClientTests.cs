using System.Text.RegularExpressions;
using Kmem.Testing;
using Xunit;

namespace Kmem.Exec.Tests;

/// <summary>Unmodified programs of Debian print the lab machine, as root and as nobody.</summary>
public sealed class DebianClientTests
{
    private const string Signature = "_SM_";

    private static readonly string Machine = Path.Combine(SolutionFolders.Machines, "lab.yaml");

    public static TheoryData<string, string> Clients => new()
    {
        { "dd if=/dev/mem bs=16 skip=61440 count=1 2>/dev/null", "^_SM_" },
        { "xxd -s 0xf0000 -l 16 /dev/mem", "5f53 4d5f" },
        { "hexdump -C -s 0xf0000 -n 16 /dev/mem", "5f 53 4d 5f" },
        { "od -A x -j 983040 -N 4 -t x1 /dev/mem", "0f0000 5f 53 4d 5f" },
        { "xxd -s 0x71 -l 1 /dev/port", "00000071: " },
        { "python3 -c \"import os,ctypes; f=os.open('/dev/kmem',0); ctypes.CDLL(None).lseek64(f,ctypes.c_long(0xffff8880000f0000-2**64),0); print(os.read(f,4))\"", Signature },
        { "dmidecode -t system", "Product Name: Lab" },
        { "dmidecode --no-sysfs -t bios", "Vendor: Kmem" },
        { "biosdecode", "SMBIOS 2.8 present" },
        { "acpidump -c off -s", "RSDP 0x00000000000E0000" },
        { "inb 0x3fd", "^96$" },
        { "outb 0x80 0x77 && echo done", "done" },
        { "lspci -A intel-conf1 -n", "00:1f.0 0601: 8086:2918" },
        { "lspci -A mmio-conf1 -O mmio-conf1.addrs=0xfed30000/0xfed30004 -n", "00:1f.0 0601: 8086:2918" },
        { "lspci -n", "00:1f.0 0601: 8086:2918" },
        { "lspci -A linux-proc -n", "00:1f.0 0601: 8086:2918" },
        { "setpci -A intel-conf1 -s 00:00.0 VENDOR_ID", "8086" },
        { "setpci -s 03.0 3c.b=5 && setpci -s 03.0 3c.b", "^05$" },
        { "python3 -c \"import mmap,os; f=os.open('/sys/bus/pci/devices/0000:00:02.0/resource0',2); print(os.fstat(f).st_size); m=mmap.mmap(f,4096); m[:4]=b'vram'; print(m[:4])\"", "16777216\nb'vram'" },
        { "hwclock --directisa -r --utc", "20[0-9][0-9]-[01][0-9]-" },
        { "busybox devmem 0xfed50000", "0x4B4D0001" },
        { "busybox devmem 0x100000 32 0x12345678 && echo wrote", "wrote" },
        { "memtool md 0xfed50000+4", "4b4d0001" },
        { "lshw -C system", "product: Lab" },
        { "python3 -c \"import mmap,os; m=mmap.mmap(os.open('/dev/mem',2),4096,offset=0xfed50000); print(m[:4].hex())\"", "01004d4b" },
        { "sh -c 'exec 3</dev/mem; dd bs=1 count=4 skip=983040 <&3 2>/dev/null'", Signature },
        { "ls -l /dev/mem", "crw-rw---- 1 root +[a-z0-9]+ +1, +1 " },
        { "cd /dev; umask 022; chmod 600 mem; chown 5:6 mem; ls -ln mem; mv mem m; ls -ln m; rm m; ls m 2>&1; ls port", "crw------- 1 5 6 1, 1 .* mem\n.*crw------- 1 5 6 1, 1 .* m\n.*No such file.*\nport" },
        { "cd /tmp; rm -f node$$; umask 022; mknod node$$ c 1 1; ls -l node$$; dd if=node$$ bs=4 skip=245760 count=1 2>/dev/null; rm node$$", "crw-r--r-- 1 .* 1, 1 .*\n_SM_" },
        { "cat /proc/iomem", "System RAM" },
        { "cat /proc/ioports", "03f8-03ff : com1" },
        { "sh -c 'cat /proc/kcore || echo closed'", "closed" },
    };

    [ClientTheory("dmidecode", "lspci", "hwclock", "acpidump", "memtool", "lshw", "inb", "xxd", "hexdump", "python3", "busybox")]
    [MemberData(nameof(Clients))]
    public void PrintsTheMachine(string command, string expected) => Check(command, expected, asNobody: false);

    [ClientTheory("setpriv", "dmidecode", "lspci", "hwclock", "acpidump", "memtool", "lshw", "inb", "xxd", "hexdump", "python3", "busybox")]
    [MemberData(nameof(Clients))]
    public void PrintsTheMachineToNobody(string command, string expected) => Check(command, expected, asNobody: Environment.IsPrivilegedProcess);

    [ClientFact("flashrom")]
    public void FlashromReadsWritesAndVerifies()
    {
        string image = Path.GetTempFileName();
        byte[] bytes = new byte[1 << 20];
        new Random(1).NextBytes(bytes.AsSpan(0, 8192));
        File.WriteAllBytes(image, bytes);
        ClientRun run = ClientProgram.Exec(Machine, asNobody: false, [], "sh", "-c", $"flashrom -p internal -w {image} && flashrom -p internal -r {image}.back && cmp {image} {image}.back && echo same");
        Assert.Contains("VERIFIED", run.Output, StringComparison.Ordinal);
        Assert.Contains("same", run.Output, StringComparison.Ordinal);
        File.Delete(image);
        File.Delete(image + ".back");
    }

    [ClientFact]
    public void TheExitCodeIsTheProgramsOwn()
    {
        Assert.Equal(5, ClientProgram.Exec(Machine, asNobody: false, [], "sh", "-c", "exit 5").ExitCode);
        Assert.Equal(128 + 9, ClientProgram.Exec(Machine, asNobody: false, [], "sh", "-c", "kill -9 $$").ExitCode);
        Assert.Equal(127, ClientProgram.Exec(Machine, asNobody: false, [], "no-such-program").ExitCode);
    }

    [ClientFact("busybox")]
    public void TheLogNamesDeviceRegisterAndWidth()
    {
        ClientRun run = ClientProgram.Exec(Machine, asNobody: false, ["--log", "-", "--audit-width"], "busybox", "devmem", "0xfed50004", "16", "0x55");
        Assert.Matches("write phys:0xFED50004 timer[^ ]* width 2 0x0055", run.Output);
        Assert.Matches("timer[^:]*: used 2 \\(1x\\); takes ", run.Output);
    }

    private static void Check(string command, string expected, bool asNobody)
    {
        ClientRun run = ClientProgram.Exec(Machine, asNobody, [], "sh", "-c", command);
        Assert.True(Regex.IsMatch(run.Output, expected, RegexOptions.Multiline, TimeSpan.FromSeconds(10)), $"{command}: {run.Output}");
        Assert.Equal(0, run.ExitCode);
    }
}
