using System.Diagnostics;
using System.Globalization;
using System.IO.Compression;
using System.Text.RegularExpressions;
using Kmem.Machine.Loading;
using Kmem.Testing;
using Xunit;

namespace Kmem.Exec.Tests;

/// <summary>Programs of the host on a machine while its guest runs (<c>kmem run --control</c>).</summary>
public sealed partial class RunningMachineTests : IDisposable
{
    private const ulong Kseg = 0xFFFF_FC00_0000_0000;

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-running").FullName;
    private readonly string _program = Path.Combine(SolutionFolders.Program, "kmem");
    private Process? _machine;

    private string Socket => Path.Combine(_folder, "control");

    public void Dispose()
    {
        if (_machine is { HasExited: false })
        {
            _machine.Kill();
        }

        _machine?.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [ClientFact("gcc")]
    public void AProgramMapsTheMemoryOfARunningGuest()
    {
        ulong counter = StartTour();
        string program = ClientProgram.Compile(Source);
        ClientRun map = Attach("linux-6.1-alpha", program, "map", $"0x{counter:x}");
        Assert.Equal((0, "moves\n"), (map.ExitCode, map.Output));
        _machine!.StandardInput.Write("x");
        _machine.StandardInput.Flush();
        Match said = Said().Match(LineWith("x is 78"));

        // What the program stored is what the guest goes on counting from.
        Assert.InRange(ulong.Parse(said.Groups[1].Value, CultureInfo.InvariantCulture), 0x5_0000_0000UL, 0x5_1000_0000UL);
    }

    [ClientFact("gcc")]
    public void KmemRefusesWhatBelongsToTheConsoleWhileTheGuestRuns()
    {
        ulong counter = StartTour();
        string program = ClientProgram.Compile(Source);
        Assert.Equal("HWRPB", new string([.. Attach(null, program, "read", "/dev/kmem", $"0x{Kseg + 0x18008:x}", "8").Output.Where(char.IsAsciiLetter).Reverse()]));
        Assert.Equal(0, Attach(null, program, "read", "/dev/kmem", $"0x{Kseg + counter:x}", "8").ExitCode);
        Assert.Equal("errno 14\n", Attach(null, program, "read", "/dev/kmem", "0x10000000", "8").Output);
        Assert.Contains("Permission denied", Attach(null, "dd", "if=/dev/zero", "of=/dev/mem", "bs=8", "count=1", "seek=12289", "conv=notrunc").Output, StringComparison.Ordinal);
    }

    [ClientFact("gcc")]
    public void ProgramsEndWithTheGuest()
    {
        StartTour();
        using Process client = Process.Start(new ProcessStartInfo(_program, ["exec", "--attach", Socket, "--", "sh", "-c", "echo here; exec sleep 1000"]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Assert.Equal("here", client.StandardOutput.ReadLine());
        _machine!.StandardInput.Write("q");
        _machine.StandardInput.Flush();
        Assert.True(_machine.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.True(client.WaitForExit(TimeSpan.FromSeconds(60)));
        Assert.Equal((0, 3, "kmem: the machine has ended: the guest halted the CPU\n"), (_machine.ExitCode, client.ExitCode, client.StandardError.ReadToEnd()));
    }

    [ClientFact("gcc")]
    public void AKilledClientLeavesTheGuestAlone()
    {
        ulong counter = StartTour();
        using (Process client = Process.Start(new ProcessStartInfo(_program, ["exec", "--attach", Socket, "--", "sh", "-c", "echo here; while :; do dd if=/dev/mem bs=8 count=1 of=/dev/null 2>/dev/null; done"]) { UseShellExecute = false, RedirectStandardOutput = true })!)
        {
            Assert.Equal("here", client.StandardOutput.ReadLine());
            client.Kill();
        }

        Assert.Equal((0, "moves\n"), (Attach("linux-6.1-alpha", ClientProgram.Compile(Source), "map", $"0x{counter:x}") is var run ? run.ExitCode : 0, run.Output));
        Assert.False(_machine!.HasExited);
    }

    [KernelFact("vmlinux-min.gz", "System.map-min.gz")]
    [Trait("Category", "Boot")]
    public void AVariableOfARunningLinuxIsFoundBySystemMap()
    {
        string kernel = Path.Combine(KernelFactAttribute.Folder, "vmlinux-min.gz"), map = Path.Combine(_folder, "System.map");
        using (var packed = new GZipStream(File.OpenRead(Path.Combine(KernelFactAttribute.Folder, "System.map-min.gz")), CompressionMode.Decompress))
        using (FileStream plain = File.Create(map))
        {
            packed.CopyTo(plain);
        }

        // Without an initial file system it panics at the end of its boot and stays, its clock ticking.
        SymbolTable symbols = SystemMap.Load(map);
        Start("machines/alpha-clipper.yaml", "--kernel", kernel, "--append", "console=ttyS0 panic=0");
        LineWith("end Kernel panic");
        string program = ClientProgram.Compile(Source);
        ulong banner = symbols.Find("linux_banner")!.Value, jiffies = symbols.Find("jiffies")!.Value;
        Assert.StartsWith("Linux version 6.1", Attach("tru64-5.1", program, "read", "/dev/kmem", $"0x{banner:x}", "24").Output, StringComparison.Ordinal);
        Assert.StartsWith("Linux version 6.1", Attach("linux-6.1-alpha", program, "read", "/dev/mem", $"0x{banner - Kseg:x}", "24").Output, StringComparison.Ordinal);
        Assert.Equal("moves\n", Attach("linux-6.1-alpha", program, "map", $"0x{jiffies - Kseg:x}").Output);
    }

    private static string Source => Path.Combine(SolutionFolders.Root, "tests", "Kmem.Exec.Tests", "Programs", "running.c");

    private ulong StartTour()
    {
        Start("machines/alpha-tour.yaml", "--append", "stay");
        return ulong.Parse(Place().Match(LineWith("Staying")).Groups[1].Value, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
    }

    private void Start(params string[] arguments) => _machine = Process.Start(new ProcessStartInfo(_program, ["run", .. arguments, "--control", Socket])
    {
        UseShellExecute = false,
        RedirectStandardInput = true,
        RedirectStandardOutput = true,
        WorkingDirectory = SolutionFolders.Root,
    })!;

    private string LineWith(string text)
    {
        while (_machine!.StandardOutput.ReadLine() is { } line)
        {
            if (line.Contains(text, StringComparison.Ordinal))
            {
                return line;
            }
        }

        throw new EndOfStreamException($"'{text}' did not come.");
    }

    private ClientRun Attach(string? flavour, params string[] program) =>
        ClientProgram.Run([_program, "exec", "--attach", Socket, .. flavour is null ? Array.Empty<string>() : ["--flavour", flavour], "--", .. program]);

    [GeneratedRegex("physical (?<place>[0-9a-f]+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Place();

    [GeneratedRegex("stands at (?<count>[0-9]+)", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Said();
}

/// <summary>A test that traces programs and boots kernels of the folder in <c>KMEM_GUESTS</c>; skipped, with the reason, where one is missing.</summary>
internal sealed class KernelFactAttribute : FactAttribute
{
    public KernelFactAttribute(params string[] files)
    {
        Skip = ClientProgram.Obstacle ?? (ClientProgram.Has("gcc") ? null : "there is no 'gcc' here")
            ?? (Array.Find(files, f => !File.Exists(Path.Combine(Folder, f))) is { } missing ? $"there is no kernel {Path.Combine(Folder, missing)}; KMEM_GUESTS names the folder" : null);
    }

    /// <summary>Where the kernels lie.</summary>
    public static string Folder { get; } = Environment.GetEnvironmentVariable("KMEM_GUESTS") ?? Path.GetFullPath(Path.Combine(SolutionFolders.Root, "..", "shared", "guests", "alpha"));
}
