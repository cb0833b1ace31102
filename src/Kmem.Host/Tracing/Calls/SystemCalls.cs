using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Calls;

/// <summary>Answers the system calls at which programs stop.</summary>
internal sealed class SystemCalls
{
    private readonly Dictionary<Nr, Action<Tracee>> _handlers = [];

    /// <summary>Creates the table of calls of a session.</summary>
    public SystemCalls(Supervisor supervisor)
    {
        (Supervisor, Kernel) = (supervisor, new SessionKernel(supervisor.Machine.Kernel));
        new DescriptorCalls(this).Register(_handlers);
        new DescriptorCopies(this).Register(_handlers);
        new TransferCalls(this).Register(_handlers);
        new PathCalls(this).Register(_handlers);
        new MappingCalls(this).Register(_handlers);
        new PortCalls(this).Register(_handlers);
        new ProcessCalls(supervisor).Register(_handlers);
        CapabilityCalls.Register(_handlers);
    }

    /// <summary>The session.</summary>
    public Supervisor Supervisor { get; }

    /// <summary>The simulated kernel.</summary>
    public IKernel Kernel { get; }

    /// <summary>A thread stands at the entry of a call; the host's kernel makes it unless a handler answers.</summary>
    public void Enter(Tracee tracee)
    {
        if (_handlers.TryGetValue((Nr)tracee.Registers.OrigRax, out Action<Tracee>? handler))
        {
            handler(tracee);
        }
    }

    /// <summary>Minus the error number, or the value.</summary>
    public static long Raw(CallResult result) => result.IsError ? -(long)result.Error : result.Value;

    /// <summary>Makes sure that the program has the supervisor's page, also when it has taken it away.</summary>
    /// <returns>False when the call in hand was used up for it and will be made again.</returns>
    public static bool HasScratch(Tracee tracee)
    {
        if (tracee.IsCallAt(tracee.Addresses.Scratch))
        {
            return true;
        }

        Nr number = (Nr)tracee.Registers.OrigRax;
        long address = MapScratch(tracee);
        if (address < 0)
        {
            tracee.Answer(address);
        }
        else
        {
            Again(tracee, number);
        }

        return false;
    }

    private static long MapScratch(Tracee tracee)
    {
        long address = tracee.Inject(Nr.Mmap, 0, SessionLayout.ScratchLength, 7, 0x4022, ulong.MaxValue, 0);
        if (address >= 0)
        {
            // SYSCALL, then INT3 for whoever runs past it.
            tracee.Memory.Write((ulong)address + SessionLayout.CallOffset, [0x0F, 0x05, 0xCC]);
            tracee.Addresses.Scratch = (ulong)address;
        }

        return address;
    }

    /// <summary>Makes the call once more from its start.</summary>
    public static void Again(Tracee tracee, Nr number)
    {
        tracee.Registers.Rip -= 2;
        tracee.Registers.Rax = (ulong)number;
        tracee.Store();
    }

    /// <summary>Adds a filter to all threads of a program.</summary>
    public static void AddFilter(Tracee tracee, int key, Func<SeccompProgram> program, IEnumerable<Tracee> threads)
    {
        const ulong FilterMode = 1, AllThreads = 1;
        if (tracee.Filters.Contains(key))
        {
            return;
        }

        if (!tracee.IsCallAt(tracee.Addresses.Scratch))
        {
            MapScratch(tracee);
        }

        SeccompProgram filter = program();
        ulong header = tracee.Addresses.Scratch + SessionLayout.SmallOffset;
        tracee.Memory.Write(header + 16, filter.ToBytes());
        tracee.Memory.TryWrite(header, (ulong)filter.Length);
        tracee.Memory.TryWrite(header + 8, header + 16);
        long result = tracee.Inject(Nr.Seccomp, FilterMode, AllThreads, header);
        if (result != 0)
        {
            // Other threads have filters of their own: this thread at least gets it.
            tracee.Inject(Nr.Seccomp, FilterMode, 0, header);
        }

        foreach (Tracee other in threads.Where(t => t.Process == tracee.Process))
        {
            other.Filters.Add(key);
        }
    }
}
