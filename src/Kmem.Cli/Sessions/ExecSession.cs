using System.Diagnostics;
using Kmem.Abstractions;
using Kmem.Host.Tracing;
using Kmem.Host.Tracing.Paths;
using Kmem.Machine;
using Kmem.Memory;

namespace Kmem.Cli.Sessions;

/// <summary>A machine with the supervisor that lets programs run on it.</summary>
internal sealed class ExecSession : IDisposable
{
    private readonly Stopwatch _time = Stopwatch.StartNew();

    /// <summary>Creates the session.</summary>
    public ExecSession(RunningMachine machine, IKernel kernel)
    {
        var locator = new MemoryLocator(machine.Memory.Blocks);
        Files = new SessionFiles(kernel.Nodes);
        Supervisor = new Supervisor(new TracedMachine(kernel, PortSpace(machine), locator.Files, locator.Locate) { Arriving = () => Follow(machine) }, Files);
        KernelTexts.Publish(kernel, PortSpace(machine), Files);
        foreach (IPciBus bus in machine.Devices.Values.Select(d => d.Instance).OfType<IPciBus>().Take(1))
        {
            var tree = new PciTree(bus, Files);
            tree.Publish();
            Files.Opening = tree.Refresh;
        }

        if (machine.MainSpace is { } memory)
        {
            new FirmwareTables(memory, Files).Publish();
        }
    }

    /// <summary>The supervisor.</summary>
    public Supervisor Supervisor { get; }

    /// <summary>The files that programs see.</summary>
    public SessionFiles Files { get; }

    /// <summary>Guest time goes with the host's from the session's start on.</summary>
    private void Follow(RunningMachine machine)
    {
        long behind = (_time.ElapsedTicks * (1_000_000_000 / Stopwatch.Frequency)) - machine.Clock.Now;
        if (behind > 0)
        {
            machine.Clock.Advance(behind);
        }
    }

    /// <inheritdoc/>
    public void Dispose() => Files.Dispose();

    /// <summary>The space that port instructions reach: the one of the port frontend, else the first that is no wider than ports.</summary>
    private static AddressSpace? PortSpace(RunningMachine machine) =>
        machine.Spaces.Values.FirstOrDefault(s => s.Width == 16 && machine.Description.Spaces.Any(d => d.Id == s.Name));
}
