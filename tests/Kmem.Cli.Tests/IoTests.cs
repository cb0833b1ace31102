using System.Text;
using System.Text.Json;
using CsCheck;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Host.Recordings;
using Kmem.Machine;
using Kmem.Testing;
using Xunit;

namespace Kmem.Cli.Tests;

public sealed class IoTests
{
    [Fact]
    public void EachLineIsAnsweredByOneLine()
    {
        ProgramRun run = KmemProgram.RunWith(
            "{\"op\":\"open\",\"dev\":\"mem\",\"fd\":\"m\"}\n\n{\"op\":\"pread\",\"fd\":\"m\",\"offset\":\"0x100000\",\"length\":8}\nnonsense\n{\"op\":\"fly\",\"fd\":\"m\"}\n{\"op\":\"close\",\"fd\":\"m\"}\n",
            "io",
            "machines/pc-i440fx.yaml");
        string[] lines = run.Output.TrimEnd('\n').Split('\n');
        Assert.Equal(5, lines.Length);
        Assert.EndsWith("\"result\":-1,\"errno\":\"EPERM\"}", lines[1], StringComparison.Ordinal);
        Assert.StartsWith("{\"error\":\"line 4: this is no JSON object", lines[2], StringComparison.Ordinal);
        Assert.Contains("there is no operation 'fly'", lines[3], StringComparison.Ordinal);
        Assert.EndsWith("\"result\":0,\"errno\":null}", lines[4], StringComparison.Ordinal);
    }

    [Fact]
    public void AnotherFlavourGivesOtherAnswers()
    {
        const string Input = "{\"op\":\"open\",\"dev\":\"mem\",\"fd\":\"m\"}\n{\"op\":\"pread\",\"fd\":\"m\",\"offset\":\"0x100000\",\"length\":8}\n";
        Assert.Contains("\"result\":8", KmemProgram.RunWith(Input, "io", "machines/pc-i440fx.yaml", "--flavour", "raw").Output, StringComparison.Ordinal);
        Assert.Equal(2, KmemProgram.RunWith("", "io", "machines/pc-i440fx.yaml", "--flavour", "linux-7").ExitCode);
    }

    [Fact]
    public void AFrontendIsTheDeviceOfLinesThatNameNone() =>
        Assert.Contains("\"data\":\"60\"", KmemProgram.RunWith("{\"op\":\"pread\",\"offset\":\"0x3fd\",\"length\":1}\n", "io", "machines/pc-i440fx.yaml", "--frontend", "port").Output, StringComparison.Ordinal);

    [Fact]
    public void TheLostUpdateIsReported() =>
        Assert.Contains("lost update at 0x1000", KmemProgram.RunWith(File.ReadAllText(Path.Combine(SolutionFolders.Machines, "lost-update.jsonl")), "io", "machines/lost-update.yaml").Error, StringComparison.Ordinal);

    [Fact]
    public void RandomOperationsNeverThrow()
    {
        using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "pc-i440fx.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
        IKernel kernel = machine.CreateKernel("raw", new DiagnosticBag())!;
        string[] operations = ["open", "close", "pread", "pwrite", "read", "write", "lseek", "mmap", "load", "store", "munmap", "ioctl", "fcntl", "splice", "mmap_access", "mremap", "open_priv", "preadv", "ram_top", "mmap_store", "x", ""];
        string[] devices = ["mem", "port", "kmem", "/dev/mem", "/dev/port", "/dev/zero", "c1:9", "mem_major", "null", "", "é"];
        string[] values = ["0", "-1", "\"0xffffffffffffffff\"", "\"0x100000\"", "9223372036854775807", "1e99", "null", "\"\"", "[]", "{}", "4096", "\"0xfec00000\"", "true", "\"zz\""];
        Gen<string> value = Gen.Int[0, values.Length - 1].Select(i => values[i]);
        Gen.Select(Gen.Int[0, operations.Length - 1], Gen.Int[0, devices.Length - 1], value, value, value, Gen.Bool).Array[1, 30].Sample(
            lines =>
            {
                var runner = new OperationRunner(kernel, machine.MainSpace, KernelRam.End(machine));
                foreach ((int op, int dev, string a, string b, string c, bool hasDescriptor) in lines)
                {
                    string line = $"{{\"op\":\"{operations[op]}\",\"dev\":\"{devices[dev]}\",{(hasDescriptor ? "\"fd\":\"m\"," : "")}\"offset\":{a},\"length\":{b},\"width\":{c},\"src\":\"00\",\"args\":{b}}}";
                    using JsonDocument answer = JsonDocument.Parse(runner.Run(line)!);
                }
            },
            iter: 400);
    }

    [Fact]
    public void RandomBytesNeverThrow()
    {
        using RunningMachine machine = MachineFactory.Load(Path.Combine(SolutionFolders.Machines, "tutorial.yaml"), catalog: SolutionFolders.Plugins()).Machine!;
        var runner = new OperationRunner(machine.CreateKernel("raw", new DiagnosticBag())!, machine.MainSpace, 0);
        Gen.Byte.Array[1, 200].Sample(bytes => _ = runner.Run(Encoding.Latin1.GetString(bytes)), iter: 2000);
    }
}
