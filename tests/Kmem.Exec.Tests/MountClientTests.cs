using System.Diagnostics;
using System.Text.RegularExpressions;
using Kmem.Testing;
using Xunit;

namespace Kmem.Exec.Tests;

/// <summary>Unmodified programs of Debian read the lab machine through a mount: as root, and as nobody through root's mount.</summary>
public sealed class MountClientTests
{
    private const string Place = "@";

    private static readonly string Machine = Path.Combine(SolutionFolders.Machines, "lab.yaml");

    public static TheoryData<string, string> Clients => new()
    {
        { "dd if=@/mem bs=16 skip=61440 count=1 2>/dev/null", "^_SM_" },
        { "xxd -s 0xf0000 -l 16 @/mem", "5f53 4d5f" },
        { "hexdump -C -s 0xf0000 -n 16 @/mem", "5f 53 4d 5f" },
        { "od -A x -j 983040 -N 4 -t x1 @/mem", "0f0000 5f 53 4d 5f" },
        { "xxd -s 0x7fff8880000f0000 -l 4 @/kmem", "5f53 4d5f" },
        { "xxd -s 0x3fd -l 1 @/port", "000003fd: 60" },
        { "dmidecode --no-sysfs -d @/mem -t system", "Product Name: Lab" },
        { "biosdecode -d @/mem", "SMBIOS 2.8 present" },
        { "python3 -c \"import os; f=os.open('@/mem',2); os.pwrite(f,b'kmem',0x1000); print(os.pread(f,4,0x1000))\"", "kmem" },
        { "lspci -A linux-sysfs -O sysfs.path=@/pci -n", "00:1f.0 0601: 8086:2918" },
        { "cat @/devices/timer/regs/ID", "0x4B4D0001" },
        { "cat @/map.txt", "timer" },
    };

    [MountTheory("xxd", "hexdump", "dmidecode", "lspci", "python3")]
    [MemberData(nameof(Clients))]
    public void PrintsTheMachine(string command, string expected) => Check(command, expected, asNobody: false);

    [MountTheory("setpriv", "xxd", "hexdump", "dmidecode", "lspci", "python3")]
    [MemberData(nameof(Clients))]
    public void PrintsTheMachineToNobody(string command, string expected) => Check(command, expected, asNobody: Environment.IsPrivilegedProcess);

    [MountTheory("acpidump", "unshare")]
    [InlineData("acpidump -c off -s", "RSDP 0x00000000000E0000")]
    [InlineData("biosdecode", "SMBIOS 2.8 present")]
    [InlineData("xxd -s 0xf0000 -l 16 /dev/mem", "5f53 4d5f")]
    public void ACommandHasTheMachinesDevicesInItsDev(string command, string expected)
    {
        string folder = Directory.CreateTempSubdirectory("kmem-mount").FullName;
        ClientRun run = ClientProgram.Run(Path.Combine(SolutionFolders.Program, "kmem"), "mount", Machine, folder, "--exec", "sh", "-c", command);
        Assert.Matches(expected, run.Output);
        Assert.Equal(0, run.ExitCode);
        Directory.Delete(folder);
    }

    [OwnMountFact]
    public void AnOrdinaryUserMountsByHimself()
    {
        string folder = Directory.CreateTempSubdirectory("kmem-mount").FullName;
        string kmem = Path.Combine(SolutionFolders.Program, "kmem");
        string[] command = [kmem, "mount", Machine, folder, "--exec", "xxd", "-s", "0xf0000", "-l", "16", "/dev/mem"];
        ClientProgram.Run("chown", "65534", folder);
        ClientRun run = Environment.IsPrivilegedProcess ? ClientProgram.Run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", .. command]) : ClientProgram.Run(command);
        Assert.Contains("5f53 4d5f", run.Output, StringComparison.Ordinal);
        Directory.Delete(folder);
    }

    [MountTheory]
    [InlineData(30)]
    public void AKilledServerLeavesNoMount(int rounds)
    {
        var random = new Random(2);
        string folder = Directory.CreateTempSubdirectory("kmem-mount").FullName;
        for (int i = 0; i < rounds; i++)
        {
            using Process server = Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["mount", Machine, folder]) { UseShellExecute = false, RedirectStandardOutput = true })!;
            Thread.Sleep(random.Next(500));
            server.Kill();
            server.WaitForExit();
        }

        for (int tries = 0; tries < 50 && IsMounted(folder); tries++)
        {
            Thread.Sleep(100);
        }

        Assert.False(IsMounted(folder));
        Directory.Delete(folder);
    }

    private static bool IsMounted(string folder) => File.ReadLines("/proc/self/mounts").Any(l => l.Split(' ')[1] == folder);

    private static void Check(string command, string expected, bool asNobody)
    {
        string folder = Directory.CreateTempSubdirectory("kmem-mount").FullName;
        ClientProgram.Run("chmod", "755", folder);
        using Process server = Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["mount", Machine, folder, "--as", "root", .. Environment.IsPrivilegedProcess ? ["--allow-other"] : Array.Empty<string>()]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        try
        {
            Assert.Contains("is mounted on", server.StandardOutput.ReadLine() ?? "", StringComparison.Ordinal);
            string[] shell = ["sh", "-c", command.Replace(Place, folder, StringComparison.Ordinal)];

            // The mount checks modes before it asks; nobody reaches the nodes through their group.
            ClientRun run = asNobody ? ClientProgram.Run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", .. shell]) : ClientProgram.Run(shell);
            Assert.True(Regex.IsMatch(run.Output, expected, RegexOptions.Multiline, TimeSpan.FromSeconds(10)), $"{command}: {run.Output}");
        }
        finally
        {
            ClientProgram.Run("kill", "-TERM", server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
            Assert.True(server.WaitForExit(TimeSpan.FromSeconds(10)));
            Directory.Delete(folder);
        }
    }

    private sealed class MountTheoryAttribute : TheoryAttribute
    {
        public MountTheoryAttribute(params string[] programs)
        {
            Skip = !File.Exists("/dev/fuse") ? "there is no /dev/fuse here"
                : !Environment.IsPrivilegedProcess && !ClientProgram.Has("fusermount3") ? "an ordinary user needs fusermount3"
                : Array.Find(programs, p => !ClientProgram.Has(p)) is { } missing ? $"there is no '{missing}' here" : null;
        }
    }

    /// <summary>A mount by an ordinary user; skipped where the host keeps /dev/fuse from him.</summary>
    private sealed class OwnMountFactAttribute : FactAttribute
    {
        public OwnMountFactAttribute()
        {
            Skip = OperatingSystem.IsWindows() || !File.Exists("/dev/fuse") ? "there is no /dev/fuse here"
                : (File.GetUnixFileMode("/dev/fuse") & UnixFileMode.OtherWrite) == 0 ? "/dev/fuse is not open to ordinary users here"
                : !ClientProgram.Has("fusermount3") ? "there is no 'fusermount3' here" : null;
        }
    }
}
