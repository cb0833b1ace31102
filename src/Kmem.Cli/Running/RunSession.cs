using System.Diagnostics;
using System.Globalization;
using System.Text;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Ir;
using Kmem.Machine;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading;
using Kmem.Machine.Loading.Pc;
using Kmem.Machine.Running;

namespace Kmem.Cli.Running;

/// <summary>One run of a machine, from power-on to its end.</summary>
internal sealed class RunSession : IDisposable
{
    /// <summary>Guest time that may pass in sleep without the host waiting; beyond it an idle guest idles the host.</summary>
    private const long IdleLead = 10_000_000_000;

    private readonly RunningMachine _machine;
    private readonly RunSettings _settings;
    private readonly RunBackends _backends;
    private readonly MachineRunner _runner;
    private readonly Stopwatch _clock = Stopwatch.StartNew();
    private readonly BootImage? _image;
    private readonly PcProgram? _program;
    private readonly byte[] _wanted;
    private int _matched;

    public RunSession(RunningMachine machine, RunBackends backends, RunSettings settings)
    {
        (_machine, _backends, _settings) = (machine, backends, settings);
        _wanted = Encoding.UTF8.GetBytes(settings.Until ?? "");
        bool isPc = machine.Description.Architecture == "x86";
        _image = settings.Kernel is null || isPc ? null : KernelImage.Load(settings);
        _program = settings.Kernel is null || !isPc ? null : PcProgram.Load(settings.Kernel, settings.Initrd, settings.CommandLine);
        _runner = new MachineRunner(machine, settings.Engine) { IsRealTime = settings.IsRealTime, IdleLead = IdleLead, Between = Exchange };
        foreach (IHostPolled polled in backends.Polled)
        {
            polled.Arrived += _runner.Wake;
        }

        if (_wanted.Length > 0)
        {
            backends.Sent = Match;
        }

        if (backends.Stdio is { } stdio)
        {
            stdio.LeaveRequested += () => _runner.RequestStop(new MachineStop(StopKind.Request, "left by Ctrl-A x"));
        }
    }

    /// <summary>Runs the machine until it ends; the program's exit code.</summary>
    public int Run()
    {
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

            MachineStop stop = _runner.Run(_settings.Duration);
            Exchange();
            if (stop.Kind == StopKind.Reset && _settings.Reboots)
            {
                _machine.Reset();
                _runner.Restart();
                continue;
            }

            return Report(stop);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _backends.Dispose();
        _runner.Dispose();
    }

    private int Report(MachineStop stop)
    {
        if (stop.Kind == StopKind.Crash)
        {
            Terminal.Error($"the machine stopped: {stop.Message}");
            foreach (CpuExecution cpu in _runner.Cpus)
            {
                Console.Error.Write(cpu.Report());
            }
        }

        if (_settings.Screen is { } screen)
        {
            ScreenFile.Write(_machine, screen);
        }

        if (_settings.Statistics)
        {
            foreach (CpuExecution cpu in _runner.Cpus)
            {
                double seconds = _clock.Elapsed.TotalSeconds;
                Console.Error.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{cpu.Executed:N0} instructions in {seconds:F2} s, {cpu.Executed / seconds / 1e6:F0} million a second; {cpu.Cache.Allocated:N0} blocks, {cpu.Cache.Regions.Count():N0} regions, {cpu.SideExits:N0} side exits"));
            }
        }

        return stop.Kind == StopKind.Crash ? ExitCodes.Failed : stop.ExitCode;
    }

    private void Exchange()
    {
        foreach (IHostPolled polled in _backends.Polled)
        {
            if (polled.HasPending)
            {
                polled.Deliver();
            }

            polled.Flush();
        }
    }

    private void Match(byte value)
    {
        _matched = value == _wanted[_matched] ? _matched + 1 : value == _wanted[0] ? 1 : 0;
        if (_matched == _wanted.Length)
        {
            _matched = 0;
            _runner.RequestStop(new MachineStop(StopKind.Request, "the text appeared"));
        }
    }
}
