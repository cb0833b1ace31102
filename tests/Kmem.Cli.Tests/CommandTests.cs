using System.Text.Json;
using Kmem.Testing;
using Xunit;

namespace Kmem.Cli.Tests;

public sealed class CommandTests
{
    private const string Pc = "machines/pc-i440fx.yaml", Alpha = "machines/alpha-clipper.yaml", Tutorial = "machines/tutorial.yaml";

    [Fact]
    public void CheckSaysThatAllMachinesAreRight()
    {
        ProgramRun run = KmemProgram.Run("check", Pc, Alpha, Tutorial, "machines/lost-update.yaml");
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Equal(4, run.Output.Split(": ok, ").Length - 1);
    }

    [Fact]
    public void CheckOfABrokenMachineEndsWithOneAndNamesThePlace()
    {
        string file = Temporary("kmem: 1\ndevices:\n  a: {type: mem.rum}\n");
        ProgramRun run = KmemProgram.Run("check", file);
        Assert.Equal(1, run.ExitCode);
        Assert.Contains($"{file}:3:13: error KM2001", run.Error, StringComparison.Ordinal);
        Assert.Contains("did you mean 'mem.ram'?", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("json")]
    [InlineData("sarif")]
    public void DiagnosticsForProgramsAreJson(string format)
    {
        ProgramRun run = KmemProgram.Run("check", Temporary("kmem: 1\nmashine: a\n"), "--format", format);
        Assert.Equal(1, run.ExitCode);
        using JsonDocument document = JsonDocument.Parse(run.Output);
        Assert.Contains("KM1008", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void BinaryJunkAndMissingFilesAreSaid()
    {
        ProgramRun junk = KmemProgram.Run("check", Path.Combine(SolutionFolders.Program, "kmem.dll"));
        Assert.Equal(1, junk.ExitCode);
        Assert.Contains("is it a machine file at all?", junk.Error, StringComparison.Ordinal);
        ProgramRun missing = KmemProgram.Run("check", "nowhere.yaml");
        Assert.Equal(1, missing.ExitCode);
        Assert.Contains("there is no file 'nowhere.yaml'", missing.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void AMachineComparedWithItselfShowsNoDifference() =>
        Assert.EndsWith("60 operations, 0 differ\n", KmemProgram.Run("compare", Alpha, Alpha, "--exit-code").Output, StringComparison.Ordinal);

    [Fact]
    public void SwappedArgumentsMirrorTheComparison()
    {
        static (string A, string B, string Op)[] Rows(string text, bool swap)
        {
            using JsonDocument document = JsonDocument.Parse(text);
            return [.. document.RootElement.EnumerateArray().Select(r => (r.GetProperty(swap ? "b" : "a").GetRawText(), r.GetProperty(swap ? "a" : "b").GetRawText(), r.GetProperty("operation").GetRawText()))];
        }

        string forth = KmemProgram.Run("compare", Pc, Alpha, "--format", "json").Output, back = KmemProgram.Run("compare", Alpha, Pc, "--format", "json").Output;
        (string A, string B, string Op)[] there = Rows(forth, swap: false), here = Rows(back, swap: true);
        Assert.Equal(there.Length, here.Length);

        // The block of registers takes the first machine's free place, so its address may differ; results and values may not.
        static string WithoutAddress(string outcome) => System.Text.RegularExpressions.Regex.Replace(outcome, "\"address\": \"0x[0-9A-F]+\"", "", System.Text.RegularExpressions.RegexOptions.None, TimeSpan.FromSeconds(1));
        Assert.Equal(there.Select(r => (WithoutAddress(r.A), WithoutAddress(r.B))), here.Select(r => (WithoutAddress(r.A), WithoutAddress(r.B))));
    }

    [Fact]
    public void TheComparisonShowsReadModifyWriteAndMachineChecks()
    {
        ProgramRun run = KmemProgram.Run("compare", Pc, Alpha);
        Assert.Equal((0, ""), (run.ExitCode, run.Error));
        Assert.Contains("[RMW8]", run.Output, StringComparison.Ordinal);
        Assert.Contains("decode error", run.Output, StringComparison.Ordinal);
        Assert.Contains("read-only", run.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void AProbeOfOnesOwnIsCompared()
    {
        string probe = Temporary("{\"op\":\"bus_read\",\"offset\":\"ram\",\"length\":8}\n{\"op\":\"bus_read\",\"space\":\"ports\",\"offset\":\"0x3FD\",\"length\":1}\n");
        Assert.EndsWith("2 operations, 0 differ\n", KmemProgram.Run("compare", Pc, Alpha, probe).Output, StringComparison.Ordinal);
    }

    [Fact]
    public void PeekHasNoSideEffectsAndPokeReadsBack()
    {
        Assert.Equal("phys 0x10000000 (timer): 0x00000001\n", KmemProgram.Run("peek", Tutorial, "phys:0x10000000/4").Output);
        Assert.Equal("phys 0x10000004 (timer): 0x00000000\n", KmemProgram.Run("poke", Tutorial, "phys:0x10000004/4", "0x80000000").Output);
        Assert.Equal(3, KmemProgram.Run("peek", Alpha, "phys:0x70000000000/8").ExitCode);
        Assert.Equal(2, KmemProgram.Run("peek", Tutorial, "phys:0x10000000/3").ExitCode);
        Assert.Equal(2, KmemProgram.Run("peek", Tutorial, "fys:0").ExitCode);
    }

    [Fact]
    public void MapShowsASwitchedOverlay()
    {
        Assert.Contains("00000F0000..00000FFFFF    64 KiB  window pci0.mem", KmemProgram.Run("map", Pc, "phys", "--given", "pmc.pam0=off").Output, StringComparison.Ordinal);
        Assert.Equal(2, KmemProgram.Run("map", Pc, "--given", "pmc.pam9=off").ExitCode);
        Assert.StartsWith("<svg", KmemProgram.Run("map", Pc, "--format", "svg").Output, StringComparison.Ordinal);
        using JsonDocument document = JsonDocument.Parse(KmemProgram.Run("map", Pc, "--format", "json").Output);
        Assert.True(document.RootElement.GetArrayLength() >= 5);
    }

    [Fact]
    public void ExplainNamesLosersAndOrigins()
    {
        string text = KmemProgram.Run("explain", Pc, "phys 0xF0000").Output;
        Assert.Contains("-> dram +0x0: answers", text, StringComparison.Ordinal);
        Assert.Contains("loses: priority 0 is below 10", text, StringComparison.Ordinal);
        Assert.Contains("machines/pc-i440fx.yaml:", text, StringComparison.Ordinal);
        Assert.Contains("register LSR", KmemProgram.Run("explain", Alpha, "phys", "0x801_FC00_03FD").Output, StringComparison.Ordinal);
    }

    [Fact]
    public void TheEffectiveMachineIsTheSameMachine()
    {
        ProgramRun run = KmemProgram.Run("config", Alpha, "--effective");
        string file = Temporary(run.Output);
        Assert.Equal(0, KmemProgram.Run("check", file).ExitCode);
        Assert.Equal(Maps(Alpha), Maps(file));

        static string Maps(string machine) => string.Join('\n', KmemProgram.Run("map", machine).Output.Split('\n').Select(l => l.Split("  ")[..Math.Min(3, l.Split("  ").Length)]).Select(p => string.Join(' ', p)));
    }

    [Fact]
    public void TheSchemaKnowsEveryPluginType()
    {
        string schema = KmemProgram.Run("schema").Output;
        using JsonDocument document = JsonDocument.Parse(schema);
        foreach (string type in (string[])["mem.ram", "mmio.registers", "bus.alpha-quadword", "chardev.kmem", "pci.root", "uart.16550a"])
        {
            Assert.Contains($"\"{type}\"", schema, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void ParametersAreCheckedAgainstTheirBounds()
    {
        Assert.Equal(0, KmemProgram.Run("check", Pc, "--set", "ram=6GiB").ExitCode);
        Assert.Contains("KM1205", KmemProgram.Run("check", Pc, "--set", "ram=1MiB").Error, StringComparison.Ordinal);
        Assert.Contains("KM1206", KmemProgram.Run("check", Pc, "--set", "rom=1MiB").Error, StringComparison.Ordinal);
        Assert.Equal(2, KmemProgram.Run("check", Pc, "--set", "ram").ExitCode);
    }

    [Fact]
    public void HelpTeachesTheCommandsAndExitCodes()
    {
        string help = KmemProgram.Run("--help").Output;
        Assert.Contains("Exit codes", help, StringComparison.Ordinal);
        Assert.All((string[])["check", "config", "map", "explain", "peek", "poke", "compare", "io", "import", "plugins", "describe", "schema"], c => Assert.Contains("  " + c + " ", help, StringComparison.Ordinal));
    }

    private static string Temporary(string text)
    {
        string file = Path.Combine(Directory.CreateTempSubdirectory("kmem-cli").FullName, "file.yaml");
        File.WriteAllText(file, text);
        return file;
    }
}
