namespace Kmem.Host.Sessions;

/// <summary>Lets one visitor at a time use a machine: whoever is inside may call its devices as the machine's own thread would.</summary>
/// <remarks>This one is a lock, for a machine that nobody runs; whoever runs one lets visitors in between two turns of its CPUs.</remarks>
public class MachineGate
{
    private readonly Lock _lock = new();

    /// <summary>Goes in, waiting for it if need be, and out again when the visit is disposed; a visitor that is inside may go in again.</summary>
    public Visit Visit()
    {
        Enter();
        return new Visit(this);
    }

    /// <summary>Goes in.</summary>
    protected internal virtual void Enter() => _lock.Enter();

    /// <summary>Goes out, on the thread that went in.</summary>
    protected internal virtual void Exit() => _lock.Exit();
}

/// <summary>A visit to a machine.</summary>
/// <param name="gate">The gate that it came through.</param>
public readonly struct Visit(MachineGate gate) : IDisposable
{
    /// <summary>Ends it.</summary>
    public void Dispose() => gate.Exit();
}
