namespace Kmem.Abstractions;

/// <summary>An interrupt controller that answers acknowledge cycles: those of an x86 CPU, or the special read of an Alpha's PCI host.</summary>
/// <remarks>Whether it requests an interrupt is its output line; who serves that line sends the cycle.</remarks>
public interface IInterruptAcknowledge
{
    /// <summary>Carries out one acknowledge cycle: the highest request goes into service.</summary>
    /// <returns>The vector on the bus, also when the request has gone meanwhile (a spurious interrupt).</returns>
    byte Acknowledge();

    /// <summary>The vector that <see cref="Acknowledge"/> would give now, without side effects.</summary>
    byte PeekVector();
}
