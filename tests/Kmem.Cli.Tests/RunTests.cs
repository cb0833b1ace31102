using System.Diagnostics;
using System.Text.RegularExpressions;
using Xunit;

namespace Kmem.Cli.Tests;

/// <summary><c>kmem run</c> with the small machine and its guest.</summary>
public sealed partial class RunTests : IDisposable
{
    private const string Tour = "machines/alpha-tour.yaml";

    private readonly string _folder = Directory.CreateTempSubdirectory("kmem-run").FullName;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public void TheTourShowsTheMachineAndEndsWithSuccess()
    {
        ProgramRun run = KmemProgram.Run("run", Tour);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("cluster 0  00000000..0001dfff     120 KiB  console and PALcode", run.Output, StringComparison.Ordinal);
        Assert.Contains("cluster 1  0001e000..01ffffff   32648 KiB  free", run.Output, StringComparison.Ordinal);
        Assert.Contains("00:02.0  8086:100e  class 0200  Ethernet", run.Output, StringComparison.Ordinal);
        Assert.Matches(@"quadword from dma\.ADDRESS +[0-9a-f]{16}\r", run.Output);
        Assert.Matches(@"longword from dma\.ADDRESS +machine check at [0-9a-f]+, survived", run.Output);
        Assert.Matches(@"nobody has +machine check at [0-9a-f]+, survived", run.Output);
        Match race = Lost().Match(run.Output), locked = Lost().Match(run.Output, race.Index + race.Length);
        Assert.InRange(int.Parse(race.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture), 1, 1100);
        Assert.Equal("0", locked.Groups[1].Value);
        Assert.EndsWith("The tour ends here.\r\n", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void EveryBackEndGivesTheSameTour()
    {
        string[] outputs = [.. ((string[])["interpret", "translate", "both"]).Select(e => KmemProgram.Run("run", Tour, "--engine", e).Output)];
        Assert.Single(outputs.Distinct(StringComparer.Ordinal));
    }

    [Fact]
    public void AMachineWithMoreMemorySaysSo()
    {
        ProgramRun run = KmemProgram.Run("run", Tour, "--set", "ram=64MiB", "--until", "free for the");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("0001e000..03ffffff   65416 KiB", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AScriptWaitsAndTypes()
    {
        ProgramRun run = KmemProgram.Run("run", Tour, "--append", "stay", "--timeout", "60s", "--expect", "q ends", "--send", @"x\x79", "--expect", "y is 79", "--send", "q");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("x is 78; the counter stands at", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AScriptLosesPatienceInGuestTime()
    {
        ProgramRun run = KmemProgram.Run("run", Tour, "--append", "stay", "--timeout", "1500ms", "--expect", "q ends", "--send", "x", "--expect", "login:", "--send", "root");
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith("kmem: 'login:' did not appear within 1.5 s of guest time; the guest's last words were:\n", run.Error, StringComparison.Ordinal);
        Assert.EndsWith("x is 78; the counter stands at 2\n", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--expect", "login:", "kmem: the run ended (the guest halted the CPU) before 'login:' appeared; the guest's last words were:")]
    [InlineData("--until", "login:", "kmem: the run ended (the guest halted the CPU) before 'login:' appeared\n")]
    public void AnEndBeforeTheTextIsAFailure(string option, string text, string message)
    {
        ProgramRun run = KmemProgram.Run("run", Tour, option, text);
        Assert.Equal(3, run.ExitCode);
        Assert.StartsWith(message, run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void TimeEndsARun()
    {
        ProgramRun run = KmemProgram.Run("run", Tour, "--append", "stay", "--for", "2s", "--stats");
        Assert.Equal(0, run.ExitCode);
        Assert.Contains("guest time         2.000 s\n", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("--until", @"\q", @"kmem: '\q' has an escape that does not exist; there are \n \r \t \e \0 \\ and \xHH")]
    [InlineData("--send", "", "kmem: a text to wait for or to send can't be empty")]
    [InlineData("--for", "3", "kmem: --for takes a duration such as 500ms or 10s, not '3'")]
    [InlineData("--serial", "com7=pty", "kmem: --serial: there is no serial port 'com7'; there are com1")]
    [InlineData("--serial", "tty", "kmem: --serial: 'tty' is no place for a serial port; there are stdio, pty, unix:PATH, file:PATH, memory and none")]
    [InlineData("--at", "here", "kmem: --at takes an address, not 'here'")]
    public void AWrongOptionIsSaid(string option, string value, string message)
    {
        ProgramRun run = KmemProgram.Run("run", Tour, option, value);
        Assert.Equal((2, message + "\n"), (run.ExitCode, run.Error));
    }

    [Theory]
    [InlineData("README.md", "is no ELF file; if it is a flat image, --at ADDRESS says where it goes")]
    [InlineData("docs", "is a directory")]
    [InlineData("/bin/true", "is for x86-64, but Alpha is needed")]
    public void AWrongKernelIsSaid(string kernel, string reason)
    {
        ProgramRun run = KmemProgram.Run("run", Tour, "--kernel", kernel);
        Assert.Equal((1, $"kmem: the image '{kernel}' {reason}\n"), (run.ExitCode, run.Error));
    }

    [Fact]
    public void ASerialPortGoesWhereItIsSent()
    {
        string file = Path.Combine(_folder, "line");
        ProgramRun run = KmemProgram.Run("run", Tour, "--serial", "com1=file:" + file);
        Assert.Equal((0, ""), (run.ExitCode, run.Output));
        Assert.EndsWith("The tour ends here.\r\n", File.ReadAllText(file), StringComparison.Ordinal);
    }

    [Fact]
    public void OutputGoesOnWhereTheShellStands()
    {
        ProgramRun run = Shell($"{{ echo before; {KmemProgram.File} run {Tour} --until PCI; echo after; }} > {_folder}/all; {KmemProgram.File} run {Tour} --until PCI >> {_folder}/all; cat {_folder}/all");
        Assert.Matches(@"^before\nKmem tour: [^\0]*after\nKmem tour:", run.Output);
    }

    [Fact]
    public void ARunEndsWithItsReader()
    {
        ProgramRun run = Shell($"{KmemProgram.File} run {Tour} --append stay < /dev/null | head -2");
        Assert.Equal((0, "Kmem tour: an Alpha without an operating system\r\n\r\n"), (run.ExitCode, run.Output));
    }

    [Fact]
    public void ASignalEndsARunInOrder()
    {
        string socket = Path.Combine(_folder, "line");
        using var program = new RunningProgram("run", Tour, "--append", "stay", "--serial", "unix:" + socket);
        Assert.Equal($"kmem: com1: a serial line listens at {socket}", program.ErrorLine());
        program.Signal("TERM");
        Assert.Equal(143, program.Wait());
        Assert.False(Path.Exists(socket));
    }

    [Fact]
    public void APseudoTerminalIsAWayIn()
    {
        using var program = new RunningProgram("run", Tour, "--append", "stay", "--serial", "pty");
        string path = program.ErrorLine().Split(' ')[^1];
        Assert.StartsWith("/dev/", path, StringComparison.Ordinal);
        using (var line = new FileStream(path, FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite, bufferSize: 0))
        using (var reader = new StreamReader(line))
        {
            Assert.StartsWith("Kmem tour", reader.ReadLine(), StringComparison.Ordinal);
            line.Write("q"u8);
            Assert.Equal(0, program.Wait());
        }
    }

    private static ProgramRun Shell(string command)
    {
        using Process process = Process.Start(new ProcessStartInfo("sh", ["-c", command]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Kmem.Testing.SolutionFolders.Root })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromSeconds(60)));
        return new ProgramRun(process.ExitCode, output.Result, error.Result);
    }

    [GeneratedRegex(@"(?<lost>\d+) of \d+ updates lost", RegexOptions.None, matchTimeoutMilliseconds: 1000)]
    private static partial Regex Lost();
}
