using Kmem.Abstractions;

namespace Kmem.Host.Tracing;

/// <summary>A mapped device in a program's address space; pages that are not memory of the machine are closed to it and trap.</summary>
/// <param name="Start">First address in the program.</param>
/// <param name="Length">Length in bytes.</param>
/// <param name="Mapping">The simulated kernel's mapping.</param>
/// <param name="Offset">Offset of <paramref name="Start"/> in the mapping, in bytes.</param>
internal sealed record DeviceRange(ulong Start, ulong Length, SharedMapping Mapping, ulong Offset)
{
    /// <summary>Address after the last byte.</summary>
    public ulong End => Start + Length;
}

/// <summary>A mapping that the ranges of several programs use; it ends with the last of them.</summary>
internal sealed class SharedMapping(IMapping mapping)
{
    private int _users;

    /// <summary>The simulated kernel's mapping.</summary>
    public IMapping Mapping { get; } = mapping;

    /// <summary>Counts a range.</summary>
    public void Take() => _users++;

    /// <summary>Forgets a range.</summary>
    public void Give()
    {
        if (--_users == 0)
        {
            Mapping.Dispose();
        }
    }
}

/// <summary>What the supervisor knows of an address space: mapped devices and its own page. Threads share one, fork copies it, execve empties it.</summary>
internal sealed class AddressMap
{
    private readonly List<DeviceRange> _ranges = [];
    private ulong _buffersInUse;

    /// <summary>Address of the supervisor's own page in the program; 0 while there is none.</summary>
    public ulong Scratch { get; set; }

    /// <summary>A path buffer that no other thread uses; the last one when all are in use.</summary>
    public ulong TakeBuffer()
    {
        int index = Math.Min(System.Numerics.BitOperations.TrailingZeroCount(~_buffersInUse), SessionLayout.PathBuffers - 1);
        _buffersInUse |= 1UL << index;
        return Scratch + SessionLayout.PathOffset + ((ulong)index * SessionLayout.PathLength);
    }

    /// <summary>Gives a path buffer back.</summary>
    public void GiveBuffer(ulong address) => _buffersInUse &= ~(1UL << (int)((address - Scratch - SessionLayout.PathOffset) / SessionLayout.PathLength));

    /// <summary>Number of threads that use it.</summary>
    public int Users { get; set; } = 1;

    /// <summary>True while devices are mapped.</summary>
    public bool HasRanges => _ranges.Count > 0;

    /// <summary>The mapped devices.</summary>
    public IReadOnlyList<DeviceRange> Ranges => _ranges;

    /// <summary>The range around an address, or null.</summary>
    public DeviceRange? Find(ulong address)
    {
        foreach (DeviceRange range in _ranges)
        {
            if (address - range.Start < range.Length)
            {
                return range;
            }
        }

        return null;
    }

    /// <summary>Adds a range; what stood there is gone.</summary>
    public void Add(DeviceRange range)
    {
        Remove(range.Start, range.Length);
        range.Mapping.Take();
        _ranges.Add(range);
    }

    /// <summary>Cuts addresses out of all ranges.</summary>
    public void Remove(ulong start, ulong length)
    {
        ulong end = start + length;
        for (int i = _ranges.Count - 1; i >= 0; i--)
        {
            DeviceRange range = _ranges[i];
            if (range.End <= start || range.Start >= end)
            {
                continue;
            }

            _ranges.RemoveAt(i);
            if (range.Start < start)
            {
                Insert(range with { Length = start - range.Start });
            }

            if (range.End > end)
            {
                Insert(range with { Start = end, Length = range.End - end, Offset = range.Offset + (end - range.Start) });
            }

            range.Mapping.Give();
        }
    }

    /// <summary>The ranges that touch start..start+length-1.</summary>
    public IReadOnlyList<DeviceRange> Touching(ulong start, ulong length) => [.. _ranges.Where(r => r.End > start && r.Start < start + length)];

    /// <summary>A copy for the child of a fork.</summary>
    public AddressMap Copy()
    {
        var copy = new AddressMap { Scratch = Scratch };
        _ranges.ForEach(copy.Insert);
        return copy;
    }

    /// <summary>One thread less; the last one releases the mappings.</summary>
    public void Leave()
    {
        if (--Users == 0)
        {
            _ranges.ForEach(r => r.Mapping.Give());
            _ranges.Clear();
        }
    }

    private void Insert(DeviceRange range)
    {
        range.Mapping.Take();
        _ranges.Add(range);
    }
}
