using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing;

/// <summary>Thrown inside the supervisor when a thread has died under its hands; the event loop goes on with the others.</summary>
internal sealed class TraceeGoneException() : Exception("the thread has died");

/// <summary>One traced thread.</summary>
internal sealed unsafe class Tracee(int thread, int process, DescriptorTable descriptors, AddressMap addresses, ulong userLimit)
{
    private const int MostFaults = 8;

    /// <summary>Thread number on the host.</summary>
    public int Thread { get; } = thread;

    /// <summary>Process number on the host: that of the first thread.</summary>
    public int Process { get; } = process;

    /// <summary>Its devices.</summary>
    public DescriptorTable Descriptors { get; set; } = descriptors;

    /// <summary>Its address space.</summary>
    public AddressMap Addresses { get; set; } = addresses;

    /// <summary>Its memory.</summary>
    public TracedMemory Memory { get; } = new(thread, userLimit);

    /// <summary>What its port instructions may reach.</summary>
    public PortRights Ports { get; set; } = PortRights.None;

    /// <summary>Low descriptor numbers and call groups that have a filter of their own; filters are inherited and never go away.</summary>
    public HashSet<int> Filters { get; init; } = [];

    /// <summary>What it holds of the capabilities that the session keeps from the host: it has them on the simulated machine.</summary>
    public KeptCapabilities Kept { get; set; } = KeptCapabilities.Full;

    /// <summary>Traps in quick succession.</summary>
    public int TrapsInRow { get; set; }

    /// <summary>When it trapped last, in ticks of the host's clock.</summary>
    public long LastTrap { get; set; }

    /// <summary>Path buffers of its address space that the system call in hand uses.</summary>
    public List<ulong> PathBuffers { get; } = [];

    /// <summary>Called at the end of the system call in hand.</summary>
    public Action<Tracee>? AtExit { get; set; }

    /// <summary>Signals that came while the supervisor made calls in the thread's name; delivered when it goes on.</summary>
    public Queue<int> Signals { get; private set; } = new();

    /// <summary>Registers as they were at the present stop.</summary>
    public UserRegisters Registers;

    /// <summary>True when the stop is at the entry of a system call that can still be changed.</summary>
    public bool IsAtEntry { get; set; }

    /// <summary>Fetches <see cref="Registers"/>.</summary>
    public void Fetch()
    {
        fixed (UserRegisters* registers = &Registers)
        {
            Check(Linux.Ptrace(Linux.GetRegisters, Thread, 0, (nint)registers));
        }
    }

    /// <summary>Stores <see cref="Registers"/>.</summary>
    public void Store()
    {
        fixed (UserRegisters* registers = &Registers)
        {
            Check(Linux.Ptrace(Linux.SetRegisters, Thread, 0, (nint)registers));
        }
    }

    /// <summary>Ends the system call in hand with a result, without the host's kernel.</summary>
    public void Answer(long result)
    {
        if (IsAtEntry)
        {
            Registers.OrigRax = ulong.MaxValue;
            IsAtEntry = false;
        }

        Registers.Rax = (ulong)result;
        Store();
    }

    /// <summary>Lets the thread run.</summary>
    public void Resume(int signal = 0)
    {
        if (signal == 0 && Signals.TryDequeue(out int waiting))
        {
            signal = waiting;
        }

        _ = Linux.Ptrace(AtExit is null ? Linux.Continue : Linux.ToSystemCall, Thread, 0, signal);
    }

    /// <summary>Makes a system call in the thread's name and comes back when it has ended; the registers of the stop are kept.</summary>
    /// <param name="number">The call.</param>
    /// <param name="arguments">Its arguments.</param>
    /// <returns>The result, or minus an error number.</returns>
    /// <exception cref="TraceeGoneException">The thread died.</exception>
    public long Inject(Nr number, params ReadOnlySpan<ulong> arguments)
    {
        UserRegisters kept = Registers;
        Registers.Rax = (ulong)number;
        for (int i = 0; i < 6; i++)
        {
            Registers.SetArgument(i, i < arguments.Length ? arguments[i] : 0);
        }

        if (IsAtEntry)
        {
            // The call in hand becomes this one.
            Registers.OrigRax = (ulong)number;
            Store();
            Step(Linux.ToSystemCall, wantExit: true);
            IsAtEntry = false;
        }
        else
        {
            // At the end of a call the instruction is right behind; elsewhere the supervisor's page has one, unless the program took it away.
            Registers.Rip = IsCallAt(kept.Rip - 2) ? kept.Rip - 2 : Addresses.Scratch;
            Registers.OrigRax = ulong.MaxValue;
            Store();
            Step(Linux.ToSystemCall, wantExit: false);
            Step(Linux.ToSystemCall, wantExit: true);
        }

        Fetch();
        long result = (long)Registers.Rax;
        Registers = kept;

        // No restart of the old call: it has been made, or it is made again by whoever wants it.
        Registers.OrigRax = ulong.MaxValue;
        return result;
    }

    /// <summary>Whether SYSCALL stands at an address.</summary>
    public bool IsCallAt(ulong address)
    {
        Span<byte> code = stackalloc byte[2];
        return Memory.Read(address, code) == 2 && code is [0x0F, 0x05];
    }

    /// <summary>Runs one instruction; false when it raised a signal instead, which the thread then gets.</summary>
    public bool SingleStep(out int signal)
    {
        signal = 0;
        Store();
        while (true)
        {
            Check(Linux.Ptrace(Linux.SingleStep, Thread, 0, 0));
            int status = Wait();
            int stop = (status >> 8) & 0xFF;
            if (stop == Linux.SigTrap && status >> 16 == 0)
            {
                Fetch();
                return true;
            }

            if (status >> 16 != 0)
            {
                continue;
            }

            if (IsFault(stop))
            {
                signal = stop;
                Fetch();
                return false;
            }

            Keep(stop);
        }
    }

    /// <summary>Keeps a signal for later. SIGCONT takes waiting stops away, and a stop a waiting SIGCONT, as signal(7) has it.</summary>
    private void Keep(int signal)
    {
        bool isStop = IsStop(signal);
        if (isStop || signal == Linux.SigCont)
        {
            Signals = new Queue<int>(Signals.Where(s => isStop ? s != Linux.SigCont : !IsStop(s)));
        }

        Signals.Enqueue(signal);
    }

    private static bool IsStop(int signal) => signal is Linux.SigStop or Linux.SigTstp or Linux.SigTtin or Linux.SigTtou;

    private static bool IsFault(int signal) => signal is 4 or 7 or 8 or Linux.SigSegv;

    /// <summary>Goes to the next entry or exit of a system call, past everything else.</summary>
    private void Step(int request, bool wantExit)
    {
        int faults = 0;
        while (true)
        {
            Check(Linux.Ptrace(request, Thread, 0, 0));
            int status = Wait();
            int stop = (status >> 8) & 0xFF;
            if (stop == (Linux.SigTrap | 0x80))
            {
                return;
            }

            // The filter's own stop comes before the entry stop; group stops and the like are passed over.
            if (status >> 16 == 0)
            {
                // A program that has taken the supervisor's page away would fault here for ever.
                if (IsFault(stop) && ++faults > MostFaults)
                {
                    _ = Linux.Kill(Process, Linux.SigKill);
                    throw new TraceeGoneException();
                }

                Keep(stop);
            }
            else if (status >> 16 == Linux.EventSeccomp && wantExit)
            {
                // A filter of the call that replaced another one: go on to its end.
            }
        }
    }

    private int Wait()
    {
        int status;
        while (Linux.WaitPid(Thread, &status, Linux.WaitAll) < 0)
        {
            if (Linux.LastError != 4)
            {
                throw new TraceeGoneException();
            }
        }

        if ((status & 0xFF) != 0x7F)
        {
            LastStatus = status;
            throw new TraceeGoneException();
        }

        return status;
    }

    /// <summary>How the thread ended when it died under the supervisor's hands.</summary>
    public int? LastStatus { get; private set; }

    private static void Check(long result)
    {
        if (result < 0)
        {
            throw new TraceeGoneException();
        }
    }
}

/// <summary>Capabilities that a program has on the simulated machine and not on the host.</summary>
/// <param name="Effective">Those that count now.</param>
/// <param name="Permitted">Those that it may take up again.</param>
internal readonly record struct KeptCapabilities(ulong Effective, ulong Permitted)
{
    /// <summary>SYS_MODULE, SYS_RAWIO, SYS_PTRACE, SYS_ADMIN, SYS_BOOT, SYS_TIME, MKNOD, PERFMON, BPF: root could reach the host's hardware with them, or leave the session.</summary>
    /// <remarks>Source: capabilities(7).</remarks>
    public static readonly IReadOnlyList<int> Numbers = [16, 17, 19, 21, 22, 25, 27, 38, 39];

    /// <summary>Their bits.</summary>
    public static readonly ulong Mask = Numbers.Aggregate(0UL, (mask, number) => mask | (1UL << number));

    /// <summary>All of them.</summary>
    public static readonly KeptCapabilities Full = new(Mask, Mask);
}

/// <summary>What port instructions of a program may reach, as iopl(2) and ioperm(2) have set it.</summary>
internal sealed class PortRights
{
    /// <summary>Nothing.</summary>
    public static readonly PortRights None = new();

    private readonly bool[] _ports = new bool[65536];

    /// <summary>0..3 as iopl(2) sets it.</summary>
    public int Level { get; init; }

    /// <summary>A copy with another level.</summary>
    public PortRights WithLevel(int level)
    {
        var copy = new PortRights { Level = level };
        _ports.CopyTo(copy._ports, 0);
        return copy;
    }

    /// <summary>A copy with ports opened or closed.</summary>
    public PortRights With(int first, int count, bool open)
    {
        PortRights copy = WithLevel(Level);
        Array.Fill(copy._ports, open, first, count);
        return copy;
    }

    /// <summary>Whether an instruction may reach ports first..first+width-1.</summary>
    public bool Allows(int first, int width)
    {
        if (Level == 3)
        {
            return true;
        }

        for (int i = first; i < first + width; i++)
        {
            if (i > 0xFFFF || !_ports[i])
            {
                return false;
            }
        }

        return true;
    }
}
