using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>Renders mappings into a flat view: higher priorities first, each taking what is still free.</summary>
internal sealed class ViewBuilder
{
    private const int MostDepth = 32;

    private readonly List<FlatEntry> _entries = [];
    private readonly bool _write;

    private ViewBuilder(bool write) => _write = write;

    /// <summary>Builds the view of one direction.</summary>
    /// <param name="mappings">The mappings of the space.</param>
    /// <param name="lastAddress">Last address of the space.</param>
    /// <param name="write">True for the view that writes use.</param>
    /// <param name="areas">Areas, for the mark that a policy holds.</param>
    /// <exception cref="MapConflictException">Two regions of the same priority overlap.</exception>
    public static FlatView Build(IReadOnlyList<RegionMapping> mappings, ulong lastAddress, bool write, IReadOnlyList<FirmwareArea> areas)
    {
        var builder = new ViewBuilder(write);
        RegionMapping[] enabled = [.. mappings.Where(m => write ? m.WriteEnabled : m.ReadEnabled)];
        CheckConflicts([.. enabled.Select(m => new Candidate(m.Address, m.Region, m.Priority, m))], lastAddress);

        // Descending priority; the sort is stable, so what came first stays first among ranges that don't overlap anyway.
        foreach (RegionMapping mapping in enabled.OrderByDescending(m => m.Priority))
        {
            ulong last = Last(mapping.Address, mapping.Region.Length, lastAddress);
            if (mapping.Address <= lastAddress)
            {
                builder.Render(mapping.Region, mapping.Address, 0, mapping.Address, last, mapping, 0);
            }
        }

        return new FlatView(builder.Finish(lastAddress, areas));
    }

    private static ulong Last(ulong start, ulong length, ulong limit)
    {
        ulong last = start + (length - 1);
        return last < start || last > limit ? limit : last;
    }

    private static void CheckConflicts(List<Candidate> candidates, ulong limit)
    {
        foreach (IGrouping<int, Candidate> group in candidates.GroupBy(c => c.Priority).Where(g => g.Skip(1).Any()))
        {
            Candidate? previous = null;
            foreach (Candidate candidate in group.OrderBy(c => c.Start))
            {
                if (previous is { } p && candidate.Start <= Last(p.Start, p.Region.Length, limit))
                {
                    throw new MapConflictException(p.Mapping, candidate.Mapping, candidate.Start);
                }

                if (previous is not { } q || Last(candidate.Start, candidate.Region.Length, limit) > Last(q.Start, q.Region.Length, limit))
                {
                    previous = candidate;
                }
            }
        }
    }

    /// <summary>Renders a region whose byte <paramref name="offset"/> lies at <paramref name="at"/>, cut to <paramref name="first"/>..<paramref name="last"/>.</summary>
    private void Render(MemoryRegion region, ulong at, ulong offset, ulong first, ulong last, RegionMapping mapping, int depth)
    {
        if (depth > MostDepth)
        {
            throw new InvalidOperationException($"'{region.Name}' contains itself.");
        }

        switch (region)
        {
            case AliasRegion alias:
                Render(alias.Target, at, offset + alias.Offset, first, CutTo(last, at, offset + alias.Offset, alias.Target.Length), mapping, depth + 1);
                break;
            case ContainerRegion container:
                CheckConflicts([.. container.Entries.Select(e => new Candidate(e.Offset, e.Region, e.Priority, mapping))], ulong.MaxValue);
                foreach (ContainerEntry entry in container.Entries.OrderByDescending(e => e.Priority))
                {
                    RenderPart(entry, at, offset, first, last, mapping, depth);
                }

                break;
            case WindowRegion { Fallthrough: true } window:
                foreach (FlatRange range in window.Target.GetFlatView(_write))
                {
                    RenderBehind(window, range, at, offset, first, last, mapping);
                }

                break;
            default:
                Insert(region, at, offset, first, last, mapping);
                break;
        }
    }

    /// <summary>Last address that still lies within a region of a length.</summary>
    private static ulong CutTo(ulong last, ulong at, ulong offset, ulong length)
    {
        if (offset >= length)
        {
            return at == 0 ? 0 : at - 1;
        }

        ulong end = at + (length - offset - 1);
        return end < at ? last : Math.Min(last, end);
    }

    private void RenderPart(ContainerEntry entry, ulong at, ulong offset, ulong first, ulong last, RegionMapping mapping, int depth)
    {
        ulong entryLast = entry.Offset + (entry.Region.Length - 1);
        ulong seenLast = offset + (last - at);
        if (entryLast < offset || entry.Offset > seenLast)
        {
            return;
        }

        ulong begin = Math.Max(entry.Offset, offset), end = Math.Min(entryLast, seenLast);
        ulong address = at + (begin - offset);
        Render(entry.Region, address, begin - entry.Offset, Math.Max(first, address), Math.Min(last, address + (end - begin)), mapping, depth + 1);
    }

    private void RenderBehind(WindowRegion window, FlatRange range, ulong at, ulong offset, ulong first, ulong last, RegionMapping mapping)
    {
        ulong windowFirst = window.TargetAddress + offset, windowLast = windowFirst + (last - at);
        if (range.Last < windowFirst || range.Start > windowLast)
        {
            return;
        }

        ulong begin = Math.Max(range.Start, windowFirst), end = Math.Min(range.Last, windowLast);
        ulong address = at + (begin - windowFirst);
        Insert(window, address, begin - window.TargetAddress, Math.Max(first, address), Math.Min(last, address + (end - begin)), mapping);
    }

    /// <summary>Puts a leaf into whatever of its range is still free.</summary>
    private void Insert(MemoryRegion region, ulong at, ulong offset, ulong first, ulong last, RegionMapping mapping)
    {
        if (first > last)
        {
            return;
        }

        int index = _entries.Count;
        while (index > 0 && _entries[index - 1].Last >= first)
        {
            index--;
        }

        ulong from = first;
        while (true)
        {
            bool isFree = index == _entries.Count || _entries[index].Start > from;
            ulong to = index == _entries.Count ? last : isFree ? Math.Min(last, _entries[index].Start - 1) : 0;
            if (isFree)
            {
                _entries.Insert(index++, Leaf(region, from, to, offset + (from - at), mapping));
                if (to == last)
                {
                    return;
                }
            }

            if (index < _entries.Count)
            {
                if (_entries[index].Last >= last)
                {
                    return;
                }

                from = _entries[index++].Last + 1;
            }
        }
    }

    private FlatEntry Leaf(MemoryRegion region, ulong start, ulong last, ulong offset, RegionMapping mapping)
    {
        var entry = new FlatEntry { Start = start, Last = last, Offset = offset, Region = region, Mapping = mapping };
        switch (region)
        {
            case RamRegion ram:
                (entry.Kind, entry.Pointer) = (BusTargetKind.Memory, ram.Block.Pointer + (nint)offset);
                break;
            case RomRegion rom:
                (entry.Kind, entry.Pointer) = (_write ? BusTargetKind.ReadOnly : BusTargetKind.Memory, _write ? 0 : rom.Block.Pointer + (nint)offset);
                break;
            case MmioRegion mmio:
                (entry.Kind, entry.Handler) = (BusTargetKind.Mmio, mmio.Handler);
                break;
            case WindowRegion:
                entry.Kind = BusTargetKind.Window;
                break;
        }

        return entry;
    }

    private FlatEntry[] Finish(ulong lastAddress, IReadOnlyList<FirmwareArea> areas)
    {
        var all = new List<FlatEntry>(_entries.Count * 2 + 1);
        ulong next = 0;
        bool full = false;
        foreach (FlatEntry entry in _entries)
        {
            if (entry.Start > next)
            {
                all.Add(new FlatEntry { Start = next, Last = entry.Start - 1 });
            }

            all.Add(entry with { IsGuarded = areas.Any(a => a.Restricts && a.Start <= entry.Last && entry.Start <= a.Last) });
            full = entry.Last == lastAddress;
            next = entry.Last + 1;
        }

        if (!full)
        {
            all.Add(new FlatEntry { Start = next, Last = lastAddress });
        }

        return [.. all];
    }

    private sealed record Candidate(ulong Start, MemoryRegion Region, int Priority, RegionMapping Mapping);
}
