using Iced.Intel;
using Kmem.Abstractions;

namespace Kmem.Host.Tracing.Faults;

/// <summary>SCAS and CMPS, alone and repeated.</summary>
/// <remarks>Source: Intel SDM volume 2, "SCAS", "CMPS", "REPE/REPNE".</remarks>
internal sealed class StringComparisons(ProgramMemory memory)
{
    private const ulong DirectionFlag = 0x400, ZeroFlag = 0x40;
    private const ulong MostRepetitions = 65536;

    /// <summary>Carries out an instruction; elements before one that faults count.</summary>
    public MappingFault Execute(Tracee tracee, in Instruction instruction, bool isScan)
    {
        int width = instruction.MemorySize.GetSize();
        ulong mask = ulong.MaxValue >> (64 - (8 * width));
        bool whileEqual = instruction.HasRepPrefix, repeats = whileEqual || instruction.HasRepnePrefix;
        ulong step = (tracee.Registers.Eflags & DirectionFlag) != 0 ? unchecked((ulong)-width) : (ulong)width;
        ulong source = RegisterAccess.Get(tracee.Registers, instruction.SegmentPrefix);
        bool ends = false;
        for (ulong left = repeats ? Math.Min(tracee.Registers.Rcx, MostRepetitions) : 1; left > 0 && !ends; left--)
        {
            ulong first = tracee.Registers.Rax & mask;
            MappingFault fault = isScan ? MappingFault.None : memory.Load(tracee, source + tracee.Registers.Rsi, width, out first);
            ulong second = 0;
            if (fault == MappingFault.None)
            {
                fault = memory.Load(tracee, tracee.Registers.Rdi, width, out second);
            }

            if (fault != MappingFault.None)
            {
                tracee.Store();
                return fault;
            }

            ulong flags = tracee.Registers.Eflags;
            ArithmeticFlags.Compute(Mnemonic.Cmp, first, second, width, ref flags);
            tracee.Registers.Eflags = flags;
            tracee.Registers.Rdi += step;
            tracee.Registers.Rsi += isScan ? 0 : step;
            tracee.Registers.Rcx -= repeats ? 1UL : 0;
            ends = repeats && (flags & ZeroFlag) != 0 != whileEqual;
        }

        if (!repeats || ends || tracee.Registers.Rcx == 0)
        {
            tracee.Registers.Rip = instruction.NextIP;
        }

        tracee.Store();
        return MappingFault.None;
    }
}
