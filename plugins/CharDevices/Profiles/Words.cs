namespace Kmem.Plugins.CharDevices.Profiles;

/// <summary>Which family of rules the drivers of a kernel follow.</summary>
public enum KernelFamily
{
    /// <summary>No rules: what the bus answers.</summary>
    Raw,

    /// <summary>The drivers of Linux.</summary>
    Linux,

    /// <summary>The drivers of Tru64 UNIX: aligned quadwords.</summary>
    Tru64,
}

/// <summary>How far a kernel is locked down against its own administrator.</summary>
public enum Lockdown
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>Nobody may change the running kernel.</summary>
    Integrity,

    /// <summary>Nobody may read its secrets either.</summary>
    Confidentiality,
}

/// <summary>How read and write of physical memory check their range against the end of RAM.</summary>
public enum RangeCheck
{
    /// <summary>Not at all.</summary>
    None,

    /// <summary>The first byte after the range is not above the end of RAM: a range of no bytes at 0 is fine.</summary>
    FirstByteAfter,

    /// <summary>The last byte of the range is RAM's last or below: a range of no bytes at 0 is not fine, its last byte is 2^64-1.</summary>
    LastByte,
}

/// <summary>What becomes of mmap on a device of Tru64.</summary>
public enum MapWord
{
    /// <summary>ENODEV.</summary>
    Refuse,

    /// <summary>It maps.</summary>
    Allow,
}

/// <summary>What becomes of a write of less than a quadword under Tru64.</summary>
public enum PartialWriteWord
{
    /// <summary>A read-modify-write that nothing protects.</summary>
    Rmw,

    /// <summary>Narrower accesses on the bus.</summary>
    Split,

    /// <summary>EINVAL, with nothing written.</summary>
    Error,
}

/// <summary>How device registers are touched under Tru64.</summary>
public enum DeviceWord
{
    /// <summary>As aligned quadwords.</summary>
    Quadword,

    /// <summary>In the widths of the request.</summary>
    Native,
}

/// <summary>What O_SYNC does to the memory type of a mapping.</summary>
public enum MapCacheWord
{
    /// <summary>Nothing: mappings ask for write-back.</summary>
    Wb,

    /// <summary>A descriptor with O_SYNC or O_DSYNC asks for uncached.</summary>
    UcByOSync,
}
