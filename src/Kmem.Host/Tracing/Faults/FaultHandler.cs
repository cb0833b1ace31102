using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Host.Tracing.Native;

namespace Kmem.Host.Tracing.Faults;

/// <summary>Carries out instructions that trapped because they reach the machine: port instructions, and loads and stores on closed pages.</summary>
internal sealed unsafe class FaultHandler
{
    private const int Map = 1, Access = 2, Kernel = 0x80;

    private readonly Supervisor _supervisor;
    private readonly InstructionCache _instructions = new();
    private readonly PortInstructions _ports;
    private readonly MemoryInstructions _memory;

    /// <summary>Creates the handler of a session.</summary>
    public FaultHandler(Supervisor supervisor)
    {
        _supervisor = supervisor;
        _ports = new PortInstructions(supervisor);
        _memory = new MemoryInstructions(supervisor);
    }

    /// <summary>Deals with a signal; true when it came from an access to the machine and the thread can go on without it.</summary>
    public bool TryHandle(Tracee tracee, int signal)
    {
        if (signal != Linux.SigSegv)
        {
            return false;
        }

        Span<int> information = stackalloc int[32];
        fixed (int* pointer = information)
        {
            if (Linux.Ptrace(Linux.GetSignalInfo, tracee.Thread, 0, (nint)pointer) < 0)
            {
                return false;
            }
        }

        int code = information[2];
        if (code == Kernel)
        {
            return _supervisor.Machine.Ports is not null && Decode(tracee, out Instruction instruction) && _ports.TryExecute(tracee, instruction);
        }

        ulong address = (uint)information[4] | ((ulong)(uint)information[5] << 32);
        return code is Map or Access && tracee.Addresses.HasRanges
            && (tracee.Addresses.Find(address) is not null) && Decode(tracee, out Instruction access) && _memory.TryExecute(tracee, access);
    }

    private bool Decode(Tracee tracee, out Instruction instruction)
    {
        tracee.Fetch();
        return _instructions.TryGet(tracee, tracee.Registers.Rip, out instruction);
    }
}
