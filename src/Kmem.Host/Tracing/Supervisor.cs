using Kmem.Abstractions;
using Kmem.Host.Tracing.Calls;
using Kmem.Host.Tracing.Faults;
using Kmem.Host.Tracing.Native;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Tracing;

/// <summary>Runs programs on a simulated machine: stops them at the system calls and instructions that concern it and answers in its place.</summary>
/// <remarks>All tracing happens on the thread that calls <see cref="Run"/>, as ptrace(2) demands.</remarks>
public sealed unsafe class Supervisor
{
    /// <summary>End of a program's addresses: programs are the host's, whatever kernel the machine has in front of its devices.</summary>
    private const ulong HostUserLimit = 0x7FFF_FFFF_F000;

    private readonly Dictionary<int, Tracee> _threads = [];
    private readonly Dictionary<int, int> _early = [];
    private readonly SystemCalls _calls;
    private readonly FaultHandler _faults;
    private Companionship? _companionship;
    private readonly List<int> _waiting = [];
    private int _root;
    private int _exitCode;

    /// <summary>Creates a supervisor for one session.</summary>
    /// <param name="machine">The machine that programs see.</param>
    /// <param name="files">The files that programs see in place of the host's.</param>
    public Supervisor(TracedMachine machine, SessionFiles files)
    {
        (Machine, Files) = (machine, files);
        _calls = new SystemCalls(this);
        _faults = new FaultHandler(this);
    }

    /// <summary>Called for every access to the machine, on the supervisor's thread.</summary>
    public Action<TracedAccess>? Accessed { get; set; }

    internal TracedMachine Machine { get; }

    internal SessionFiles Files { get; }

    internal IEnumerable<Tracee> Threads => _threads.Values;

    /// <summary>Starts a program and returns when it and everything that it has started have ended.</summary>
    /// <param name="start">The program.</param>
    /// <returns>The program's exit code; 128 and the signal's number when a signal ended it.</returns>
    /// <exception cref="IOException">The host does not let programs be started or traced.</exception>
    public int Run(ProgramStart start)
    {
        int root, nothing = Linux.Open("/dev/null", 0x80002, 0);
        try
        {
            (int, int)[] slots = [(nothing, SessionLayout.NullSlot), .. Machine.MemoryFiles.Select((f, i) => (f, SessionLayout.FirstMemorySlot + i))];
            root = TraceeLauncher.Start(start, slots, SessionLayout.BaseFilter(), KeptCapabilities.Numbers);
        }
        finally
        {
            _ = Linux.Close(nothing);
        }

        using var companionship = new Companionship();
        _companionship = companionship;
        using (Machine.Gate.Visit())
        {
            _root = root;
            _threads.Add(_root, new Tracee(_root, _root, new DescriptorTable(), new AddressMap(), HostUserLimit));
            _waiting.ForEach(signal => _ = Linux.Kill(_root, signal));
        }

        while (_threads.Count > 0)
        {
            int status;
            int thread = Linux.WaitPid(-1, &status, Linux.WaitAll);
            if (thread < 0)
            {
                if (Linux.LastError == Errors.EINTR)
                {
                    continue;
                }

                break;
            }

            using (Machine.Gate.Visit())
            {
                Handle(thread, status);
            }
        }

        return _exitCode;
    }

    /// <summary>Sends a signal to every program of the session, to the first one at its start when none is there yet; SIGKILL ends <see cref="Run"/>.</summary>
    /// <param name="signal">The signal's number.</param>
    public void Signal(int signal)
    {
        using (Machine.Gate.Visit())
        {
            if (_root == 0)
            {
                _waiting.Add(signal);
            }

            foreach (int process in _threads.Values.Select(t => t.Process).Distinct().ToArray())
            {
                _ = Linux.Kill(process, signal);
            }
        }
    }

    internal int SlotOf(int memoryFile)
    {
        for (int i = 0; i < Machine.MemoryFiles.Count; i++)
        {
            if (Machine.MemoryFiles[i] == memoryFile)
            {
                return SessionLayout.FirstMemorySlot + i;
            }
        }

        return -1;
    }

    private void Handle(int thread, int status)
    {
        if ((status & 0xFF) != 0x7F)
        {
            Ended(thread, status);
            return;
        }

        if (!_threads.TryGetValue(thread, out Tracee? tracee))
        {
            // A child that stopped before its parent's report came; it waits for that.
            _early[thread] = status;
            return;
        }

        Machine.Arriving?.Invoke();
        _companionship?.Trapped(tracee);
        try
        {
            Stopped(tracee, (status >> 8) & 0xFF, status >> 16);
        }
        catch (TraceeGoneException)
        {
            if (tracee.LastStatus is { } last)
            {
                Ended(thread, last);
            }

            // Else its end is reported by the next wait.
        }
    }

    private void Stopped(Tracee tracee, int signal, int traceEvent)
    {
        switch (traceEvent)
        {
            case Linux.EventSeccomp:
                tracee.Fetch();
                tracee.IsAtEntry = true;
                _calls.Enter(tracee);
                tracee.IsAtEntry = false;
                tracee.Resume();
                break;
            case Linux.EventFork or Linux.EventVfork or Linux.EventClone:
                Started(tracee);
                tracee.Resume();
                break;
            case Linux.EventExec:
                Executed(tracee);
                break;
            case Linux.EventStop when signal is Linux.SigStop or Linux.SigTstp or Linux.SigTtin or Linux.SigTtou:
                // A stopped job stays stopped until it is continued.
                _ = Linux.Ptrace(Linux.Listen, tracee.Thread, 0, 0);
                break;
            case 0 when signal == (Linux.SigTrap | 0x80):
                if (tracee.AtExit is { } exit)
                {
                    tracee.AtExit = null;
                    tracee.Fetch();
                    exit(tracee);
                }

                tracee.Resume();
                break;
            case 0:
                tracee.Resume(_faults.TryHandle(tracee, signal) ? 0 : signal);
                break;
            default:
                tracee.Resume();
                break;
        }
    }

    /// <summary>A fork, vfork or clone: the child shares or copies what its flags say.</summary>
    private void Started(Tracee parent)
    {
        const ulong SharesMemory = 0x100, SharesFiles = 0x400, IsThread = 0x1_0000;
        ulong message;
        if (Linux.Ptrace(Linux.GetEventMessage, parent.Thread, 0, (nint)(&message)) < 0)
        {
            return;
        }

        parent.Fetch();
        ulong flags = (Nr)parent.Registers.OrigRax switch
        {
            Nr.Clone => parent.Registers.Rdi,
            Nr.Vfork => SharesMemory,
            _ => 0,
        };
        int thread = (int)message;
        DescriptorTable descriptors = parent.Descriptors;
        AddressMap addresses = parent.Addresses;
        if ((flags & SharesFiles) != 0)
        {
            descriptors.Users++;
        }
        else
        {
            descriptors = descriptors.Copy();
        }

        if ((flags & SharesMemory) != 0)
        {
            addresses.Users++;
        }
        else
        {
            addresses = addresses.Copy();
        }

        var child = new Tracee(thread, (flags & IsThread) != 0 ? parent.Process : thread, descriptors, addresses, HostUserLimit)
        {
            Ports = parent.Ports,
            Kept = parent.Kept,
            Filters = [.. parent.Filters],
        };
        _threads[thread] = child;
        if (_early.Remove(thread))
        {
            child.Resume();
        }
    }

    /// <summary>execve: one thread is left, with an empty address space and the descriptors that stay open.</summary>
    private void Executed(Tracee tracee)
    {
        ulong message;
        _ = Linux.Ptrace(Linux.GetEventMessage, tracee.Thread, 0, (nint)(&message));
        Tracee caller = _threads.GetValueOrDefault((int)message) ?? tracee;
        foreach (Tracee other in _threads.Values.Where(t => t.Process == tracee.Process && t != caller && t.Thread != tracee.Thread).ToArray())
        {
            Forget(other);
        }

        caller.PathBuffers.ForEach(caller.Addresses.GiveBuffer);
        DescriptorTable descriptors = caller.Descriptors.Copy();
        descriptors.CloseForExec();
        caller.Descriptors.Leave();
        caller.Addresses.Leave();
        if (caller != tracee)
        {
            // The thread that called execve has taken the number of the first one.
            tracee.Descriptors.Leave();
            tracee.Addresses.Leave();
            _threads.Remove(caller.Thread);
        }

        var fresh = new Tracee(tracee.Thread, tracee.Process, descriptors, new AddressMap(), HostUserLimit) { Ports = caller.Ports, Filters = caller.Filters };
        _threads[tracee.Thread] = fresh;
        fresh.Resume();
    }

    private void Ended(int thread, int status)
    {
        _early.Remove(thread);
        if (_threads.TryGetValue(thread, out Tracee? tracee))
        {
            Forget(tracee);
        }

        if (thread == _root)
        {
            int signal = status & 0x7F;
            _exitCode = signal == 0 ? (status >> 8) & 0xFF : 128 + signal;
        }
    }

    private void Forget(Tracee tracee)
    {
        _threads.Remove(tracee.Thread);
        tracee.PathBuffers.ForEach(tracee.Addresses.GiveBuffer);
        tracee.Descriptors.Leave();
        tracee.Addresses.Leave();
    }
}
