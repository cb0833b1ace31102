namespace Kmem.Abstractions;

/// <summary>What kind of agent sends an access.</summary>
public enum MasterKind
{
    /// <summary>A CPU in an ordinary mode.</summary>
    Cpu,

    /// <summary>An Alpha CPU in PALmode, which owns the PAL and console areas.</summary>
    Pal,

    /// <summary>A device that does DMA.</summary>
    Dma,

    /// <summary>A character device on behalf of a host program.</summary>
    CharDevice,

    /// <summary>A debugger, a monitor or a test.</summary>
    Debugger,

    /// <summary>The machine itself while it puts memory into the state that firmware leaves.</summary>
    Firmware,
}

/// <summary>One agent on a bus: a CPU, a DMA engine, a character device, a debugger.</summary>
/// <param name="name">Name shown in traces and hazard reports, for example <c>cpu0</c> or <c>mem</c>.</param>
/// <param name="kind">What kind of agent it is.</param>
public sealed class BusMaster(string name, MasterKind kind)
{
    /// <summary>The machine's debugger, which reads without side effects.</summary>
    public static BusMaster Debugger { get; } = new("debugger", MasterKind.Debugger);

    /// <summary>The machine while it plays firmware.</summary>
    public static BusMaster Firmware { get; } = new("firmware", MasterKind.Firmware);

    /// <summary>Name shown in traces and hazard reports.</summary>
    public string Name { get; } = name;

    /// <summary>What kind of agent it is.</summary>
    public MasterKind Kind { get; } = kind;

    /// <inheritdoc/>
    public override string ToString() => Name;
}

/// <summary>Who sends an access, and whether it may have side effects.</summary>
/// <param name="Master">The agent that sends the access.</param>
/// <param name="IsDebug">True when the access must change nothing: no FIFO pops, no flag clears.</param>
public readonly record struct AccessAttributes(BusMaster Master, bool IsDebug = false)
{
    /// <summary>A read without side effects by the machine's debugger.</summary>
    public static AccessAttributes Debug { get; } = new(BusMaster.Debugger, IsDebug: true);

    /// <summary>An access by the machine while it plays firmware.</summary>
    public static AccessAttributes Firmware { get; } = new(BusMaster.Firmware);
}
