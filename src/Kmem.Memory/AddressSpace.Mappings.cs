using Kmem.Abstractions;

namespace Kmem.Memory;

/// <content>Mappings, transactions and the questions that people ask about them.</content>
public sealed partial class AddressSpace
{
    private readonly List<RegionMapping> _mappings = [];
    private List<(RegionMapping Mapping, (ulong, bool, bool) State)> _before = [];
    private int _depth;
    private bool _dirty;
    private bool _announcing;

    /// <inheritdoc/>
    public IRegionMapping Map(MemoryRegion region, ulong address, int priority = 0)
    {
        var mapping = new RegionMapping(this, region, address, priority);
        using (BeginChange())
        {
            _mappings.Add(mapping);
            MarkChanged();
        }

        if (region is WindowRegion window)
        {
            window.Target.Changed += OnTargetChanged;
        }

        return mapping;
    }

    /// <inheritdoc/>
    public IDisposable BeginChange()
    {
        if (_depth++ == 0)
        {
            _before = [.. _mappings.Select(m => (m, m.State))];
        }

        return new ChangeScope(this);
    }

    /// <inheritdoc/>
    public bool TryGetDirect(ulong address, bool write, in AccessAttributes attributes, out DirectMemory memory)
    {
        memory = default;
        if (address > _lastAddress)
        {
            return false;
        }

        FlatView view = write ? _writes : _reads;
        ref FlatEntry entry = ref view.Entries[view.Find(address)];
        ulong length = entry.Last - address + 1;
        if (entry.IsGuarded)
        {
            length = Math.Min(length, SameRights(address, entry.Last, write ? AreaRights.Write : AreaRights.Read, attributes.Master, out bool allowed));
            if (!allowed)
            {
                return false;
            }
        }

        if (entry.Pointer != 0)
        {
            memory = new DirectMemory(entry.Pointer + (nint)(address - entry.Start), length);
            return true;
        }

        if (entry.Region is not WindowRegion { Kind: WindowKind.Dense } window
            || !window.Target.TryGetDirect(WindowAccess.Translate(window, entry.Offset + (address - entry.Start)), write, attributes, out memory))
        {
            return false;
        }

        // A mask that cuts address bits folds the window; the pointer holds up to the fold.
        ulong fold = window.Mask == ulong.MaxValue ? ulong.MaxValue : window.Mask - (WindowAccess.Translate(window, entry.Offset + (address - entry.Start)) & window.Mask) + 1;
        memory = memory with { Length = Math.Min(Math.Min(memory.Length, length), fold) };
        return true;
    }

    /// <inheritdoc/>
    public IReadOnlyList<FlatRange> GetFlatView(bool write = false) =>
        [.. (write ? _writes : _reads).Entries.Where(e => e.Region is not null).Select(e => new FlatRange(e.Start, e.Last, e.Region!, e.Offset, e.Mapping!))];

    /// <inheritdoc/>
    public AddressDecode Decode(ulong address, bool write = false)
    {
        var steps = new List<DecodeStep>();
        (MemoryRegion? region, ulong offset) = DecodeInto(steps, address, write);
        return new AddressDecode(steps, region, offset);
    }

    internal void Unmap(RegionMapping mapping)
    {
        using (BeginChange())
        {
            if (!_mappings.Remove(mapping))
            {
                return;
            }

            MarkChanged();
        }

        if (mapping.Region is WindowRegion window)
        {
            window.Target.Changed -= OnTargetChanged;
        }
    }

    internal void MarkChanged() => _dirty = true;

    private (MemoryRegion? Region, ulong Offset) DecodeInto(List<DecodeStep> steps, ulong address, bool write)
    {
        if (address > _lastAddress)
        {
            return (null, 0);
        }

        FlatView view = write ? _writes : _reads;
        FlatEntry winner = view.Entries[view.Find(address)];
        foreach (RegionMapping mapping in _mappings.Where(m => address >= m.Address && address - m.Address < m.Region.Length).OrderByDescending(m => m.Priority))
        {
            bool wins = ReferenceEquals(mapping, winner.Mapping), enabled = write ? mapping.WriteEnabled : mapping.ReadEnabled;
            string reason = wins ? "answers"
                : !enabled ? $"is switched off for {(write ? "writes" : "reads")}"
                : winner.Mapping is null || mapping.Priority > winner.Mapping.Priority ? "has a hole here and lets others through"
                : $"loses: priority {mapping.Priority} is below {winner.Mapping.Priority} of '{winner.Mapping.Region.Name}'";
            steps.Add(new DecodeStep(this, address, mapping, address - mapping.Address, wins, reason));
        }

        ulong offset = winner.Offset + (address - winner.Start);
        if (winner.Region is not WindowRegion window)
        {
            return (winner.Region, offset);
        }

        return window.Target is AddressSpace behind
            ? behind.DecodeInto(steps, WindowAccess.Translate(window, offset), write)
            : (window, offset);
    }

    private ulong SameRights(ulong address, ulong last, AreaRights right, BusMaster master, out bool allowed)
    {
        allowed = ((AreaAt(address)?.RightsOf(master.Kind) ?? AreaRights.All) & right) != 0;

        // Rights can change only where some area begins or ends.
        ulong end = last;
        foreach (FirmwareArea area in _areas)
        {
            end = area.Start > address ? Math.Min(end, area.Start - 1) : area.Last >= address ? Math.Min(end, area.Last) : end;
        }

        return end - address + 1;
    }

    private void EndChange()
    {
        if (--_depth > 0 || !_dirty)
        {
            return;
        }

        _dirty = false;
        try
        {
            FlatView reads = ViewBuilder.Build(_mappings, _lastAddress, write: false, _areas);
            FlatView writes = NeedsWriteView() ? ViewBuilder.Build(_mappings, _lastAddress, write: true, _areas) : reads;
            (_reads, _writes) = (reads, writes);
        }
        catch (MapConflictException)
        {
            _mappings.Clear();
            foreach ((RegionMapping mapping, (ulong, bool, bool) state) in _before)
            {
                mapping.State = state;
                _mappings.Add(mapping);
            }

            throw;
        }

        Announce();
    }

    /// <summary>Reads and writes see the same unless a mapping is switched for one of them, or is ROM.</summary>
    private bool NeedsWriteView() => _mappings.Exists(m => m.ReadEnabled != m.WriteEnabled || Leads(m.Region, 0));

    private static bool Leads(MemoryRegion region, int depth) => region switch
    {
        RomRegion => true,
        WindowRegion => true,
        AliasRegion alias => depth < 32 && Leads(alias.Target, depth + 1),
        ContainerRegion container => depth < 32 && container.Entries.Any(e => Leads(e.Region, depth + 1)),
        _ => false,
    };

    private void OnTargetChanged(AddressSpaceChange change)
    {
        if (_mappings.Exists(m => m.Region is WindowRegion { Fallthrough: true }))
        {
            using IDisposable scope = BeginChange();
            MarkChanged();
        }
        else
        {
            Announce();
        }
    }

    private void Announce()
    {
        // Two spaces with windows into each other would announce for ever.
        if (_announcing)
        {
            return;
        }

        _announcing = true;
        Generation++;
        Changed?.Invoke(new AddressSpaceChange(this, Generation));
        _announcing = false;
    }

    private sealed class ChangeScope(AddressSpace space) : IDisposable
    {
        private bool _done;

        public void Dispose()
        {
            if (!_done)
            {
                _done = true;
                space.EndChange();
            }
        }
    }
}
