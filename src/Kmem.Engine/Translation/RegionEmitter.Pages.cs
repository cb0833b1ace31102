using System.Reflection.Emit;
using Kmem.Ir;

namespace Kmem.Engine.Translation;

/// <content>Loads and stores through the TLB that find their page together.</content>
internal sealed partial class RegionEmitter
{
    private readonly List<LocalBuilder> _addends = [];
    private readonly Dictionary<int, (int Number, AccessGroup Group, bool IsSpan)> _pageGroups = [];
    private LocalBuilder? _low;

    /// <summary>Finds what lies in one page as long as an object does not cross into the next, and what lies in the window together.</summary>
    private void FindPageGroups(RegionBlock block)
    {
        _pageGroups.Clear();
        int number = 0;
        Add(AddressGroups.Find(block.Operations, o => !UsesWindow(o) && !UsesSpan(o) && (o.Site & (SiteFlags.Slow | SiteFlags.Single)) == 0), isSpan: false);
        Add(AddressGroups.Find(block.Operations, UsesSpan), isSpan: true);

        void Add(IEnumerable<AccessGroup> groups, bool isSpan)
        {
            foreach (AccessGroup group in groups)
            {
                foreach (GroupedAccess member in group.Members)
                {
                    _pageGroups[member.Index] = (number, group, isSpan);
                }

                number++;
            }
        }
    }

    /// <summary>Brings the host address into its local by what the first access of the group has found; false where the access stands alone.</summary>
    private bool TryReachWithGroup(Place place)
    {
        if (!_pageGroups.TryGetValue(place.Operation, out (int Number, AccessGroup Group, bool IsSpan) found))
        {
            return false;
        }

        while (_addends.Count <= found.Number)
        {
            _addends.Add(_il.DeclareLocal(typeof(nint)));
        }

        LocalBuilder addend = _addends[found.Number];
        if (found.Group.First.Index == place.Operation)
        {
            if (found.IsSpan)
            {
                FindSpanAddend(found.Group, place, addend);
            }
            else
            {
                FindPageAddend(found.Group, place, addend);
            }
        }

        _il.Emit(OpCodes.Ldloc, _address);
        _il.Emit(OpCodes.Conv_I);
        _il.Emit(OpCodes.Ldloc, addend);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Stloc, _host);
        return true;
    }

    private void FindPageAddend(AccessGroup group, Place place, LocalBuilder addend)
    {
        CheckGroup(group, SideStub(place));
        _il.Emit(OpCodes.Ldloc, _entry);
        _il.Emit(OpCodes.Ldfld, typeof(TlbEntry).GetField(nameof(TlbEntry.Addend))!);
        _il.Emit(OpCodes.Stloc, addend);
    }

    private void CheckGroup(AccessGroup group, Label side)
    {
        _low ??= _il.DeclareLocal(typeof(ulong));
        _il.Emit(OpCodes.Ldloc, _address);
        if (group.Distance != 0)
        {
            _il.Emit(OpCodes.Ldc_I8, group.Distance);
            _il.Emit(OpCodes.Add);
        }

        _il.Emit(OpCodes.Stloc, _low);
        _il.Emit(OpCodes.Ldloc, _tlb);
        _il.Emit(OpCodes.Ldloc, _low);
        _il.Emit(OpCodes.Ldc_I4, _model.PageShift);
        _il.Emit(OpCodes.Call, Entry);
        _il.Emit(OpCodes.Stloc, _entry);
        CheckTag(nameof(TlbEntry.Read), group.Members.Any(m => !m.IsStore));
        CheckTag(nameof(TlbEntry.Write), group.Members.Any(m => m.IsStore));

        if (group.IsUnaligned)
        {
            // The tag was compared with the page of the last byte.
            return;
        }

        // The last byte lies in the same page.
        _il.Emit(OpCodes.Ldloc, _low);
        _il.Emit(OpCodes.Ldc_I8, group.Span - 1);
        _il.Emit(OpCodes.Add);
        _il.Emit(OpCodes.Ldloc, _low);
        _il.Emit(OpCodes.Xor);
        _il.Emit(OpCodes.Ldc_I4, _model.PageShift);
        _il.Emit(OpCodes.Shr_Un);
        _il.Emit(OpCodes.Brtrue, side);

        void CheckTag(string tag, bool isNeeded)
        {
            if (isNeeded)
            {
                _il.Emit(OpCodes.Ldloc, _entry);
                _il.Emit(OpCodes.Ldfld, typeof(TlbEntry).GetField(tag)!);
                _il.Emit(OpCodes.Ldloc, _low);
                _il.Emit(OpCodes.Ldc_I4, _model.PageShift);
                _il.Emit(OpCodes.Ldc_I4, group.IsUnaligned ? (int)group.Span : 1 << group.Log2);
                _il.Emit(OpCodes.Call, group.IsUnaligned ? HitsUnaligned : Hits);
                _il.Emit(OpCodes.Brfalse, side);
            }
        }
    }
}
