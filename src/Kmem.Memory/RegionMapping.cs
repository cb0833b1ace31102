using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>A region at its place in an <see cref="AddressSpace"/>.</summary>
internal sealed class RegionMapping(AddressSpace space, MemoryRegion region, ulong address, int priority) : IRegionMapping
{
    private ulong _address = address;
    private bool _read = true;
    private bool _write = true;

    public MemoryRegion Region { get; } = region;

    public IAddressSpace Space => space;

    public int Priority { get; } = priority;

    public string? Origin { get; set; }

    public ulong Address
    {
        get => _address;
        set => Change(value, _read, _write);
    }

    public bool ReadEnabled
    {
        get => _read;
        set => Change(_address, value, _write);
    }

    public bool WriteEnabled
    {
        get => _write;
        set => Change(_address, _read, value);
    }

    /// <summary>What a failed transaction puts back.</summary>
    public (ulong Address, bool Read, bool Write) State
    {
        get => (_address, _read, _write);
        set => (_address, _read, _write) = value;
    }

    public void Dispose() => space.Unmap(this);

    private void Change(ulong address, bool read, bool write)
    {
        if ((address, read, write) != (_address, _read, _write))
        {
            using IDisposable change = space.BeginChange();
            (_address, _read, _write) = (address, read, write);
            space.MarkChanged();
        }
    }
}
