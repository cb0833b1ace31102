namespace Kmem.Abstractions;

/// <summary>A register as tools show it: in logs, in mounts and in descriptions.</summary>
/// <param name="Name">Its name in the datasheet.</param>
/// <param name="Offset">Its offset in the region, in bytes.</param>
/// <param name="Width">Its width in bytes: 1, 2, 4 or 8.</param>
/// <param name="CanRead">Whether a read reaches it.</param>
/// <param name="CanWrite">Whether a write reaches it.</param>
/// <param name="TakesOtherWidths">Whether accesses of other widths are split and merged for it.</param>
public readonly record struct NamedRegister(string Name, ulong Offset, int Width, bool CanRead, bool CanWrite, bool TakesOtherWidths);

/// <summary>Implemented by region handlers that know the names of their registers.</summary>
public interface IHasNamedRegisters
{
    /// <summary>The registers by offset.</summary>
    IReadOnlyList<NamedRegister> NamedRegisters { get; }
}
