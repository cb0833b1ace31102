using Kmem.Abstractions;

namespace Kmem.Host.Sessions;

/// <summary>A machine as programs of the host meet it.</summary>
/// <param name="Kernel">Answers the system calls on its character devices.</param>
/// <param name="Memory">Its main space; null where it has none.</param>
/// <param name="Ports">The space of its port instructions; null where it has none.</param>
/// <param name="Blocks">Its memory.</param>
/// <param name="Pci">Its first PCI bus; null where it has none.</param>
public sealed record HostedMachine(IKernel Kernel, IAddressSpace? Memory, IAddressSpace? Ports, IReadOnlyList<IRamBlock> Blocks, IPciBus? Pci)
{
    /// <summary>Called before an access, so that the machine's clock can follow the host's.</summary>
    public Action? Arriving { get; init; }

    /// <summary>Held while the machine is used; shared with whoever else uses it.</summary>
    public MachineGate Gate { get; init; } = new();
}
