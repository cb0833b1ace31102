using Kmem.Host.Tracing;
using Kmem.Host.Tracing.Paths;

namespace Kmem.Host.Sessions;

/// <summary>A machine with the supervisor that lets programs run on it, and with the files that they see.</summary>
public sealed class ProgramSession : IDisposable
{
    private readonly SessionFiles _files;

    /// <summary>Creates the session.</summary>
    /// <param name="machine">The machine.</param>
    public ProgramSession(HostedMachine machine)
    {
        var locator = new MemoryLocator(machine.Blocks);
        _files = new SessionFiles(machine.Kernel.Nodes);
        KernelTexts.Publish(machine.Kernel, machine.Ports, _files);
        if (machine.Pci is { } bus)
        {
            var tree = new PciTree(bus, machine.Memory, _files);
            tree.Publish();
            _files.Opening = tree.Refresh;
        }

        if (machine.Memory is { } memory)
        {
            new FirmwareTables(memory, _files).Publish();
        }

        Supervisor = new Supervisor(new TracedMachine(machine.Kernel, machine.Ports, locator.Files, locator.Locate) { Arriving = machine.Arriving, Gate = machine.Gate }, _files);
    }

    /// <summary>The supervisor.</summary>
    public Supervisor Supervisor { get; }

    /// <inheritdoc/>
    public void Dispose() => _files.Dispose();
}
