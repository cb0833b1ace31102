namespace Kmem.Ir;

/// <summary>The mode in which a boot protocol begins on a CPU that has several.</summary>
public enum StartMode
{
    /// <summary>16-bit real mode: segments are selectors times 16, interrupts are off.</summary>
    Real,

    /// <summary>32-bit protected mode without paging; all segments begin at 0 and are 4 GiB long, interrupts are off.</summary>
    Protected,

    /// <summary>64-bit mode with paging through the tables in memory that register <c>cr3</c> names, interrupts are off.</summary>
    Long,
}

/// <summary>A state in which a CPU begins past its reset, as the boot protocol of a program asks for.</summary>
/// <param name="Mode">The mode.</param>
/// <param name="CodeSegment">Selector in CS.</param>
/// <param name="DataSegment">Selector in DS, ES, SS, FS and GS.</param>
/// <param name="Pc">Offset of the first instruction in the code segment.</param>
/// <param name="Registers">Other registers by the CPU's own names, for example <c>rsi</c>, <c>cr3</c>, <c>gdtr_base</c>, <c>gdtr_limit</c>; model-specific ones as <c>msr.</c> and a hexadecimal number, and those that a CPU does not have are no error; what is not named is as after reset, general registers 0.</param>
public sealed record StartState(StartMode Mode, ushort CodeSegment, ushort DataSegment, ulong Pc, IReadOnlyDictionary<string, ulong> Registers);

/// <summary>A CPU that can begin in a state of a boot protocol.</summary>
public interface IStartable
{
    /// <summary>Takes a state; called after a reset, with everything that it refers to in memory.</summary>
    /// <exception cref="Abstractions.MachineException">The CPU has no such mode or register.</exception>
    void Start(StartState state);

    /// <summary>Takes from the state of the CPU that begins what firmware gives to all, the model-specific registers, and waits to be started by that one.</summary>
    void Await(StartState state);
}
