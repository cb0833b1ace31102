using Kmem.Abstractions;
using Kmem.Host.Tracing;
using Kmem.Host.Tracing.Paths;
using Kmem.Machine;
using Kmem.Memory;

namespace Kmem.Cli.Sessions;

/// <summary>A machine with the supervisor that lets programs run on it.</summary>
internal sealed class ExecSession : IDisposable
{
    /// <summary>Creates the session.</summary>
    public ExecSession(RunningMachine machine, IKernel kernel)
    {
        var locator = new MemoryLocator(machine.Memory.Blocks);
        Files = new SessionFiles(kernel.Nodes);
        Supervisor = new Supervisor(new TracedMachine(kernel, PortSpace(machine), locator.Files, locator.Locate), Files);
    }

    /// <summary>The supervisor.</summary>
    public Supervisor Supervisor { get; }

    /// <summary>The files that programs see.</summary>
    public SessionFiles Files { get; }

    /// <inheritdoc/>
    public void Dispose() => Files.Dispose();

    /// <summary>The space that port instructions reach: the one of the port frontend, else the first that is no wider than ports.</summary>
    private static AddressSpace? PortSpace(RunningMachine machine) =>
        machine.Spaces.Values.FirstOrDefault(s => s.Width == 16 && machine.Description.Spaces.Any(d => d.Id == s.Name));
}
