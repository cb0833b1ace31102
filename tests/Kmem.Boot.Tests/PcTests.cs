using System.Text;
using Kmem.Description;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading.Pc;
using Kmem.Machine.Plugins;
using Kmem.Machine.Running;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>The PCs from power-on: firmware, boot sectors, kernels.</summary>
[Trait("Category", "Boot")]
public sealed class PcTests : IDisposable
{
    private const long Second = 1_000_000_000;
    private const string SeaBios = "/usr/share/seabios/bios-256k.bin";

    // Prints "Hi" through INT 10h, waits for a timer tick and ends the run with code 0x2A through the debug exit, else halts.
    private static readonly byte[] Program = Convert.FromHexString("FBB8480ECD10B8690ECD10F4BAF400B015EEF4EBFD");

    // Writes a shutdown status (at byte 22) to CMOS register 0Fh and an address to 40:67, resets the CPU through port 92h; at that address, ends the run with the status, which is cleared by then, plus 33h.
    private static readonly byte[] ResettingProgram = Convert.FromHexString("FA31C08ED8C7066704227CC70669040000B00FE670B00AE671E4920C01E692F4EBFD31C08ED8B00FE670E471BAF4000433EEF4EBFD");

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-pc").FullName;
    private readonly MemoryCharBackend _console = new();

    private string Text => Encoding.Latin1.GetString([.. _console.Sent]);

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Both)]
    public void OwnFirmwareBootsASectorOfTheDisk(EngineMode mode)
    {
        MachineStop stop = Run("pc-i440fx.yaml", mode, 5 * Second, "disk", Disk(), "testdev", "true");
        Assert.Equal((StopKind.PowerOff, 0x2B), (stop.Kind, stop.ExitCode));
        Assert.StartsWith("Kmem BIOS, 128 MiB\r\n", Text, StringComparison.Ordinal);
        Assert.EndsWith("Hi", Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(0x05)]
    [InlineData(0x0A)]
    public void OwnFirmwareGoesOnWhereTheShutdownStatusSays(byte status)
    {
        byte[] program = [.. ResettingProgram];
        program[22] = status;
        using RunningMachine running = Build("pc-i440fx.yaml", "disk", Disk(program), "testdev", "true");
        using var runner = new MachineRunner(running, new EngineOptions { Mode = EngineMode.Both });
        Assert.Equal(StopKind.Reset, runner.Run(5 * Second).Kind);
        running.Reset();
        runner.Restart();
        MachineStop stop = runner.Run(running.Clock.Now + Second);
        Assert.Equal((StopKind.PowerOff, (2 * 0x33) + 1), (stop.Kind, stop.ExitCode));
    }

    [Fact]
    public void TheSmallestPcBootsItToo()
    {
        _ = Run("pc-minimal.yaml", EngineMode.Both, Second, "disk", Disk());
        Assert.EndsWith("Hi", Text, StringComparison.Ordinal);
    }

    [FileFact(SeaBios, "Debian's package seabios")]
    public void SeaBiosBootsASectorOfTheDisk()
    {
        MachineStop stop = Run("pc-i440fx.yaml", EngineMode.Both, 20 * Second, "disk", Disk(), "testdev", "true", "bios", SeaBios, "debug-log", "stdio");
        Assert.Equal((StopKind.PowerOff, 0x2B), (stop.Kind, stop.ExitCode));
        Assert.Contains("Booting from 0000:7c00", Text, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("pc-i440fx.yaml")]
    [InlineData("pc-minimal.yaml")]
    public void AProgramThatIsLoadedDirectlyBeginsInRealMode(string machine)
    {
        // Writes to the serial line without any firmware, and switches the machine off through the ACPI registers.
        string path = Path.Combine(_folder, "sector");
        byte[] sector = new byte[512];
        Convert.FromHexString("BAF803B04BEEBA0406B80020EFF4EBFD").CopyTo(sector, 0);
        (sector[510], sector[511]) = (0x55, 0xAA);
        File.WriteAllBytes(path, sector);
        using RunningMachine running = Build(machine);
        using var runner = new MachineRunner(running, new EngineOptions { Mode = EngineMode.Both });
        runner.Boot(PcProgram.Load(path, null, ""));
        Assert.Equal(StopKind.PowerOff, runner.Run(Second).Kind);
        Assert.Equal("K", Text);
    }

    private string Disk(byte[]? program = null)
    {
        byte[] disk = new byte[1 << 20];
        (program ?? Program).CopyTo(disk, 0);
        (disk[510], disk[511]) = (0x55, 0xAA);
        string path = Path.Combine(_folder, "disk.img");
        File.WriteAllBytes(path, disk);
        return path;
    }

    private MachineStop Run(string machine, EngineMode mode, long limit, params string[] parameters)
    {
        using RunningMachine running = Build(machine, parameters);
        using var runner = new MachineRunner(running, new EngineOptions { Mode = mode });
        return runner.Run(limit);
    }

    private RunningMachine Build(string machine, params string[] parameters) => BootMachine.Build(machine, _console, parameters);

    /// <summary>A test that needs a file of the host.</summary>
    private sealed class FileFactAttribute : FactAttribute
    {
        public FileFactAttribute(string path, string package) => Skip = File.Exists(path) ? null! : $"there is no {path} ({package})";
    }
}
