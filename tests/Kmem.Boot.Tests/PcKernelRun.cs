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

/// <summary>A PC that begins with a Linux kernel: its machine, its runner, and a dialogue on its serial line.</summary>
internal sealed class PcKernelRun : IDisposable
{
    private const long Step = 10_000_000, DialogueLimit = 60_000_000_000, RunLimit = 120_000_000_000;

    private readonly MemoryCharBackend _console = new();
    private readonly RunningMachine _machine;
    private readonly MachineRunner _runner;
    private int _seen;

    /// <summary>Builds the machine and puts the kernel into its memory.</summary>
    /// <param name="machine">File name of the machine.</param>
    /// <param name="kernel">The kernel.</param>
    /// <param name="initrd">Its initial file system.</param>
    /// <param name="commandLine">Its command line.</param>
    /// <param name="parameters">Parameters of the machine: name, value, name, value.</param>
    public PcKernelRun(string machine, string kernel, string initrd, string commandLine, params string[] parameters)
    {
        _machine = BootMachine.Build(machine, _console, parameters);
        _runner = new MachineRunner(_machine, new EngineOptions { Mode = EngineMode.Both });
        _runner.Boot(PcProgram.Load(kernel, initrd, commandLine));
    }

    /// <summary>Everything that the serial line has sent.</summary>
    public string Text => Encoding.Latin1.GetString([.. _console.Sent]);

    /// <summary>The end of what the serial line has sent, for messages.</summary>
    public string Tail => Text[^Math.Min(Text.Length, 1500)..];

    /// <summary>Types a line once the guest has printed a text since the last line typed.</summary>
    public void Answer(string expected, string typed)
    {
        int from = _seen, sent = -1;
        for (long end = _machine.Clock.Now + DialogueLimit; ;)
        {
            // The text is looked at only when it grew: it is long.
            if (_console.Sent.Count != sent)
            {
                sent = _console.Sent.Count;
                int at = Text.IndexOf(expected, from, StringComparison.Ordinal);
                if (at >= 0)
                {
                    _seen = at + expected.Length;
                    break;
                }
            }

            MachineStop stop = _runner.Run(_machine.Clock.Now + Step);
            Assert.True(stop.Kind is StopKind.Request && _machine.Clock.Now < end, $"no '{expected}': {stop.Kind}: {stop.Message}\n{Tail}");
        }

        foreach (byte value in Encoding.ASCII.GetBytes(typed))
        {
            _console.Send([value]);
            _ = _runner.Run(_machine.Clock.Now + Step);
        }
    }

    /// <summary>Runs until the guest switches the machine off or resets it.</summary>
    public MachineStop Finish() => _runner.Run(_machine.Clock.Now + RunLimit);

    /// <inheritdoc/>
    public void Dispose()
    {
        _runner.Dispose();
        _machine.Dispose();
    }
}
