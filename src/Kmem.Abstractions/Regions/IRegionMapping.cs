namespace Kmem.Abstractions;

/// <summary>A region at its place in a space; may be moved, switched or taken away while the machine runs.</summary>
public interface IRegionMapping : IDisposable
{
    /// <summary>The region.</summary>
    MemoryRegion Region { get; }

    /// <summary>The space.</summary>
    IAddressSpace Space { get; }

    /// <summary>Address of the region's first byte in the space.</summary>
    ulong Address { get; set; }

    /// <summary>Signed; compared only inside one space or container.</summary>
    int Priority { get; }

    /// <summary>Whether reads reach the region.</summary>
    bool ReadEnabled { get; set; }

    /// <summary>Whether writes reach the region.</summary>
    bool WriteEnabled { get; set; }

    /// <summary>Where the mapping was written down, for example <c>pc.yaml:93:18</c>, or null.</summary>
    string? Origin { get; set; }
}

/// <summary>Two regions of the same priority overlap.</summary>
public sealed class MapConflictException : Exception
{
    /// <summary>Creates the error without details.</summary>
    public MapConflictException()
        : base("Two regions of the same priority overlap.")
    {
    }

    /// <summary>Creates the error with a message.</summary>
    public MapConflictException(string message)
        : base(message)
    {
    }

    /// <summary>Creates the error with a message and a cause.</summary>
    public MapConflictException(string message, Exception innerException)
        : base(message, innerException)
    {
    }

    /// <summary>Creates the error for two mappings.</summary>
    public MapConflictException(IRegionMapping first, IRegionMapping second, ulong address)
        : base($"'{first.Region.Name}' and '{second.Region.Name}' both claim 0x{address:X} in '{first.Space.Name}' with priority {first.Priority}.")
    {
        (First, Second, Address) = (first, second, address);
    }

    /// <summary>The mapping that was there.</summary>
    public IRegionMapping? First { get; }

    /// <summary>The mapping that came.</summary>
    public IRegionMapping? Second { get; }

    /// <summary>First address claimed twice.</summary>
    public ulong Address { get; }
}
