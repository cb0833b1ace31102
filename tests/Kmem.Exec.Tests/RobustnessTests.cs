using System.Diagnostics;
using Kmem.Machine;
using Kmem.Testing;
using Xunit;

namespace Kmem.Exec.Tests;

/// <summary>Many programs at once, programs that try to get past the supervisor, and sudden deaths.</summary>
public sealed class RobustnessTests
{
    private static readonly int Rounds = int.Parse(Environment.GetEnvironmentVariable("KMEM_DEATHS") ?? "40", System.Globalization.CultureInfo.InvariantCulture);

    private static readonly string Machine = Path.Combine(SolutionFolders.Machines, "lab.yaml");

    [ClientFact("gcc")]
    public void ManyThreadsAndProcessesLoseNothing()
    {
        string stress = ClientProgram.Compile(Source("stress.c"));
        ClientRun run = ClientProgram.Exec(Machine, asNobody: false, [], stress, "0xfed50008", "0x200000", "8", "20", "25");
        Assert.Equal("register 4000 ram 4000 expected 4000 bad 0", run.Output.Trim());
    }

    [ClientFact("gcc")]
    public void EveryInstructionMeansOnARegisterWhatItMeansInMemory()
    {
        string machine = Path.GetTempFileName();
        File.WriteAllText(machine, $$"""
            kmem: 1
            machine: cells
            spaces:
              phys: {type: bus.flat, width: 40}
            devices:
              dram: {type: mem.ram, set: {size: 16MiB}, map: [{space: phys, at: 0}]}
              cells:
                type: mmio.registers
                set:
                  size: 4KiB
                  registers: [{{string.Join(", ", Enumerable.Range(0, 8).Select(i => $"{{name: R{i}, offset: {8 * i}, width: 8}}"))}}]
                map: [{space: phys, at: 0x1000_0000}]
            frontends:
              mem: {type: chardev.mem, space: phys, flavour: raw}
            """);
        ClientRun run = ClientProgram.Exec(machine, asNobody: false, [], ClientProgram.Compile(Source("instructions.c")), "0x10000000");
        Assert.Equal("1752 instructions, 0 differ", run.Output.Trim());
        File.Delete(machine);
    }

    [ClientFact("busybox")]
    public void AHostThatAllowsFewDescriptorsIsEnough()
    {
        ClientRun run = ClientProgram.Run("sh", "-c", $"ulimit -n 512; {Path.Combine(SolutionFolders.Program, "kmem")} exec {Machine} -- busybox devmem 0xFED50000");
        Assert.Equal("0x4B4D0001", run.Output.Trim());
    }

    [ClientFact("busybox", "gcc")]
    public void ClientsOfAServerSeeOneMachine()
    {
        string socket = Path.Combine(Directory.CreateTempSubdirectory("kmem-serve").FullName, "control"), kmem = Path.Combine(SolutionFolders.Program, "kmem"), stress = ClientProgram.Compile(Source("stress.c"));
        using Process server = Process.Start(new ProcessStartInfo(kmem, ["serve", Machine, "--control", socket]) { UseShellExecute = false, RedirectStandardOutput = true })!;
        Assert.Contains("is served at", server.StandardOutput.ReadLine() ?? "", StringComparison.Ordinal);
        Parallel.For(0, 4, _ => Assert.Equal(0, ClientProgram.Run(kmem, "exec", "--attach", socket, "--", stress, "0xfed50008", "0x200000", "2", "4", "50").ExitCode));
        Assert.Equal("0x00000640", ClientProgram.Run(kmem, "exec", "--attach", socket, "--", "busybox", "devmem", "0xFED50008").Output.Trim());
        Assert.Equal("0x00000640", ClientProgram.Run(kmem, "exec", "--attach", socket, "--", "busybox", "devmem", "0x200000").Output.Trim());
        Assert.Equal(6, ClientProgram.Run(kmem, "exec", "--attach", socket, "--", "sh", "-c", "exit 6").ExitCode);
        Assert.Contains("already served", ClientProgram.Run(kmem, "serve", Machine, "--control", socket).Output, StringComparison.Ordinal);
        ClientProgram.Run("kill", "-TERM", server.Id.ToString(System.Globalization.CultureInfo.InvariantCulture));
        Assert.True(server.WaitForExit(TimeSpan.FromSeconds(10)));
        Assert.False(File.Exists(socket));
        Assert.Contains("no machine is served", ClientProgram.Run(kmem, "exec", "--attach", socket, "--", "true").Output, StringComparison.Ordinal);
    }

    [ClientFact("busybox")]
    public void ARecordedSessionIsComparedWithTheNextOne()
    {
        string recording = Path.GetTempFileName();
        Assert.Equal(0, ClientProgram.Exec(Machine, asNobody: false, ["--record", recording], "busybox", "devmem", "0xFED50008", "32", "5").ExitCode);
        Assert.Equal(0, ClientProgram.Exec(Machine, asNobody: false, ["--replay", recording], "busybox", "devmem", "0xFED50008", "32", "5").ExitCode);
        ClientRun other = ClientProgram.Exec(Machine, asNobody: false, ["--replay", recording], "busybox", "devmem", "0xFED50008", "16", "5");
        Assert.Equal(1, other.ExitCode);
        Assert.Contains("\"width\":2", other.Output, StringComparison.Ordinal);
        File.Delete(recording);
    }

    [ClientFact("gcc")]
    public void HostileProgramsReachTheMachineOnly()
    {
        string hostile = ClientProgram.Compile(Source("hostile.c"));
        ClientRun run = ClientProgram.Exec(Machine, asNobody: false, [], hostile, "0xfed50008");
        string[] expected =
        [
            "int80 open: -38", "x32 open: -38", "io_uring_setup: -38", "open: 1", "map: 1", "mprotect: 0", "register after mprotect: 1", "mremap: 1", "register after mremap: 1", "SCM_RIGHTS: -1",
            "own node reads the machine: 1", "kcore: -1", "mount: -1", "memory file: -2", "open after closefrom: 1", "RAM after closefrom: 1", "set-uid program: 1", "forks: 60", "own crash: 11",
        ];
        foreach (string line in expected)
        {
            Assert.Contains(line + "\n", run.Output, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("real root: 1", run.Output, StringComparison.Ordinal);
        if (Environment.IsPrivilegedProcess)
        {
            Assert.Contains("supervisor's memory: 0\n", run.Output, StringComparison.Ordinal);
        }

        Assert.Matches("(block node: -1)|(block node: -13)", run.Output);
        Assert.Equal(0, run.ExitCode);
    }

    [ClientTheory("gcc", "setpriv")]
    [InlineData(false)]
    [InlineData(true)]
    public void EvasionsEndAtTheMachine(bool asNobody)
    {
        // Files that an open in the wrong moment would reach; where the host has no Landlock, a moment may do.
        bool isRoot = !asNobody && Environment.IsPrivilegedProcess;
        string[] raced = isRoot && File.Exists("/proc/sys/kernel/core_pattern") ? ["/proc/sys/kernel/core_pattern", .. File.Exists("/dev/fuse") ? ["/dev/fuse"] : Array.Empty<string>()] : [];
        ClientRun run = ClientProgram.Exec(Machine, asNobody && Environment.IsPrivilegedProcess, [], [ClientProgram.Compile(Source("evasions.c")), .. raced]);
        string[] refused =
        [
            "ptrace of the supervisor: -1", "process_vm_readv of the supervisor: -1", "memory of the supervisor: -1", "device through the supervisor's root is simulated: 1", "kill of the supervisor: -1",
            "tgkill of the supervisor: -1", "pidfd of the supervisor: -1", "limits of the supervisor: -1", "kill of everybody: 0", "kill of the group: 0", "name spaces: -1", "child in name spaces: -1",
            "clone3: -38", "new mount calls: -1", "userfaultfd: -38", "typing into the terminal: -1", "listening at an own filter: -22", "child that wants no tracer sees the machine: 1",
            "openat2 is simulated: 1", "second open of a path descriptor is simulated: 1", "link whose name is no text: -2", "such a link to a device is simulated: 1",
            "writing to the host's devices: 0", "register after pkey_mprotect: 1", "large hole: 1", "splice from an empty pipe ends: 1", "utimensat: 0", "device with a new time: 1", "mkdirat: 0",
            "folder in the session: 0", "mode of the host's null by path: -1", "mode of the host's null by descriptor: -1", "mode of the host's null by an empty path: -1", "owner of the host's null: -1",
            "times of the host's null: -1", "owner of the node behind a device: -1", .. raced.Select(_ => "host files kept in a race: 0"), "copy of a device after its page is gone: 1",
        ];
        foreach (string line in refused)
        {
            Assert.Contains(line + "\n", run.Output, StringComparison.Ordinal);
        }

        Assert.Matches("writing to the host's kernel: (-1|-13)\n", run.Output);
        Assert.Equal(0, run.ExitCode);
    }

    [ClientFact("gcc", "busybox")]
    public void AJobStopsGoesOnBehindAndEnds()
    {
        string terminal = ClientProgram.Compile(Source("terminal.c")), kmem = Path.Combine(SolutionFolders.Program, "kmem");

        // With this kind of terminal the runtime sets modes of its own when it is continued.
        ClientRun run = ClientProgram.Run("env", "TERM=screen", terminal, kmem, "exec", Machine, "--", "sh", "-c", "echo ready; while :; do busybox devmem 0xfed50000 >/dev/null; done");
        Assert.Equal("stopped: 1\nbehind: 1\nstops again: 0\nended: 130\n", run.Output);
    }

    [ClientFact("gcc")]
    public void SuddenDeathsLeaveNothing()
    {
        string stress = ClientProgram.Compile(Source("stress.c"));
        var random = new Random(1);
        for (int i = 0; i < Rounds; i++)
        {
            using Process process = Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["exec", Machine, "--", stress, "0xfed50008", "0x200000", "2", "4", "100000"]) { UseShellExecute = false, RedirectStandardOutput = true })!;
            Thread.Sleep(100 + random.Next(300));
            if (i % 2 == 0)
            {
                process.Kill();
            }
            else
            {
                // All clients, in whatever order; the server then has nothing left to do.
                for (int tries = 0; tries < 200 && !process.HasExited; tries++)
                {
                    foreach (Process client in Process.GetProcesses().Where(p => p.ProcessName == "stress"))
                    {
                        client.Kill();
                    }

                    Thread.Sleep(20);
                }
            }

            Assert.True(process.WaitForExit(TimeSpan.FromSeconds(20)), "the server does not end");
        }

        // The host's kernel takes its time with what has been killed.
        for (int tries = 0; tries < 100 && Process.GetProcesses().Any(p => p.ProcessName == "stress"); tries++)
        {
            Thread.Sleep(100);
        }

        Assert.DoesNotContain(Process.GetProcesses(), p => p.ProcessName == "stress");
    }

    [ClientFact("busybox")]
    public void ATestSeesTheAccessesOfAProgram()
    {
        BuildResult built = MachineFactory.Load(Machine, new Kmem.Description.LoadOptions { SearchPath = [SolutionFolders.Machines] }, catalog: SolutionFolders.Plugins());
        using RunningMachine machine = built.Machine!;
        MachineProgramResult result = MachineProgram.Run(machine, "busybox", "devmem", "0xFED50000");
        Assert.Equal((0, "0x4B4D0001\n"), (result.ExitCode, result.Output));
        Assert.Equal((4UL, false, 0x4B4D_0001UL), Assert.Single(result.At("phys", 0xFED5_0000, 0xFED5_0FFF)) is var access ? (access.Width, access.IsWrite, access.Value) : default);
    }

    private static string Source(string name) => Path.Combine(SolutionFolders.Root, "tests", "Kmem.Exec.Tests", "Programs", name);
}
