using System.Diagnostics;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Programs of a PC that can't go on stop with a report; those that end by the test devices end with their exit code.</summary>
[Trait("Category", "Boot")]
public sealed class PcCrashTests
{
    private const long Second = 1_000_000_000;
    private const byte Hlt = 0xF4, Cli = 0xFA, Iret = 0xCF;

    /// <summary>Writes "ok" and a line feed to COM1, then 5 to port 0xF4.</summary>
    private static readonly byte[] Greets =
    [
        0xBA, 0xF8, 0x03, 0x00, 0x00, 0xB0, (byte)'o', 0xEE, 0xB0, (byte)'k', 0xEE, 0xB0, (byte)'\n', 0xEE,
        0xB8, 0x05, 0x00, 0x00, 0x00, 0xBA, 0xF4, 0x00, 0x00, 0x00, 0xEF, Cli, Hlt,
    ];

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ALoopThatNothingCanEndStopsTheMachine(EngineMode mode) => StopsWith(mode, [Cli, 0xEB, 0xFE], "a loop without end at 0x200021", "interrupts are off");

    [Fact]
    public void AHaltWithInterruptsOffStopsTheMachine() => StopsWith(EngineMode.Both, [Cli, Hlt, 0xEB, 0xFD], "halted with interrupts off at 0x200021");

    [Fact]
    public void AnExceptionWithoutTablesIsATripleFault() => StopsWith(EngineMode.Both, [.. LoadTable(limit: 0, entry: 0), 0x0F, 0x0B], "triple fault");

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    public void AHandlerThatFaultsAtOnceStopsTheMachine(EngineMode mode) => StopsWith(mode, Handled(0x0F, 0x0B), "exceptions without end", "the handler's own first instruction");

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    public void AnExceptionThatNobodyMendsStopsTheMachine(EngineMode mode) => StopsWith(mode, Handled(Iret), "exceptions");

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    public void GarbageEndsInAReport(EngineMode mode)
    {
        using var run = new PcProgramRun(mode);
        for (int seed = 1; seed <= 20; seed++)
        {
            byte[] code = new byte[8000];
            new Random(seed).NextBytes(code);
            MachineStop stop = run.Program(code, 2_000_000);
            Assert.True(stop.Message.Length > 0 && run.Cpu.Report().Contains("last blocks", StringComparison.Ordinal), $"seed {seed}");
        }
    }

    [Theory]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void AnInterruptComesThroughThe8259(EngineMode mode)
    {
        // The handler tells which request is in service; the program sets up both 8259s, unmasks line 4, raises it by the test device and halts.
        byte[] handler = [0xB0, 0x0B, 0xE6, 0x20, 0xE4, 0x20, 0xE6, 0xF4, 0xEB, 0xFE];
        byte[] program =
        [
            .. Out(0x20, 0x11), .. Out(0x21, 0x20), .. Out(0x21, 4), .. Out(0x21, 1), .. Out(0xA0, 0x11), .. Out(0xA1, 0x28), .. Out(0xA1, 2), .. Out(0xA1, 1), .. Out(0x21, 0xEF), .. Out(0xA1, 0xFF),
            0xBA, 0x04, 0x20, 0, 0, 0xB0, 1, 0xEE, 0xFB, Hlt, 0xEB, 0xFD,
        ];
        using var run = new PcProgramRun(mode);
        MachineStop stop = run.Program(WithTable(handler, program), Second);
        Assert.True(stop is { Kind: StopKind.PowerOff, ExitCode: (0x10 << 1) | 1 }, $"{stop}");

        static byte[] Out(byte port, byte value) => [0xB0, value, 0xE6, port];
    }

    [Fact]
    public async Task ATestProgramPrintsAndEndsWithItsExitCode()
    {
        (int exit, string output, string report) = await Kmem(PcProgramRun.ImageFile(Greets));
        Assert.Equal(11, exit);
        Assert.Equal("ok\n", output.Replace("\r", "", StringComparison.Ordinal));
        Assert.DoesNotContain("Exception", report, StringComparison.Ordinal);
    }

    [Fact]
    public async Task TheProgramReportsStateAndEndsWithItsExitCode()
    {
        (int exit, _, string report) = await Kmem(PcProgramRun.ImageFile([0xBB, 0x34, 0x12, 0, 0, .. LoadTable(0, 5), 0x0F, 0x0B]));
        Assert.Equal(3, exit);
        foreach (string part in (string[])["kmem: the machine stopped: triple fault", "rbx 0000000000001234", "code at", "last blocks"])
        {
            Assert.Contains(part, report, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("Exception", report, StringComparison.Ordinal);
    }

    /// <summary>Twelve bytes that load an IDT which lies behind them; its limit and base stand at their end.</summary>
    private static byte[] LoadTable(ushort limit, uint entry)
    {
        uint table = PcProgramRun.Entry + entry + 15;
        return [0x0F, 0x01, 0x1D, .. BitConverter.GetBytes(PcProgramRun.Entry + entry + 9), 0xEB, 0x06, .. BitConverter.GetBytes(limit), .. BitConverter.GetBytes(table)];
    }

    /// <summary>A program that raises #UD and has a handler for it.</summary>
    private static byte[] Handled(params byte[] handler) => WithTable(handler, 0x0F, 0x0B);

    /// <summary>A program that goes on behind the making of an IDT with 64 equal gates to a handler.</summary>
    private static byte[] WithTable(byte[] handler, params byte[] program)
    {
        // A stack, then the table; the GDT is the loader's, whose code segment the gates take from CS.
        byte[] begin = [Cli, 0xBC, .. BitConverter.GetBytes(PcProgramRun.Entry + 0x4000)];
        const uint Gates = 0x100, Handler = 0x400;
        uint handlerAt = PcProgramRun.Entry + Handler;
        byte[] store = [0x8C, 0xC8, 0xC1, 0xE0, 0x10, 0x66, 0xB8, .. BitConverter.GetBytes((ushort)handlerAt), 0xB9, 64, 0, 0, 0, 0xBF, .. BitConverter.GetBytes(PcProgramRun.Entry + Gates),
            0xAB, 0x50, 0xB8, 0x00, 0x8E, .. BitConverter.GetBytes((ushort)(handlerAt >> 16)), 0xAB, 0x58, 0xE2, 0xF5];
        byte[] load = [0x0F, 0x01, 0x1D, .. BitConverter.GetBytes(PcProgramRun.Entry + 0xF0), .. program];
        byte[] code = new byte[Handler + 64];
        ((byte[])[.. begin, .. store, .. load]).CopyTo(code, 0);
        BitConverter.GetBytes((ushort)0x1FF).CopyTo(code, 0xF0);
        BitConverter.GetBytes(PcProgramRun.Entry + Gates).CopyTo(code, 0xF2);
        handler.CopyTo(code, (int)Handler);
        return code;
    }

    private static void StopsWith(EngineMode mode, byte[] code, params string[] parts)
    {
        using var run = new PcProgramRun(mode);
        MachineStop stop = run.Program(code, 5 * Second);
        Assert.True(stop.Kind == StopKind.Crash, $"{stop.Kind}: {stop.Message}\n{run.Cpu.Report()}");
        Assert.All(parts, p => Assert.Contains(p, stop.Message, StringComparison.Ordinal));
        Assert.Contains("last blocks", run.Cpu.Report(), StringComparison.Ordinal);
    }

    private static async Task<(int Exit, string Output, string Error)> Kmem(string kernel)
    {
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["run", "machines/pc-i440fx.yaml", "--kernel", kernel])
        {
            WorkingDirectory = SolutionFolders.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        string output = await process.StandardOutput.ReadToEndAsync();
        string report = await error;
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);
        return (process.ExitCode, output, report);
    }
}
