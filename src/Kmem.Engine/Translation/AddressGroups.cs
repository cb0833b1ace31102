using System.Numerics;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <summary>An access of a group.</summary>
/// <param name="Index">Index of its micro-op.</param>
/// <param name="Offset">Bytes from its group's root.</param>
/// <param name="Log2">log2 of its width.</param>
/// <param name="IsStore">Whether it writes.</param>
/// <param name="IsUnaligned">Whether it may be at any address.</param>
internal readonly record struct GroupedAccess(int Index, long Offset, int Log2, bool IsStore, bool IsUnaligned);

/// <summary>Accesses that one check can serve.</summary>
/// <param name="First">The first of them, where the check is made.</param>
/// <param name="Members">All of them.</param>
/// <param name="Distance">From the first one's address to the lowest byte, rounded down to the alignment; 0 or less.</param>
/// <param name="Span">Bytes from there to the end of the highest one.</param>
/// <param name="Log2">log2 of the alignment; 0 where none is asked for.</param>
/// <param name="IsUnaligned">Whether nothing is known of the alignment, so that only the page counts.</param>
internal sealed record AccessGroup(GroupedAccess First, IReadOnlyList<GroupedAccess> Members, long Distance, long Span, int Log2, bool IsUnaligned);

/// <summary>Finds accesses of one block whose addresses differ by constants.</summary>
internal sealed class AddressGroups
{
    /// <summary>Longest span of addresses of one group in bytes.</summary>
    public const int Reach = 4096;

    /// <summary>The same for accesses that need not be aligned: an object of this size seldom lies across two pages.</summary>
    public const int UnalignedReach = 512;

    private readonly Dictionary<int, (int Root, long Offset)> _values = [];
    private readonly Dictionary<int, List<GroupedAccess>> _accesses = [];
    private int _roots;

    /// <summary>The groups of a block that have at least two members.</summary>
    /// <param name="operations">The block's micro-ops.</param>
    /// <param name="takesPart">Which accesses count.</param>
    public static IEnumerable<AccessGroup> Find(ReadOnlySpan<MicroOp> operations, Func<MicroOp, bool> takesPart)
    {
        var groups = new AddressGroups();
        for (int i = 0; i < operations.Length; i++)
        {
            if (operations[i].Code is >= Uop.Load8 and <= Uop.Store64U && takesPart(operations[i]))
            {
                groups.Add(i, operations[i]);
            }

            groups.Follow(operations[i]);
        }

        return groups._accesses.Values.Where(a => a.Count > 1).Select(Join).OfType<AccessGroup>();
    }

    private void Add(int index, MicroOp operation)
    {
        (int root, long offset) = ValueOf(operation.A);
        if (!_accesses.TryGetValue(root, out List<GroupedAccess>? list))
        {
            _accesses[root] = list = [];
        }

        bool isStore = UopTable.ShapeOf(operation.Code) == UopShape.Store;
        list.Add(new GroupedAccess(index, offset + (long)operation.Immediate, BitOperations.Log2((uint)UopTable.WidthOf(operation.Code)), isStore, UopTable.IsUnaligned(operation.Code)));
    }

    private void Follow(MicroOp operation)
    {
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
                if (UopTable.ShapeOf(operation.Code) is UopShape.Helper or UopShape.Guarded)
                {
                    // A helper may set any register, and move pages.
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

    private static AccessGroup? Join(List<GroupedAccess> accesses)
    {
        if (accesses.Exists(a => a.IsUnaligned))
        {
            return JoinUnaligned(accesses);
        }

        // What aligns the widest access decides how the others must lie to it.
        GroupedAccess first = accesses[0], widest = accesses.MaxBy(a => a.Log2);
        bool Fits(GroupedAccess a) => ((a.Offset - widest.Offset) & ((1L << a.Log2) - 1)) == 0 && Math.Abs(a.Offset - first.Offset) < Reach / 2;
        List<GroupedAccess> members = [.. accesses.Where(Fits)];
        if (members.Count < 2 || !Fits(first) || !Fits(widest))
        {
            return null;
        }

        long width = 1L << widest.Log2;
        long low = members.Min(a => a.Offset), high = members.Max(a => a.Offset + (1L << a.Log2));
        low = widest.Offset - ((widest.Offset - low + width - 1) & -width);
        return new AccessGroup(first, members, low - first.Offset, high - low, widest.Log2, IsUnaligned: false);
    }

    private static AccessGroup? JoinUnaligned(List<GroupedAccess> accesses)
    {
        GroupedAccess first = accesses[0];
        List<GroupedAccess> members = [.. accesses.Where(a => Math.Abs(a.Offset - first.Offset) < UnalignedReach / 2)];
        if (members.Count < 2)
        {
            return null;
        }

        long low = members.Min(a => a.Offset), high = members.Max(a => a.Offset + (1L << a.Log2));
        return new AccessGroup(first, members, low - first.Offset, high - low, 0, IsUnaligned: true);
    }
}
