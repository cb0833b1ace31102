using System.Text;
using Kmem.Abstractions;
using Kmem.Description;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading;
using Kmem.Machine.Running;
using Kmem.Testing;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>An alpha-clipper that runs: its machine, its runner, and what its serial line said.</summary>
internal sealed class AlphaRun : IDisposable
{
    private readonly MemoryCharBackend _console = new();

    /// <summary>Builds the machine.</summary>
    /// <param name="mode">Back ends.</param>
    /// <param name="parameters">Parameters of the machine, as <c>--set</c> takes them: name, value, name, value.</param>
    public AlphaRun(EngineMode mode, params string[] parameters)
    {
        Machine = BootMachine.Build("alpha-clipper.yaml", _console, parameters);
        Runner = new MachineRunner(Machine, new EngineOptions { Mode = mode });
    }

    /// <summary>The machine.</summary>
    public RunningMachine Machine { get; }

    /// <summary>Its runner.</summary>
    public MachineRunner Runner { get; }

    /// <summary>Everything that the serial line has sent.</summary>
    public byte[] Console => [.. _console.Sent];

    /// <summary>The same as text.</summary>
    public string Text => Encoding.Latin1.GetString(Console);

    /// <summary>The first CPU's state.</summary>
    public CpuExecution Cpu => Runner.Cpus[0];

    /// <summary>Boots a kernel and runs it until it ends.</summary>
    public static AlphaRun Kernel(string kernel, string initrd, string commandLine, EngineMode mode = EngineMode.Both, params string[] parameters)
    {
        var run = new AlphaRun(mode, parameters);
        LoadedImage image = ImageLoader.Load(GuestFiles.Kernel(kernel), new ImageOptions { AllowFlat = false });
        run.Runner.Boot(new BootImage([.. image.Segments.Select(s => new BootSegment(s.VirtualAddress, s.FileBytes, s.MemorySize))], image.Entry, File.ReadAllBytes(initrd), commandLine));
        MachineStop stop = run.Runner.Run(GuestMinutes(2));
        Assert.True(stop.Kind is StopKind.PowerOff, $"{stop.Kind}: {stop.Message}\n{run.Text[^Math.Min(run.Text.Length, 1500)..]}\n{run.Cpu.Report()}");
        return run;
    }

    /// <summary>Puts instructions to physical 0x310000, where kernels begin, and runs them.</summary>
    /// <param name="mode">Back ends.</param>
    /// <param name="words">The instructions.</param>
    /// <param name="limit">Guest time in ns after which the run ends.</param>
    /// <param name="parameters">Parameters of the machine.</param>
    /// <param name="run">The run, to be looked at and disposed of.</param>
    public static MachineStop Program(EngineMode mode, uint[] words, long limit, string[] parameters, out AlphaRun run)
    {
        run = new AlphaRun(mode, parameters);
        run.Runner.Boot(ProgramImage(words));
        return run.Runner.Run(limit);
    }

    /// <summary>A program of few instructions as a kernel.</summary>
    public static BootImage ProgramImage(uint[] words, int initrdLength = 0, string commandLine = "")
    {
        byte[] bytes = new byte[words.Length * 4];
        Buffer.BlockCopy(words, 0, bytes, 0, bytes.Length);
        return new BootImage([new BootSegment(Entry, bytes, (ulong)bytes.Length)], Entry, new byte[initrdLength], commandLine);
    }

    /// <summary>Virtual address of a kernel's first instruction.</summary>
    public const ulong Entry = 0xFFFF_FC00_0031_0000;

    /// <inheritdoc/>
    public void Dispose()
    {
        Runner.Dispose();
        Machine.Dispose();
    }

    private static long GuestMinutes(long minutes) => minutes * 60_000_000_000;
}
