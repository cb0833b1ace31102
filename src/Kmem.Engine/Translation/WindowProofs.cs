using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>What translated code must check at one access through the linear window.</summary>
/// <param name="IsChecked">Whether it must check at all: an earlier access of the block may have checked for this one too.</param>
/// <param name="Distance">From this access to the lowest byte that the check speaks for, in bytes: 0 or less.</param>
/// <param name="Length">What <see cref="MemoryKernels.InWindow"/> takes as the window's length.</param>
/// <param name="Log2">log2 of the alignment that is checked.</param>
internal readonly record struct WindowCheck(bool IsChecked, long Distance, ulong Length, int Log2);

/// <summary>Decides where the accesses of one block through the linear window check their addresses.</summary>
/// <remarks>
/// The check is made at the first access of a group for the whole span. Where it fails the interpreter goes on from there, and finds out which of the
/// accesses leaves the window; so a check that asks for too much costs time and nothing else.
/// </remarks>
internal static class WindowProofs
{
    /// <summary>The checks of a block, by the index of the micro-op; only those of accesses through the window count.</summary>
    /// <param name="operations">The block's micro-ops.</param>
    /// <param name="windowLength">Length of the window in bytes.</param>
    public static WindowCheck[] Find(ReadOnlySpan<MicroOp> operations, ulong windowLength)
    {
        var checks = new WindowCheck[operations.Length];
        for (int i = 0; i < checks.Length; i++)
        {
            if (UopTable.WidthOf(operations[i].Code) is var width and not 0)
            {
                checks[i] = new WindowCheck(IsChecked: true, 0, windowLength, System.Numerics.BitOperations.Log2((uint)width));
            }
        }

        if (windowLength < 2 * AddressGroups.Reach)
        {
            return checks;
        }

        foreach (AccessGroup group in AddressGroups.Find(operations, o => o.Site == SiteFlags.None && !UopTable.IsUnaligned(o.Code)))
        {
            foreach (GroupedAccess member in group.Members)
            {
                checks[member.Index] = default;
            }

            ulong width = 1UL << group.Log2, length = ((windowLength - (ulong)group.Span) & (0 - width)) + width;
            checks[group.First.Index] = new WindowCheck(IsChecked: true, group.Distance, length, group.Log2);
        }

        return checks;
    }
}
