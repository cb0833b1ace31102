using System.Diagnostics;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>Guests that can't go on stop with a report, whatever they did; no guest makes Kmem throw.</summary>
[Trait("Category", "Boot")]
public sealed class CrashTests
{
    private const long Second = 1_000_000_000;
    private const int MemoryEntry = 2, FaultEntry = 3, Sp = 30, A0 = 16, A1 = 17;

    // Configuration space, PCI memory and the functions' registers through KSEG.
    private const ulong VgaBar0 = 0xFFFF_FD01_FE00_0810, PciMemory = 0xFFFF_FD00_0000_0000;

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    [InlineData(EngineMode.Translate)]
    public void ALoopThatNothingCanEndStopsTheMachine(EngineMode mode)
    {
        // Three instructions that always compute the same.
        StopsWith(mode, [AlphaCode.Lda(1, 7), AlphaCode.Addq(1, 1, 1), AlphaCode.Br(31, -3)], "a loop without end at 0xfffffc0000310000", "interrupts are off");
    }

    [Fact]
    public void ALongLoopThatEndsIsNoSuchLoop()
    {
        // Counts to 2^20 with interrupts off and halts.
        uint[] words = [AlphaCode.Lda(1, 0), AlphaCode.Addq(1, 1, 1), (0x12u << 26) | (1u << 21) | (20u << 13) | 0x1000 | (0x34 << 5) | 2, (0x39u << 26) | (2u << 21) | (0x1F_FFFFu & unchecked((uint)-3)), AlphaCode.Halt];
        MachineStop stop = AlphaRun.Program(EngineMode.Both, words, Second, [], out AlphaRun run);
        using (run)
        {
            Assert.Equal(StopKind.PowerOff, stop.Kind);
            Assert.True(run.Cpu.Executed > 3 << 20);
        }
    }

    [Fact]
    public void PalcodeThatLoopsStopsTheMachine()
    {
        string image = Path.Combine(Directory.CreateTempSubdirectory("kmem-pal").FullName, "pal");
        File.WriteAllBytes(image, AlphaCode.Elf(0xFFFF_FC00_0000_0000, [AlphaCode.Lda(1, 7), AlphaCode.Stay]));
        MachineStop stop = AlphaRun.Program(EngineMode.Both, [AlphaCode.Stay], Second, ["pal", image], out AlphaRun run);
        using (run)
        {
            Assert.Equal(StopKind.Crash, stop.Kind);
            Assert.Contains("a loop without end at 0xfffffc0000000004", stop.Message, StringComparison.Ordinal);
            Assert.Contains("PALmode", run.Cpu.Report(), StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AFaultInPalmodeStopsTheMachine()
    {
        string image = Path.Combine(Directory.CreateTempSubdirectory("kmem-pal").FullName, "pal");
        File.WriteAllBytes(image, AlphaCode.Elf(0xFFFF_FC00_0000_0000, [AlphaCode.Ldq(1, 0)]));
        MachineStop stop = AlphaRun.Program(EngineMode.Both, [AlphaCode.Stay], Second, ["pal", image], out AlphaRun run);
        using (run)
        {
            Assert.Equal(StopKind.Crash, stop.Kind);
            Assert.Contains("a fault in PALmode at 0xfffffc0000000000", stop.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void AFaultWithoutAKernelStackStopsTheMachine() =>
        StopsWith(EngineMode.Both, [AlphaCode.Lda(Sp, 0x4000), AlphaCode.Illegal], "the kernel stack at 0x3fd0 can't be written");

    [Fact]
    public void AFaultWithoutAHandlerStopsTheMachine() => StopsWith(EngineMode.Both, [AlphaCode.Illegal], "there is no entry point for it (WRENT 3)");

    [Fact]
    public void AHandlerThatFaultsAtOnceStopsTheMachine() =>
        StopsWith(EngineMode.Both, [.. WithHandler(FaultEntry, AlphaCode.Illegal), AlphaCode.Illegal], "exceptions without end", "the handler's own first instruction");

    [Fact]
    public void AnExceptionThatNobodyMendsStopsTheMachine() =>
        StopsWith(EngineMode.Both, [.. WithHandler(MemoryEntry, AlphaCode.Rti), AlphaCode.Ldq(1, 0)], "exceptions without end: the instruction at 0xfffffc0000310018", "nothing has changed");

    [Fact]
    public void ASecondMachineCheckWhileOneIsHandledStopsTheMachine()
    {
        // The handler reads the missing PCI memory again before it has written MCES.
        uint[] words = AlphaCode.WithConstants(load =>
        [
            load(5, PciMemory + 0x7000_0000), load(A0, AlphaRun.Entry + 24), AlphaCode.Lda(A1, 0), AlphaCode.Wrent,
            AlphaCode.Ldq(1, 0, 5), AlphaCode.Ldq(1, 0, 5), AlphaCode.Stay,
        ]);
        StopsWith(EngineMode.Both, words, "double machine check");
    }

    [Fact]
    public void MemoryMappedOverDevicesIsExecutedAndTakenAwayAgain()
    {
        // The frame buffer goes over the network card's registers; the instruction that lies in it afterwards takes it away from under itself.
        const ulong Place = 0x1200_0000;
        uint[] words = AlphaCode.WithConstants(load =>
        [
            load(2, VgaBar0), load(1, Place), AlphaCode.Stl(1, 0, 2), load(3, PciMemory + Place + 0x10_0000), load(4, AlphaCode.Stl(31, 0, 2) | ((ulong)AlphaCode.Stay << 32)),
            AlphaCode.Stq(4, 0, 3), AlphaCode.Ldq(5, 0, 3), AlphaCode.Jmp(3),
        ]);
        StopsWith(EngineMode.Both, words, "can't be delivered");
        StopsWith(EngineMode.Interpret, words, "can't be delivered");
    }

    [Theory]
    [InlineData(0x0000_0000UL)]
    [InlineData(0x000A_0000UL)]
    [InlineData(0x1202_0000UL)]
    [InlineData(0xFFFF_FFF0UL)]
    public void AFrameBufferAnywhereHurtsNobody(ulong place)
    {
        uint[] words = AlphaCode.WithConstants(load =>
        [
            load(2, VgaBar0), load(1, place), AlphaCode.Stl(1, 0, 2), load(3, PciMemory + 0x0900_0000), load(4, PciMemory + 0xB_8000), AlphaCode.Stl(1, 0, 4),
            AlphaCode.Halt,
        ]);
        MachineStop stop = AlphaRun.Program(EngineMode.Both, words, Second, [], out AlphaRun run);
        using (run)
        {
            Assert.True(stop.Kind is StopKind.PowerOff or StopKind.Crash, stop.Message);
        }
    }

    [Theory]
    [InlineData(EngineMode.Both)]
    [InlineData(EngineMode.Interpret)]
    public void GarbageEndsInAReport(EngineMode mode)
    {
        using var run = new AlphaRun(mode);
        for (int seed = 1; seed <= 40; seed++)
        {
            var random = new Random(seed);
            uint[] words = [.. Enumerable.Range(0, 2000).Select(_ => (uint)random.NextInt64(1L << 32))];
            run.Machine.Reset();
            run.Runner.Restart();
            run.Runner.Boot(AlphaRun.ProgramImage(words));
            MachineStop stop = run.Runner.Run(run.Machine.Clock.Now + 2_000_000);
            Assert.True(stop.Message.Length > 0 && run.Cpu.Report().Contains("last blocks", StringComparison.Ordinal), $"seed {seed}");
        }
    }

    [Fact]
    public async Task TheProgramReportsStateAndEndsWithItsExitCode()
    {
        string kernel = Path.Combine(Directory.CreateTempSubdirectory("kmem-crash").FullName, "kernel");
        await File.WriteAllBytesAsync(kernel, AlphaCode.Elf(AlphaRun.Entry, [AlphaCode.Lda(9, 0x1234), AlphaCode.Illegal]));
        using Process process = Process.Start(new ProcessStartInfo(Path.Combine(SolutionFolders.Program, "kmem"), ["run", "machines/alpha-clipper.yaml", "--kernel", kernel])
        {
            WorkingDirectory = SolutionFolders.Root,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            UseShellExecute = false,
        })!;
        process.StandardInput.Close();
        Task<string> error = process.StandardError.ReadToEndAsync();
        _ = await process.StandardOutput.ReadToEndAsync();
        string report = await error;
        await process.WaitForExitAsync(new CancellationTokenSource(TimeSpan.FromSeconds(30)).Token);
        Assert.Equal(3, process.ExitCode);
        foreach (string part in (string[])["kmem: the machine stopped: a fault or interrupt (Fault", "r9  0000000000001234", "code at fffffc0000310004: 04000000", "last blocks", "fffffc0000310000 mode 4"])
        {
            Assert.Contains(part, report, StringComparison.Ordinal);
        }

        Assert.DoesNotContain("Exception", report, StringComparison.Ordinal);
    }

    /// <summary>Five instructions that make the sixth one the handler of a kind of fault, and go to the seventh.</summary>
    private static uint[] WithHandler(int entry, uint handler) =>
        [AlphaCode.Br(A0, 0), AlphaCode.Lda(A0, 16, A0), AlphaCode.Lda(A1, entry), AlphaCode.Wrent, AlphaCode.Br(31, 1), handler];

    private static void StopsWith(EngineMode mode, uint[] words, params string[] parts)
    {
        MachineStop stop = AlphaRun.Program(mode, words, 5 * Second, [], out AlphaRun run);
        using (run)
        {
            Assert.True(stop.Kind == StopKind.Crash, $"{stop.Kind}: {stop.Message}\n{run.Cpu.Report()}");
            Assert.All(parts, p => Assert.Contains(p, stop.Message, StringComparison.Ordinal));
            Assert.Contains("last blocks", run.Cpu.Report(), StringComparison.Ordinal);
        }
    }
}
