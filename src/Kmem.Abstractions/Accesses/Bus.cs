namespace Kmem.Abstractions;

/// <summary>What a bus returns where nobody answers a read.</summary>
public enum UnmappedRead
{
    /// <summary>All bits one, as a PC's pulled-up bus gives.</summary>
    Ones,

    /// <summary>All bits zero.</summary>
    Zeros,

    /// <summary>A decode error: a machine check on an Alpha.</summary>
    Error,
}

/// <summary>What a bus does where nobody answers a write.</summary>
public enum UnmappedWrite
{
    /// <summary>The data vanish and the write completes.</summary>
    Drop,

    /// <summary>A decode error: a machine check on an Alpha.</summary>
    Error,
}

/// <summary>What a space does at addresses that nobody answers.</summary>
/// <param name="Read">The answer to reads.</param>
/// <param name="Write">The answer to writes.</param>
public readonly record struct UnmappedPolicy(UnmappedRead Read, UnmappedWrite Write)
{
    /// <summary>The value that a read of <paramref name="width"/> bytes gives.</summary>
    public AccessResult ReadValue(int width, out ulong value)
    {
        value = Read == UnmappedRead.Zeros ? 0 : ulong.MaxValue >> (64 - (8 * width));
        return Read == UnmappedRead.Error ? AccessResult.DecodeError : AccessResult.Ok;
    }

    /// <summary>The outcome of a write.</summary>
    public AccessResult WriteResult => Write == UnmappedWrite.Error ? AccessResult.DecodeError : AccessResult.Ok;
}

/// <summary>What stands at an address, as the bus sees it.</summary>
public enum BusTargetKind : byte
{
    /// <summary>Nobody.</summary>
    None,

    /// <summary>Plain memory behind a host pointer.</summary>
    Memory,

    /// <summary>A region handler.</summary>
    Mmio,

    /// <summary>A window into another space.</summary>
    Window,

    /// <summary>Memory that takes no writes from this side: ROM, write-protected shadow.</summary>
    ReadOnly,
}

/// <summary>The result of decoding one address: who answers, and how far that holds.</summary>
/// <param name="Kind">What stands there.</param>
/// <param name="Index">Opaque number of the flat range, for the fabric that gave it.</param>
/// <param name="Address">The address that was decoded.</param>
/// <param name="Remaining">Bytes from the address to the end of the range, at least 1.</param>
public readonly record struct BusTarget(BusTargetKind Kind, int Index, ulong Address, ulong Remaining);

/// <summary>The wires below a bus: decodes addresses and moves data to one target, without any rule.</summary>
public interface IBusFabric
{
    /// <summary>The space of this fabric.</summary>
    IAddressSpace Space { get; }

    /// <summary>Finds who answers at <paramref name="address"/>.</summary>
    BusTarget Locate(ulong address, bool write);

    /// <summary>Reads <paramref name="width"/> bytes that lie wholly within <paramref name="target"/>.</summary>
    AccessResult Read(in BusTarget target, int width, out ulong value, in AccessAttributes attributes);

    /// <summary>Writes <paramref name="width"/> bytes that lie wholly within <paramref name="target"/>.</summary>
    AccessResult Write(in BusTarget target, int width, ulong value, in AccessAttributes attributes);

    /// <summary>A point between two transactions at which other masters that asked for the bus come in.</summary>
    void Grant();

    /// <summary>The master that came in last at a grant, or null when none did.</summary>
    BusMaster? LastGranted { get; }

    /// <summary>Tells the observer, if there is one, of one transaction.</summary>
    void Report(in BusTransaction transaction);

    /// <summary>Tells the machine that another master changed a quadword between the two halves of a partial write.</summary>
    void ReportHazard(in BusHazard hazard);
}

/// <summary>What kind of cycle a transaction was.</summary>
public enum BusCycle : byte
{
    /// <summary>A read.</summary>
    Read,

    /// <summary>A write.</summary>
    Write,

    /// <summary>The reading half of a read-modify-write.</summary>
    ModifyRead,

    /// <summary>The writing half of a read-modify-write.</summary>
    ModifyWrite,
}

/// <summary>One cycle on a bus as an observer sees it.</summary>
/// <param name="Cycle">What kind of cycle.</param>
/// <param name="Address">The address on the bus.</param>
/// <param name="Width">Width of the cycle in bytes.</param>
/// <param name="Value">The data, little endian.</param>
/// <param name="Result">What became of it.</param>
/// <param name="Target">What answered.</param>
/// <param name="Master">Who sent it.</param>
public readonly record struct BusTransaction(
    BusCycle Cycle, ulong Address, int Width, ulong Value, AccessResult Result, BusTargetKind Target, BusMaster Master);

/// <summary>A lost update: a partial write stored back bytes that another master had changed in between.</summary>
/// <param name="Space">Name of the address space.</param>
/// <param name="Address">The aligned address of the bus word.</param>
/// <param name="Victim">The master whose change was overwritten, or null when it wrote past the bus.</param>
/// <param name="Writer">The master of the partial write.</param>
/// <param name="Loaded">What the first half read.</param>
/// <param name="Found">What stood there when the second half began.</param>
/// <param name="Stored">What the second half stored.</param>
public readonly record struct BusHazard(
    string Space, ulong Address, BusMaster? Victim, BusMaster Writer, ulong Loaded, ulong Found, ulong Stored);

/// <summary>Sees the cycles of a bus.</summary>
public interface IBusObserver
{
    /// <summary>Called after each cycle, in order.</summary>
    void OnTransaction(in BusTransaction transaction);
}

/// <summary>The rules of a bus: how widths and alignments travel, and what the world sees where nobody answers.</summary>
/// <remarks>A subclass marked with <see cref="BusAttribute"/> is a plugin; it has a constructor that takes its options record.</remarks>
public abstract class Bus
{
    /// <summary>What happens where nobody answers.</summary>
    public abstract UnmappedPolicy Unmapped { get; }

    /// <summary>Natural width of the bus in bytes: 1, 2, 4 or 8.</summary>
    public abstract int WordBytes { get; }

    /// <summary>True when reads of RAM need no rule, so that a space may read the host's memory at once at any alignment.</summary>
    public virtual bool ReadsMemoryDirectly => false;

    /// <summary>False when the bus refuses accesses that are not naturally aligned.</summary>
    public virtual bool TakesUnaligned => true;

    /// <summary>True when writes of RAM need no rule, so that a space may write the host's memory at once at any alignment.</summary>
    public virtual bool WritesMemoryDirectly => false;

    /// <summary>Carries out one read of 1, 2, 4 or 8 bytes.</summary>
    public abstract AccessResult Read(IBusFabric fabric, ulong address, int width, out ulong value, in AccessAttributes attributes);

    /// <summary>Carries out one write of 1, 2, 4 or 8 bytes.</summary>
    public abstract AccessResult Write(IBusFabric fabric, ulong address, int width, ulong value, in AccessAttributes attributes);

    /// <summary>Changes the bits of <paramref name="mask"/> in the aligned quadword at <paramref name="address"/>: a read and a write, between which other masters may come in.</summary>
    /// <remarks>A bus that detects lost updates overrides this to report them.</remarks>
    public virtual AccessResult Modify(IBusFabric fabric, ulong address, ulong value, ulong mask, in AccessAttributes attributes)
    {
        AccessResult result = Read(fabric, address, sizeof(ulong), out ulong loaded, attributes);
        if (result != AccessResult.Ok)
        {
            return result;
        }

        fabric.Grant();
        return Write(fabric, address, sizeof(ulong), (loaded & ~mask) | (value & mask), attributes);
    }
}

/// <summary>Marks a class as the bus of a type name, for example <c>bus.flat</c>.</summary>
/// <param name="type">The name used by <c>type:</c> of a space.</param>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class BusAttribute(string type) : Attribute
{
    /// <summary>The name used by <c>type:</c> of a space.</summary>
    public string Type { get; } = type;
}
