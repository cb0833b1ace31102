namespace Kmem.Abstractions;

/// <summary>What local and I/O APICs talk over: interrupt messages one way, ends of interrupts the other way.</summary>
/// <remarks>The device <c>apic.bus</c> is one; APICs find it by its name in an option and attach themselves when they are built.</remarks>
public interface IApicBus
{
    /// <summary>Adds a local APIC; its number on the bus is the order of attachment.</summary>
    void Attach(ILocalApic apic);

    /// <summary>Adds an I/O APIC.</summary>
    void Attach(IIoApic apic);

    /// <summary>The local APICs in the order of attachment.</summary>
    IReadOnlyList<ILocalApic> LocalApics { get; }

    /// <summary>Brings a message to the local APICs that it is for; of several candidates of lowest priority, to one.</summary>
    /// <returns>False when no local APIC took it.</returns>
    bool Send(in InterruptMessage message);

    /// <summary>Tells the I/O APICs that a level-triggered interrupt of a vector has ended.</summary>
    void EndOfInterrupt(byte vector);
}

/// <summary>A CPU's local APIC as the bus sees it.</summary>
public interface ILocalApic
{
    /// <summary>The CPU that it belongs to, by whose accesses its registers are reached.</summary>
    /// <remarks>All local APICs stand at one address; a CPU's access goes to its own, everybody else's to the first.</remarks>
    IReadOnlyList<BusMaster> Masters { get; }

    /// <summary>Its registers: 4 KiB.</summary>
    IRegionHandler Registers { get; }

    /// <summary>Whether a destination names this APIC; an all-ones physical destination names all.</summary>
    bool IsDestination(uint destination, bool isLogical);

    /// <summary>The processor priority, which decides who is of lowest priority; 0..255.</summary>
    byte Priority { get; }

    /// <summary>Takes a message that is for it.</summary>
    void Accept(in InterruptMessage message);
}

/// <summary>An I/O APIC as the bus sees it.</summary>
public interface IIoApic
{
    /// <summary>A level-triggered interrupt of a vector has ended at a local APIC.</summary>
    void EndOfInterrupt(byte vector);
}
