namespace Kmem.Abstractions;

/// <summary>How a local APIC is to treat a message; the values are those of the delivery mode field.</summary>
/// <remarks>Source: Intel SDM volume 3A, section 10.5.1 "Local Vector Table"; Intel 82093AA datasheet, section 3.2.4.</remarks>
public enum InterruptDelivery : byte
{
    /// <summary>The vector, to every destination.</summary>
    Fixed = 0,

    /// <summary>The vector, to the destination of lowest priority.</summary>
    LowestPriority = 1,

    /// <summary>A system management interrupt.</summary>
    Smi = 2,

    /// <summary>A non-maskable interrupt.</summary>
    Nmi = 4,

    /// <summary>INIT.</summary>
    Init = 5,

    /// <summary>A start-up message; the vector is the page at which the CPU begins.</summary>
    StartUp = 6,

    /// <summary>An interrupt of an 8259, which gives the vector itself at the acknowledge cycle.</summary>
    External = 7,
}

/// <summary>An interrupt that travels as a message: from an I/O APIC, a local APIC or a device with message-signalled interrupts.</summary>
/// <param name="Vector">The vector, 0..255; of no meaning for some deliveries.</param>
/// <param name="Delivery">How the destination is to treat it.</param>
/// <param name="Destination">APIC ID, or a set of logical destinations, or <see cref="All"/>.</param>
/// <param name="IsLogical">Whether <paramref name="Destination"/> is a logical one.</param>
/// <param name="IsLevel">Whether it is level-triggered, so that its end is to be told to the I/O APICs.</param>
/// <param name="IsAssert">False for the message that ends an INIT level.</param>
public readonly record struct InterruptMessage(
    byte Vector, InterruptDelivery Delivery, uint Destination, bool IsLogical = false, bool IsLevel = false, bool IsAssert = true)
{
    /// <summary>The destination that names all local APICs, for senders that know 32 bits of one.</summary>
    public const uint All = uint.MaxValue;

    /// <summary>The destination of a sender that knows 8 bits of one, to which all ones are the physical destination of all.</summary>
    public static uint Widen(byte destination, bool isLogical) => destination == byte.MaxValue && !isLogical ? All : destination;
}
