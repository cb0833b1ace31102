using Kmem.Abstractions;
using Kmem.Host.Sessions;

namespace Kmem.Host.Tracing;

/// <summary>What a supervisor needs of a machine.</summary>
/// <param name="Kernel">Answers the system calls on the machine's character devices.</param>
/// <param name="Ports">The space that port instructions reach; null where the machine has none.</param>
/// <param name="MemoryFiles">Descriptors of the files that hold the machine's memory, to be mapped by programs.</param>
/// <param name="Locate">Says which pages of a mapping are memory; the rest is trapped.</param>
public sealed record TracedMachine(IKernel Kernel, IAddressSpace? Ports, IReadOnlyList<int> MemoryFiles, Func<IMapping, IReadOnlyList<MemoryPiece>> Locate)
{
    /// <summary>Called before an access reaches the machine, so that its clock can follow the host's.</summary>
    public Action? Arriving { get; init; }

    /// <summary>Held while the machine is used; shared with whoever else uses it.</summary>
    public MachineGate Gate { get; init; } = new();
}

/// <summary>A part of a mapping that is memory of the machine.</summary>
/// <param name="Offset">Offset in the mapping, in bytes; a multiple of the page size.</param>
/// <param name="Length">Length in bytes; a multiple of the page size.</param>
/// <param name="File">Descriptor of the file that holds it, one of <see cref="TracedMachine.MemoryFiles"/>.</param>
/// <param name="FileOffset">Offset in that file, in bytes.</param>
/// <param name="IsWritable">False where stores must be seen, as those into ROM.</param>
public readonly record struct MemoryPiece(ulong Offset, ulong Length, int File, ulong FileOffset, bool IsWritable);

/// <summary>How an access of a program reached the machine.</summary>
public enum TracedAccessKind
{
    /// <summary>A load or store through a mapping.</summary>
    Mapping,

    /// <summary>IN, OUT, INS or OUTS.</summary>
    Port,

    /// <summary>A system call on a device.</summary>
    Call,
}

/// <summary>One access of a program to the machine.</summary>
/// <param name="Kind">How it came.</param>
/// <param name="Process">The program's process number on the host.</param>
/// <param name="ProgramCounter">Address of the instruction in the program.</param>
/// <param name="Space">The address space; null for a call, whose device is <paramref name="Device"/>.</param>
/// <param name="Device">Path of the device node of a call; empty otherwise.</param>
/// <param name="Address">Address in the space, or offset in the device.</param>
/// <param name="Width">Width in bytes; of a call the count.</param>
/// <param name="IsWrite">True for a store.</param>
/// <param name="Value">The value moved; of a call its result.</param>
/// <param name="Outcome">Empty, or what went wrong.</param>
public readonly record struct TracedAccess(TracedAccessKind Kind, int Process, ulong ProgramCounter, IAddressSpace? Space, string Device, ulong Address, ulong Width, bool IsWrite, ulong Value, string Outcome);
