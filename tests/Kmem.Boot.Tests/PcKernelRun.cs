using System.Text;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading.Pc;
using Kmem.Machine.Running;
using Xunit;

namespace Kmem.Boot.Tests;

/// <summary>A PC that runs an operating system: its machine, its runner, and a dialogue on its serial line.</summary>
internal sealed class PcKernelRun : IDisposable
{
    private const long Step = 10_000_000, DialogueLimit = 100_000_000_000, RunLimit = 120_000_000_000;

    private readonly MemoryCharBackend _console = new();
    private readonly RunningMachine _machine;
    private readonly MachineRunner _runner;
    private int _seen;

    /// <summary>Builds a machine that begins with its firmware.</summary>
    /// <param name="machine">File name of the machine.</param>
    /// <param name="mode">Back ends.</param>
    /// <param name="parameters">Parameters of the machine: name, value, name, value.</param>
    public PcKernelRun(string machine, EngineMode mode, params string[] parameters)
    {
        _machine = BootMachine.Build(machine, _console, parameters);
        _runner = new MachineRunner(_machine, new EngineOptions { Mode = mode });
    }

    /// <summary>Builds the machine and puts a kernel into its memory.</summary>
    /// <param name="machine">File name of the machine.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="initrd">Its initial file system; null for none.</param>
    /// <param name="commandLine">Its command line.</param>
    /// <param name="parameters">Parameters of the machine: name, value, name, value.</param>
    public PcKernelRun(string machine, string kernel, string? initrd, string commandLine, params string[] parameters)
        : this(machine, EngineMode.Both, parameters) => _runner.Boot(PcProgram.Load(kernel, initrd, commandLine));

    /// <summary>What the display shows.</summary>
    public string Screen => _machine.Devices.Values.Select(d => d.Instance).OfType<IHasScreen>().First().ReadScreen()?.ToString() ?? "";

    /// <summary>Everything that the serial line has sent.</summary>
    public string Text => Encoding.Latin1.GetString([.. _console.Sent]);

    /// <summary>The end of what the serial line has sent, for messages.</summary>
    public string Tail => Text[^Math.Min(Text.Length, 1500)..];

    /// <summary>Types a line once the guest has printed a text since the last line typed.</summary>
    public void Answer(string expected, string typed)
    {
        int from = _seen, sent = -1;
        RunUntil(() => $"no '{expected}'", () =>
        {
            // The text is looked at only when it grew: it is long.
            int at = -1;
            if (_console.Sent.Count != sent)
            {
                sent = _console.Sent.Count;
                at = Text.IndexOf(expected, from, StringComparison.Ordinal);
                _seen = at < 0 ? _seen : at + expected.Length;
            }

            return at >= 0;
        });
        foreach (byte value in Encoding.ASCII.GetBytes(typed))
        {
            _console.Send([value]);
            _ = _runner.Run(_machine.Clock.Now + Step);
        }
    }

    /// <summary>Runs until the display shows what is waited for.</summary>
    public void Watch(string what, Predicate<string> isShown) => RunUntil(() => $"the screen shows no {what}:\n{Screen}", () => isShown(Screen));

    /// <summary>Runs until the guest resets the machine, and carries the reset out.</summary>
    public void Restart()
    {
        MachineStop stop = Finish();
        Assert.True(stop.Kind is StopKind.Reset, $"{stop.Kind}: {stop.Message}\n{Tail}");
        _machine.Reset();
        _runner.Restart();
    }

    /// <summary>Runs until the guest switches the machine off, which ends the program with exit code 0.</summary>
    public void PowersOff()
    {
        MachineStop stop = Finish();
        Assert.True(stop is { Kind: StopKind.PowerOff, ExitCode: 0 }, $"{stop.Kind}: {stop.Message}\n{Tail}");
    }

    /// <summary>Runs until the guest switches the machine off or resets it.</summary>
    public MachineStop Finish() => _runner.Run(_machine.Clock.Now + RunLimit);

    private void RunUntil(Func<string> otherwise, Func<bool> isMet)
    {
        for (long end = _machine.Clock.Now + DialogueLimit; !isMet();)
        {
            MachineStop stop = _runner.Run(_machine.Clock.Now + Step);
            Assert.True(stop.Kind is StopKind.Request && _machine.Clock.Now < end, $"{otherwise()}: {stop.Kind}: {stop.Message}\n{Tail}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _runner.Dispose();
        _machine.Dispose();
    }
}
