using Kmem.Abstractions;

namespace Kmem.Ir;

/// <summary>What a CPU wants from an address.</summary>
public enum MemoryAccess
{
    /// <summary>To read.</summary>
    Load,

    /// <summary>To write.</summary>
    Store,

    /// <summary>To execute.</summary>
    Fetch,
}

/// <summary>Where a virtual address leads.</summary>
/// <param name="Fault">The CPU's own number of the fault; 0 when there is none.</param>
/// <param name="Physical">Physical address.</param>
/// <param name="Writable">Whether the page may be written too, so that a load's TLB entry serves stores.</param>
/// <param name="Readable">Whether the page may be read too, so that a store's TLB entry serves loads.</param>
/// <param name="IsFixed">Whether the mapping can't change, as that of a direct segment can't.</param>
/// <param name="IsGlobal">Whether the mapping is the same in all address spaces, so that <see cref="IExecution.FlushLocalTranslations"/> leaves it.</param>
/// <param name="Shift">log2 of the length in bytes of what is mapped together, where that is more than the page size; else 0.</param>
public readonly record struct TranslatedAddress(int Fault, ulong Physical, bool Writable = false, bool Readable = false, bool IsFixed = false, bool IsGlobal = false, int Shift = 0);

/// <summary>Virtual addresses that are mapped in one piece to physical ones, readable and writable throughout.</summary>
/// <param name="Address">First virtual address.</param>
/// <param name="Physical">Its physical address.</param>
/// <param name="Length">Length in bytes.</param>
public readonly record struct MappedSpan(ulong Address, ulong Physical, ulong Length);

/// <summary>Numbers that the engine must know of a CPU.</summary>
public sealed record ProcessorModel
{
    /// <summary>Number of slots that are guest registers; temporaries follow.</summary>
    public required int RegisterCount { get; init; }

    /// <summary>log2 of the page size.</summary>
    public required int PageShift { get; init; }

    /// <summary>Number of MMU modes, each with a TLB of its own.</summary>
    public required int Modes { get; init; }

    /// <summary>Slot of a register that always reads as zero; -1 for none.</summary>
    public int ZeroSlot { get; init; } = -1;

    /// <summary>First slot that holds a floating-point number; translated code keeps these in floating-point registers.</summary>
    public int FirstFloatingSlot { get; init; } = -1;

    /// <summary>Number of such slots.</summary>
    public int FloatingSlots { get; init; }

    /// <summary>First register slot whose value no instruction leaves to the next one: it is between micro-ops and helpers only.</summary>
    public int ScratchSlot { get; init; } = int.MaxValue;

    /// <summary>Most instructions in a block.</summary>
    public int BlockLimit { get; init; } = 64;

    /// <summary>Whether loads and stores may be at any address; else the slow path refuses those that are not aligned.</summary>
    public bool AllowsUnaligned { get; init; }

    /// <summary>Whether pages are mapped in long pieces, so that each mode's longest one serves as its linear window; <see cref="IProcessor.FindSpan"/> finds it.</summary>
    public bool FindsSpans { get; init; }

    /// <summary>Whether the passes run over each lifted block.</summary>
    public bool Optimizes { get; init; }

    /// <summary>Names of register slots, for reports.</summary>
    public required Func<int, string?> SlotName { get; init; }
}

/// <summary>Gives a lifter the guest's code.</summary>
public interface ICodeSource
{
    /// <summary>Reads code of the block's page.</summary>
    /// <param name="offset">Offset in bytes from the block's first instruction.</param>
    /// <param name="destination">Takes the bytes.</param>
    /// <returns>Bytes read; fewer than asked at the end of the page.</returns>
    int Read(int offset, Span<byte> destination);

    /// <summary>Reads code at the beginning of the next page, for an instruction that begins in the block's page and ends there.</summary>
    /// <remarks>Such an instruction is the only one of its block. A fault is noted: running the block raises it.</remarks>
    /// <param name="destination">Takes the bytes.</param>
    /// <returns>Whether the next page may be fetched from.</returns>
    bool ReadNextPage(Span<byte> destination);
}

/// <summary>What the engine does for a CPU.</summary>
public unsafe interface IExecution
{
    /// <summary>The state shared with running code.</summary>
    CpuState* State { get; }

    /// <summary>Instructions executed so far, exact at any time.</summary>
    ulong Executed { get; }

    /// <summary>Takes another MMU mode: its TLB and window count from now on.</summary>
    /// <param name="mode">Number of the mode.</param>
    /// <param name="window">Whether the linear window may be used in it.</param>
    void SelectMode(int mode, bool window);

    /// <summary>Forgets all translations of all modes.</summary>
    void FlushTranslations();

    /// <summary>Forgets the translations of all modes that are not global: another address space begins.</summary>
    void FlushLocalTranslations();

    /// <summary>Forgets the translations of one page in all modes.</summary>
    void FlushTranslation(ulong address);

    /// <summary>Forgets all blocks and translations at the next instruction boundary: what modes mean has changed.</summary>
    void ForgetCode();

    /// <summary>Reads memory as the CPU would after translation; false when nobody answers or a device refuses.</summary>
    bool ReadPhysical(ulong address, int width, out ulong value);

    /// <summary>Writes memory as the CPU would after translation.</summary>
    bool WritePhysical(ulong address, int width, ulong value);

    /// <summary>Reads memory by virtual address with all checks; false at a fault, which is then in the state.</summary>
    bool ReadVirtual(ulong address, int width, out ulong value);

    /// <summary>Writes memory by virtual address with all checks; false at a fault, which is then in the state.</summary>
    bool WriteVirtual(ulong address, int width, ulong value);

    /// <summary>Lets the time of an access to a register pass, for accesses that helpers carry out.</summary>
    void PayForAccess();

    /// <summary>Finds the host address of a byte of RAM by virtual address with all checks; false at a fault, which is then in the state.</summary>
    /// <param name="address">Virtual address.</param>
    /// <param name="write">Whether it will be written.</param>
    /// <param name="host">Host address, valid to the end of the page; 0 where there are registers.</param>
    bool Reach(ulong address, bool write, out nint host);

    /// <summary>Tells that a helper has written RAM by its host address, for the sake of code that was lifted from it.</summary>
    void Changed(nint host, long length);

    /// <summary>Makes the dispatch loop look for interrupts at the next instruction boundary.</summary>
    void RequestAttention();

    /// <summary>Sleeps until an interrupt line changes or a timer comes due.</summary>
    void Wait();

    /// <summary>Lets other CPUs run: what this one waits for is theirs to do. Without others nothing happens.</summary>
    void Yield();

    /// <summary>Stops the machine.</summary>
    void Stop(MachineStop stop);
}

/// <summary>What <see cref="CpuState.Managed"/> gives: the execution, with its CPU.</summary>
public interface IExecutionOwner
{
    /// <summary>The CPU.</summary>
    IProcessor Processor { get; }
}

/// <summary>Why a machine stopped.</summary>
/// <param name="Kind">The kind of stop.</param>
/// <param name="Message">A sentence for people.</param>
/// <param name="ExitCode">The guest's exit code where it gave one.</param>
public sealed record MachineStop(StopKind Kind, string Message, int ExitCode = 0);

/// <summary>Kinds of stops.</summary>
public enum StopKind
{
    /// <summary>The guest switched the machine off.</summary>
    PowerOff,

    /// <summary>The guest asked for a reset.</summary>
    Reset,

    /// <summary>The guest can't go on: a double fault, a halt with interrupts off, endless exceptions.</summary>
    Crash,

    /// <summary>Somebody outside asked for it.</summary>
    Request,
}

/// <summary>A CPU as the engine sees it; a plugin's class is this and a <see cref="Device"/>.</summary>
public unsafe interface IProcessor
{
    /// <summary>Its numbers.</summary>
    ProcessorModel Model { get; }

    /// <summary>The name of the space that it is a master of.</summary>
    IAddressSpace Space { get; }

    /// <summary>The CPU as a bus master in its present mode.</summary>
    BusMaster Master { get; }

    /// <summary>Instructions per second of guest time.</summary>
    ulong Frequency { get; }

    /// <summary>Instructions' worth of guest time that an access to a register takes, above that of its instruction.</summary>
    int RegisterAccessCost { get; }

    /// <summary>First virtual address of the window through which RAM at physical 0 is reached without translation; null for none.</summary>
    ulong? LinearBase { get; }

    /// <summary>Connects it; called once before it runs.</summary>
    void Connect(IExecution execution);

    /// <summary>Lifts instructions from <see cref="CpuState.Pc"/>'s page until one ends the block or the limit is reached.</summary>
    /// <param name="ir">Takes micro-ops.</param>
    /// <param name="pc">Virtual address of the first instruction.</param>
    /// <param name="context">Mode bits.</param>
    /// <param name="code">The code.</param>
    /// <param name="limit">Most instructions.</param>
    /// <returns>Bytes of code lifted.</returns>
    int Lift(Builder ir, ulong pc, uint context, ICodeSource code, int limit);

    /// <summary>Finds where an address leads in the present mode.</summary>
    TranslatedAddress Translate(ulong address, MemoryAccess access);

    /// <summary>Finds what is mapped in one piece around an address to which a store has been translated in the present mode; no faults, no side effects.</summary>
    /// <remarks>Accesses through a span are not translated again, so all of it must be marked as accessed and written already.</remarks>
    MappedSpan FindSpan(ulong address) => default;

    /// <summary>A fault of an access: a translation's, a misaligned address, or one that nobody answers. Sets the state's fault fields.</summary>
    void RaiseMemoryFault(ulong address, MemoryAccess access, int width, TranslatedAddress translation, AccessResult result);

    /// <summary>Gives control to the handler of the fault in the state; the program counter is at the instruction that faulted.</summary>
    void Deliver();

    /// <summary>Takes an interrupt if one is pending and allowed; called between instructions.</summary>
    /// <returns>Whether the program counter has changed.</returns>
    bool TakeInterrupt();

    /// <summary>Whether an interrupt could be taken now or when the guest allows it: ends <see cref="IExecution.Wait"/>.</summary>
    bool HasPendingInterrupt { get; }

    /// <summary>Whether any interrupt that may yet come would be taken in the present mode, those of other CPUs left aside; false lets the engine stop a loop that nothing can end.</summary>
    bool CanBeInterrupted => true;

    /// <summary>Called when this CPU's turn begins.</summary>
    void BeginTurn()
    {
    }

    /// <summary>Called when this CPU's turn ends.</summary>
    void EndTurn();

    /// <summary>Finds where a kernel address leads for a debugger or /dev/kmem: no faults, no side effects.</summary>
    bool TryTranslateDebug(ulong address, out ulong physical, out ulong length);

    /// <summary>The registers as text, for reports.</summary>
    string Describe();
}
