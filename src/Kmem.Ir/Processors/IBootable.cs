namespace Kmem.Ir;

/// <summary>A piece of a program to be loaded.</summary>
/// <param name="VirtualAddress">Where it is linked.</param>
/// <param name="Bytes">Its bytes.</param>
/// <param name="MemoryLength">Its length in memory; what is beyond its bytes is zero.</param>
public sealed record BootSegment(ulong VirtualAddress, ReadOnlyMemory<byte> Bytes, ulong MemoryLength);

/// <summary>A program that a machine begins with, in place of its firmware's choice.</summary>
/// <param name="Segments">Its pieces.</param>
/// <param name="Entry">Virtual address of its first instruction.</param>
/// <param name="Initrd">Initial file system; empty for none.</param>
/// <param name="CommandLine">Command line; empty for none.</param>
public sealed record BootImage(IReadOnlyList<BootSegment> Segments, ulong Entry, ReadOnlyMemory<byte> Initrd, string CommandLine);

/// <summary>A CPU that can begin with a program, as its architecture's boot protocol says.</summary>
public interface IBootable
{
    /// <summary>Puts a program into memory and the CPU at its first instruction; called after a reset.</summary>
    /// <exception cref="Abstractions.MachineException">It does not fit this machine.</exception>
    void Boot(BootImage image);
}
