namespace Kmem.Abstractions;

/// <summary>What became of one access to an address space; a value, never an exception.</summary>
public enum AccessResult : byte
{
    /// <summary>The access completed.</summary>
    Ok,

    /// <summary>Nobody answers at this address.</summary>
    DecodeError,

    /// <summary>The target answered with an error of its own.</summary>
    DeviceError,

    /// <summary>The target refuses writes from this master.</summary>
    ReadOnly,

    /// <summary>The target does not take this width or alignment.</summary>
    Misaligned,
}
