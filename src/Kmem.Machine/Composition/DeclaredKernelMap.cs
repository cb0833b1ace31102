using Kmem.Abstractions;

namespace Kmem.Machine.Composition;

/// <summary>Kernel virtual addresses by the ranges that the machine declares, for a machine without a CPU.</summary>
/// <param name="ranges">The ranges, ascending.</param>
internal sealed class DeclaredKernelMap(IReadOnlyList<KernelRange> ranges) : IKernelMap
{
    /// <summary>Alpha KSEG: bit 40 of the virtual address selects I/O space, which begins at bit 43 of the physical one.</summary>
    private const ulong KsegMemory = (1UL << 40) - 1, KsegIo = 1UL << 40, PhysicalIo = 1UL << 43;

    public IReadOnlyList<KernelRange> Ranges => ranges;

    public bool TryTranslate(ulong address, bool write, out ulong physical, out ulong length, out KernelRangeKind kind)
    {
        foreach (KernelRange range in ranges)
        {
            if (address < range.Start || address > range.Last)
            {
                continue;
            }

            kind = range.Kind;
            length = range.Last - address + 1;
            if (range.Physical is not { } first)
            {
                break;
            }

            physical = first + (address - range.Start);
            if (kind == KernelRangeKind.Kseg)
            {
                ulong offset = address & KsegMemory;
                physical = first + ((address & KsegIo) != 0 ? PhysicalIo | offset : offset);
                length = Math.Min(length, KsegMemory - offset + 1);
            }

            return true;
        }

        (physical, length, kind) = (0, 0, KernelRangeKind.Direct);
        return false;
    }
}
