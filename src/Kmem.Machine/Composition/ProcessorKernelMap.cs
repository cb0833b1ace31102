using Kmem.Abstractions;
using Kmem.Ir;

namespace Kmem.Machine.Composition;

/// <summary>Kernel virtual addresses by the page tables of a CPU that runs, else by the ranges that the machine declares.</summary>
/// <param name="declared">The declared ranges.</param>
internal sealed class ProcessorKernelMap(DeclaredKernelMap declared) : IKernelMap
{
    /// <summary>The CPU whose tables count; null while none runs.</summary>
    public IProcessor? Processor { get; set; }

    public IReadOnlyList<KernelRange> Ranges => declared.Ranges;

    public bool TryTranslate(ulong address, bool write, out ulong physical, out ulong length, out KernelRangeKind kind)
    {
        if (Processor is null)
        {
            return declared.TryTranslate(address, write, out physical, out length, out kind);
        }

        // Addresses of user programs are below the middle; they are no business of kmem, mapped or not.
        kind = Ranges.FirstOrDefault(r => address >= r.Start && address <= r.Last)?.Kind ?? KernelRangeKind.Direct;
        if ((long)address < 0 && Processor.TryTranslateDebug(address, out physical, out length))
        {
            return true;
        }

        (physical, length) = (0, 0);
        return false;
    }
}
