namespace Kmem.Abstractions;

/// <summary>The memory of the process that makes a call; addresses are user virtual addresses.</summary>
public interface IUserMemory
{
    /// <summary>First address that no user buffer may reach, for example 0x7ffffffff000 on x86-64.</summary>
    ulong Limit { get; }

    /// <summary>Copies from the process; returns the bytes copied before the first one that faults.</summary>
    int Read(ulong address, Span<byte> destination);

    /// <summary>Copies into the process; returns the bytes copied before the first one that faults.</summary>
    int Write(ulong address, ReadOnlySpan<byte> source);
}

/// <summary>One element of an I/O vector.</summary>
/// <param name="Address">User virtual address.</param>
/// <param name="Length">Length in bytes.</param>
public readonly record struct IoVector(ulong Address, ulong Length);
