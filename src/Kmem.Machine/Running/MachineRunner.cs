using System.Collections.Concurrent;
using System.Diagnostics;
using Kmem.Abstractions;
using Kmem.Engine;
using Kmem.Engine.Code;
using Kmem.Ir;
using Kmem.Machine.Backends;
using Kmem.Machine.Loading.Pc;
using Kmem.Memory;

namespace Kmem.Machine.Running;

/// <summary>Runs a machine's CPUs, moves its time, and serves requests from outside between their turns; all on one thread.</summary>
/// <remarks>
/// Time is the count of instructions: a timer's time becomes a count, and every CPU executes exactly so many before the timer runs. So a run does
/// not depend on the host, on the back end, or on when something was translated.
/// </remarks>
public sealed class MachineRunner : IDisposable
{
    /// <summary>Longest turn of a CPU in ns of guest time.</summary>
    private const long Turn = 1_000_000;

    /// <summary>Shortest sleep of the host in ns.</summary>
    private const long LeastSleep = 1_000_000;

    private readonly RunningMachine _machine;
    private readonly CodeMap _map;
    private readonly List<CpuExecution> _cpus = [];
    private readonly ConcurrentQueue<Action> _requests = new();
    private readonly AutoResetEvent _wake = new(initialState: false);
    private readonly CpuTurns _turns;
    private readonly IHostPolled[] _polled;
    private readonly IHostAwaited[] _awaited;
    private long _owedSleep;
    private MachineStop? _requestedStop;

    /// <summary>Prepares a machine to run.</summary>
    /// <param name="machine">The machine.</param>
    /// <param name="options">Decisions about execution.</param>
    /// <exception cref="MachineException">The machine has no CPU.</exception>
    public MachineRunner(RunningMachine machine, EngineOptions? options = null)
    {
        _machine = machine;
        _map = new CodeMap(machine.Memory);
        foreach (AddressSpace space in machine.Spaces.Values)
        {
            // What DMA and clients write may be code.
            space.MemoryWritten += _map.Changed;
        }

        foreach (MachineDevice device in machine.Devices.Values)
        {
            if (device.Instance is IProcessor processor)
            {
                _cpus.Add(new CpuExecution(processor, _map, options ?? new EngineOptions()));
            }
        }

        if (_cpus.Count == 0)
        {
            throw new MachineException($"the machine '{machine.Description.Name}' has no CPU, so there is nothing to run");
        }

        _turns = new CpuTurns(_cpus, machine.Clock);
        _polled = [.. machine.Polled];
        _awaited = [.. _polled.OfType<IHostAwaited>()];
        Array.ForEach(_polled, p => p.Arrived += Wake);
        machine.PowerRequested += Obey;
        machine.ProcessorMap.Processor = _cpus[0].Processor;
    }

    /// <summary>The CPUs in their order.</summary>
    public IReadOnlyList<CpuExecution> Cpus => _cpus;

    /// <summary>Instructions executed by all CPUs, time slept included.</summary>
    public ulong Executed => _cpus.Aggregate(0UL, (sum, cpu) => sum + cpu.Executed);

    /// <summary>Whether guest time may not run ahead of the host's.</summary>
    public bool IsRealTime { get; set; }

    /// <summary>How far guest time may run ahead of the host's while all CPUs sleep, in ns; then the host sleeps too.</summary>
    public long IdleLead { get; set; } = long.MaxValue;

    /// <summary>Called between turns, on the machine's thread: delivers what arrived on the host.</summary>
    public Action? Between { get; set; }

    /// <summary>Asks for something to be done on the machine's thread, between turns or at once while it sleeps.</summary>
    public void Post(Action request)
    {
        _requests.Enqueue(request);
        _wake.Set();
    }

    /// <summary>Ends a sleep, so that <see cref="Between"/> is called soon; may be called on any thread.</summary>
    public void Wake() => _wake.Set();

    /// <summary>Stops the machine at the end of the present turn.</summary>
    public void RequestStop(MachineStop stop) => Post(() => _requestedStop = stop);

    /// <summary>Loads a program into the first CPU that can begin with one.</summary>
    /// <exception cref="MachineException">No CPU can, or the program does not fit.</exception>
    public void Boot(BootImage image)
    {
        IBootable target = _cpus.Select(c => c.Processor).OfType<IBootable>().FirstOrDefault()
            ?? throw new MachineException("no CPU of this machine can begin with a kernel");
        target.Boot(image);
    }

    /// <summary>Puts the machine into the state in which firmware leaves it, a program into its memory, and the first CPU at its beginning.</summary>
    /// <exception cref="MachineException">No CPU can begin so, or the program does not fit.</exception>
    /// <exception cref="Loading.ImageException">The program does not fit or is none that can be begun.</exception>
    public void Boot(PcProgram program)
    {
        IStartable target = _cpus.Select(c => c.Processor).OfType<IStartable>().FirstOrDefault()
            ?? throw new MachineException("no CPU of this machine can begin with a program of a PC");
        _machine.ApplyFirmwareState();
        StartState state = program.Place(new PcMemory(_machine));
        target.Start(state);
        foreach (IStartable other in _cpus.Select(c => c.Processor).OfType<IStartable>().Where(p => p != target))
        {
            other.Await(state);
        }
    }

    /// <summary>Runs until the machine stops.</summary>
    /// <param name="until">Guest time in ns at which to stop, or <see cref="long.MaxValue"/>.</param>
    /// <returns>Why it stopped.</returns>
    public MachineStop Run(long until = long.MaxValue)
    {
        MachineStop stop = RunUntilStop(until);
        _turns.Synchronize();
        return stop;
    }

    private MachineStop RunUntilStop(long until)
    {
        var host = Stopwatch.StartNew();
        long begin = _machine.Clock.Now;
        while (true)
        {
            Serve();
            if (_requestedStop is { } requested)
            {
                _requestedStop = null;
                return requested;
            }

            long now = _machine.Clock.Now;
            if (now >= until)
            {
                return new MachineStop(StopKind.Request, "the time is over");
            }

            bool sleeps = _turns.AllSleep;
            if (sleeps && _turns.AllAreDead)
            {
                return new MachineStop(StopKind.Crash, "all CPUs halted with interrupts off, or wait for one that did to start them");
            }

            long due = Math.Min(_machine.Clock.NextDue ?? long.MaxValue, until);
            if (sleeps && due == long.MaxValue)
            {
                _wake.WaitOne();
                continue;
            }

            long target = sleeps ? due : Math.Min(due, now + Turn);
            if (sleeps && !IsRealTime && Array.Exists(_awaited, a => a.IsAwaited))
            {
                target = Math.Min(due, now + WaitForHost(due - now));
            }
            else if (!Pace(host, target - begin, sleeps))
            {
                continue;
            }

            RunTo(target);
            if (_cpus.Find(c => c.Stopped is not null) is { Stopped: { } stopped } cpu)
            {
                return _cpus.Count > 1 && stopped.Kind == StopKind.Crash ? stopped with { Message = $"{cpu.Processor.Master.Name}: {stopped.Message}" } : stopped;
            }
        }
    }

    /// <summary>Forgets that CPUs have stopped and slept, after a reset of the machine.</summary>
    public void Restart() => _cpus.ForEach(c => c.Restart());

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (AddressSpace space in _machine.Spaces.Values)
        {
            space.MemoryWritten -= _map.Changed;
        }

        _turns.Dismiss();
        Array.ForEach(_polled, p => p.Arrived -= Wake);
        _machine.PowerRequested -= Obey;
        _machine.ProcessorMap.Processor = null;
        _cpus.ForEach(c => c.Dispose());
        _map.Dispose();
        _wake.Dispose();
    }

    private void RunTo(long target)
    {
        _turns.RunTo(target);

        // No CPU is on a bus now, so masters that wait for one get it.
        foreach (AddressSpace space in _machine.Spaces.Values)
        {
            space.GrantBus();
        }
    }

    /// <summary>A device's request ends the turn of the CPU that caused it; one that a timer caused ends the run before the next turn.</summary>
    private void Obey(PowerRequest request)
    {
        var stop = new MachineStop(request.Action == PowerAction.Reset ? StopKind.Reset : StopKind.PowerOff, request.Reason, request.ExitCode);
        if (_turns.Running is { } cpu)
        {
            cpu.Stop(stop);
        }
        else
        {
            _requestedStop = stop;
            _turns.End();
        }
    }

    private void Serve()
    {
        Between?.Invoke();
        foreach (IHostPolled polled in _polled)
        {
            if (polled.HasPending)
            {
                polled.Deliver();
            }

            polled.Flush();
        }

        while (_requests.TryDequeue(out Action? request))
        {
            request();
        }
    }

    /// <summary>Sleeps as a guest does that waits for an answer from the host: its time may not run ahead, or it gives up before the host has had a chance.</summary>
    /// <returns>How far guest time may go, in ns.</returns>
    private long WaitForHost(long longest)
    {
        // The host can't sleep for so short a time; what it owes is slept later.
        if (longest < LeastSleep - _owedSleep)
        {
            _owedSleep += longest;
            return longest;
        }

        long begin = Stopwatch.GetTimestamp();
        bool isWoken = _wake.WaitOne((int)Math.Min((longest + _owedSleep) / LeastSleep, 1000));
        long slept = Stopwatch.GetElapsedTime(begin).Ticks * 100, passed = Math.Max(0, slept - _owedSleep);
        _owedSleep = Math.Max(0, _owedSleep - slept);
        return !isWoken && longest < 1000 * LeastSleep ? longest : Math.Min(longest, passed);
    }

    /// <summary>Sleeps while guest time is too far ahead of the host's.</summary>
    /// <returns>Whether the target may be run to now; false when something woke the sleep.</returns>
    private bool Pace(Stopwatch host, long elapsed, bool sleeps)
    {
        long lead = IsRealTime ? 0 : sleeps ? IdleLead : long.MaxValue;
        if (lead == long.MaxValue)
        {
            return true;
        }

        long ahead = elapsed - lead - (host.Elapsed.Ticks * 100);
        return ahead < 1_000_000 || !_wake.WaitOne(TimeSpan.FromTicks(ahead / 100));
    }
}
