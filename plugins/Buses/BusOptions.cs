using Kmem.Abstractions;

namespace Kmem.Plugins.Buses;

/// <summary>Words for what a read of an unmapped address gives.</summary>
public enum UnmappedReadWord
{
    /// <summary>All bits one.</summary>
    Ones,

    /// <summary>All bits zero.</summary>
    Zeros,

    /// <summary>A decode error.</summary>
    Error,

    /// <summary>A decode error, which an Alpha reports as a machine check.</summary>
    MachineCheck,
}

/// <summary>Words for what a write of an unmapped address does.</summary>
public enum UnmappedWriteWord
{
    /// <summary>Nothing.</summary>
    Drop,

    /// <summary>A decode error.</summary>
    Error,

    /// <summary>A decode error, which an Alpha reports as a machine check.</summary>
    MachineCheck,
}

/// <summary>What happens where nobody answers.</summary>
/// <param name="Read">What a read gives.</param>
/// <param name="Write">What a write does.</param>
public sealed record UnmappedOptions(UnmappedReadWord Read = UnmappedReadWord.Ones, UnmappedWriteWord Write = UnmappedWriteWord.Drop)
{
    /// <summary>The policy behind the words.</summary>
    public UnmappedPolicy Policy => new(
        Read switch { UnmappedReadWord.Ones => UnmappedRead.Ones, UnmappedReadWord.Zeros => UnmappedRead.Zeros, _ => UnmappedRead.Error },
        Write == UnmappedWriteWord.Drop ? UnmappedWrite.Drop : UnmappedWrite.Error);
}

/// <summary>Words for what happens to a register access of a wrong width or alignment.</summary>
public enum MisalignedWord
{
    /// <summary>It is split into pieces that fit.</summary>
    Split,

    /// <summary>It ends with an error.</summary>
    Error,

    /// <summary>It ends with an error, which an Alpha reports as a machine check.</summary>
    MachineCheck,
}

/// <summary>Widths that registers on the bus take.</summary>
/// <param name="Min">Narrowest access in bytes.</param>
/// <param name="Max">Widest access in bytes.</param>
/// <param name="Misaligned">What happens to others.</param>
/// <param name="Relaxed">Windows to which this does not apply: <c>pci</c> stands for all windows into other spaces.</param>
public sealed record MmioOptions(int Min = 1, int Max = 8, MisalignedWord Misaligned = MisalignedWord.Split, IReadOnlyList<string>? Relaxed = null);
