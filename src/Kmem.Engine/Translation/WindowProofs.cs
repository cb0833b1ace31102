using System.Numerics;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>What translated code must check at one access through the linear window.</summary>
/// <param name="IsChecked">Whether it must check at all: an earlier access of the block may have checked for this one too.</param>
/// <param name="Distance">From this access to the lowest byte that the check speaks for, in bytes: 0 or less.</param>
/// <param name="Length">What <see cref="MemoryKernels.InWindow"/> takes as the window's length.</param>
/// <param name="Log2">log2 of the alignment that is checked.</param>
internal readonly record struct WindowCheck(bool IsChecked, long Distance, ulong Length, int Log2);

/// <summary>Finds accesses of one block whose addresses differ by a constant, so that one check serves all of them.</summary>
/// <remarks>
/// The check is made at the first access for the whole span. Where it fails the interpreter goes on from there, and finds out which of the accesses
/// leaves the window; so a check that asks for too much costs time and nothing else.
/// </remarks>
internal sealed class WindowProofs
{
    /// <summary>Longest span of addresses that one check speaks for, in bytes.</summary>
    private const int Reach = 4096;

    private readonly Dictionary<int, (int Root, long Offset)> _values = [];
    private readonly Dictionary<int, List<Access>> _accesses = [];
    private readonly WindowCheck[] _checks;
    private int _roots;

    private WindowProofs(int operations) => _checks = new WindowCheck[operations];

    /// <summary>The checks of a block, by the index of the micro-op; only those of accesses through the window count.</summary>
    /// <param name="operations">The block's micro-ops.</param>
    /// <param name="windowLength">Length of the window in bytes.</param>
    public static WindowCheck[] Find(ReadOnlySpan<MicroOp> operations, ulong windowLength)
    {
        var proofs = new WindowProofs(operations.Length);
        for (int i = 0; i < operations.Length; i++)
        {
            proofs.Follow(i, operations[i]);
        }

        foreach (List<Access> accesses in proofs._accesses.Values)
        {
            proofs.Join(accesses, windowLength);
        }

        return proofs._checks;
    }

    private void Follow(int index, MicroOp operation)
    {
        UopShape shape = UopTable.ShapeOf(operation.Code);
        if (shape is UopShape.Load or UopShape.Store && operation.Site == SiteFlags.None)
        {
            (int root, long offset) = ValueOf(operation.A);
            if (!_accesses.TryGetValue(root, out List<Access>? list))
            {
                _accesses[root] = list = [];
            }

            list.Add(new Access(index, offset + (long)operation.Immediate, BitOperations.Log2((uint)UopTable.WidthOf(operation.Code))));
        }

        switch (operation.Code)
        {
            case Uop.Mov:
                _values[operation.D] = ValueOf(operation.A);
                break;
            case Uop.AddI or Uop.SubI:
                (int root, long offset) = ValueOf(operation.A);
                _values[operation.D] = (root, operation.Code == Uop.AddI ? offset + (long)operation.Immediate : offset - (long)operation.Immediate);
                break;
            default:
                if (shape is UopShape.Helper or UopShape.Guarded)
                {
                    // A helper may set any register.
                    _values.Clear();
                }
                else if (UopTable.SetsD(operation.Code))
                {
                    _ = _values.Remove(operation.D);
                }

                break;
        }
    }

    private (int Root, long Offset) ValueOf(int slot)
    {
        if (!_values.TryGetValue(slot, out (int Root, long Offset) value))
        {
            _values[slot] = value = (_roots++, 0);
        }

        return value;
    }

    private void Join(List<Access> accesses, ulong windowLength)
    {
        foreach (Access access in accesses)
        {
            _checks[access.Index] = new WindowCheck(IsChecked: true, 0, windowLength, access.Log2);
        }

        // What aligns the widest access decides how the others must lie to it.
        Access first = accesses[0], widest = accesses.MaxBy(a => a.Log2);
        bool Fits(Access a) => ((a.Offset - widest.Offset) & ((1L << a.Log2) - 1)) == 0 && Math.Abs(a.Offset - first.Offset) < Reach;
        if (accesses.Count == 1 || windowLength < 2 * Reach || !Fits(first) || !Fits(widest))
        {
            return;
        }

        long low = long.MaxValue, high = long.MinValue;
        foreach (Access access in accesses.Where(Fits))
        {
            low = Math.Min(low, access.Offset);
            high = Math.Max(high, access.Offset + (1L << access.Log2));
            _checks[access.Index] = default;
        }

        long width = 1L << widest.Log2;
        low = widest.Offset - ((widest.Offset - low + width - 1) & -width);
        ulong length = ((windowLength - (ulong)(high - low)) & (ulong)-width) + (ulong)width;
        _checks[first.Index] = new WindowCheck(IsChecked: true, low - first.Offset, length, widest.Log2);
    }

    /// <summary>An access.</summary>
    /// <param name="Index">Index of its micro-op.</param>
    /// <param name="Offset">Bytes from its root.</param>
    /// <param name="Log2">log2 of its width.</param>
    private readonly record struct Access(int Index, long Offset, int Log2);
}
