using System.Diagnostics;
using System.Globalization;
using Kmem.Abstractions;
using Kmem.Cli.Serving;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Loading.Pc;
using Kmem.Machine.Running;

namespace Kmem.Cli.Running;

/// <summary>One run of a machine, from power-on to its end.</summary>
internal sealed class RunSession : IDisposable
{
    /// <summary>Guest time that may pass in sleep without the host waiting; beyond it an idle guest idles the host.</summary>
    private const long IdleLead = 10_000_000_000;

    /// <summary>A machine that stops within so few instructions had no program.</summary>
    private const ulong FewInstructions = 16;

    private readonly RunningMachine _machine;
    private readonly RunSettings _settings;
    private readonly RunBackends _backends;
    private readonly MachineRunner _runner;
    private readonly RunnerGate _gate;
    private readonly BootImage? _image;
    private readonly PcProgram? _program;
    private readonly Stopwatch _clock = new();
    private readonly RunScript? _script;
    private readonly ControlServer? _server;
    private bool _untilIsMet;
    private string? _failure;

    /// <summary>Prepares the run.</summary>
    /// <exception cref="Machine.Loading.ImageException">The kernel can't be used.</exception>
    /// <exception cref="MachineException">The machine can't run.</exception>
    /// <exception cref="IOException">The control socket can't be made.</exception>
    public RunSession(RunningMachine machine, RunBackends backends, RunSettings settings, RunSignals signals, LoadingProgress progress)
    {
        (_machine, _backends, _settings) = (machine, backends, settings);
        if (KernelFiles.Of(settings, machine.Description) is { } files)
        {
            if (machine.Description.Architecture == "x86")
            {
                _program = KernelImage.LoadPc(files, progress);
            }
            else
            {
                _image = KernelImage.Load(files, settings, machine.Description, progress);
            }
        }

        _runner = new MachineRunner(machine, settings.Engine) { IsRealTime = settings.IsRealTime, IdleLead = IdleLead, Between = backends.Exchange };
        foreach (Kmem.Machine.Backends.IHostPolled polled in backends.Polled)
        {
            polled.Arrived += _runner.Wake;
        }

        _gate = new RunnerGate(_runner);
        signals.Begin(code => _runner.RequestStop(new MachineStop(StopKind.Request, "somebody ended the run", code)));
        if (backends.Stdio is { } stdio)
        {
            stdio.LeaveRequested += () => signals.Leave(ExitCodes.Ok);
            stdio.ReaderGone += () => _runner.RequestStop(new MachineStop(StopKind.Request, "nobody reads standard output any more"));
        }

        if ((settings.Script.Count > 0 || settings.Until is not null) && backends.Console is null)
        {
            throw new MachineException("--expect, --send and --until need a serial port, and the machine has none that goes anywhere");
        }

        if (settings.Until is { } until)
        {
            var matcher = new TextMatcher(until.Bytes);
            backends.Console!.Sent += value => _untilIsMet |= matcher.Take(value) && Stop("the text appeared");
        }

        if (settings.Script.Count > 0)
        {
            _script = new RunScript(settings.Script, backends.Console!, machine.Clock, settings.Patience);
            _script.TimedOut += () =>
            {
                _failure = string.Create(CultureInfo.InvariantCulture, $"'{_script.Awaited}' did not appear within {settings.Patience / 1e9:0.###} s of guest time; the guest's last words were:\n{_script.Tail}");
                Stop("a text did not appear");
            };
        }

        if (settings.Control is { } path)
        {
            _server = new ControlServer(machine, path, _gate);
        }
    }

    /// <summary>Runs the machine until it ends; the program's exit code.</summary>
    public int Run()
    {
        if (_backends.Stdio is { IsTerminal: true })
        {
            Console.Error.WriteLine($"kmem: {_machine.Description.Name} runs; Ctrl-A x leaves it, Ctrl-A h lists more keys");
        }

        _server?.Start();
        _clock.Start();
        bool first = true;
        while (true)
        {
            if (_image is not null)
            {
                _runner.Boot(_image);
            }
            else if (_program is not null)
            {
                _runner.Boot(_program);
            }

            if (first)
            {
                _script?.Start();
                first = false;
            }

            MachineStop stop = _runner.Run(_settings.Duration);
            _backends.Exchange();
            if (stop.Kind == StopKind.Reset && _settings.Reboots)
            {
                _machine.Reset();
                _runner.Restart();
                continue;
            }

            _clock.Stop();
            _gate.End();
            _server?.End($"the machine has ended: {stop.Message}");
            return Report(stop);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _gate.End();
        _server?.Dispose();
        _backends.Dispose();
        _runner.Dispose();
    }

    private bool Stop(string reason)
    {
        _runner.RequestStop(new MachineStop(StopKind.Request, reason));
        return true;
    }

    private int Report(MachineStop stop)
    {
        // The terminal is given back first, so that nothing of this is lost in raw mode.
        ulong executed = _runner.Executed;
        _backends.Dispose();
        if (_image is null && _program is null && executed <= FewInstructions)
        {
            Terminal.Error("the machine stopped at once: it has no program; --kernel FILE names one");
        }

        if (stop.Kind == StopKind.Crash)
        {
            Terminal.Error($"the machine stopped: {stop.Message}");
            foreach (CpuExecution cpu in _runner.Cpus.OrderBy(c => c.Stopped is null))
            {
                if (_runner.Cpus.Count > 1)
                {
                    Console.Error.WriteLine($"{cpu.Processor.Master.Name}{(cpu.Stopped is not null ? ", which stopped" : cpu.IsWaiting ? ", asleep" : "")}:");
                }

                Console.Error.Write(cpu.Report());
            }
        }

        if (_settings.Screen is { } screen)
        {
            ScreenFile.Write(_machine, screen);
        }

        if (_settings.Statistics)
        {
            Console.Error.Write(RunStatistics.Text(_runner, _machine.Clock.Now, _clock.Elapsed));
        }

        if (stop.Kind == StopKind.Crash)
        {
            return ExitCodes.Failed;
        }

        bool isOutside = stop.Kind == StopKind.Request && stop.ExitCode != 0;
        string? failure = isOutside || _untilIsMet ? null
            : _failure ?? (_script?.Awaited is { } awaited ? $"the run ended ({stop.Message}) before '{awaited}' appeared; the guest's last words were:\n{_script.Tail}"
            : _settings.Until is { } until ? $"the run ended ({stop.Message}) before '{until.Text}' appeared"
            : null);
        if (failure is null)
        {
            return stop.ExitCode;
        }

        Terminal.Error(failure);
        return ExitCodes.Failed;
    }
}
