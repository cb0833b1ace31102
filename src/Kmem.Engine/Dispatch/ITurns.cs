namespace Kmem.Engine;

/// <summary>Who gives turns to several CPUs, as each of them sees it.</summary>
public interface ITurns
{
    /// <summary>A CPU that runs waits for another one: its turn may end.</summary>
    void Yield(CpuExecution cpu);

    /// <summary>A CPU has been asked to look at its interrupts.</summary>
    void Rouse(CpuExecution cpu);

    /// <summary>Whether other CPUs may yet send a CPU something.</summary>
    bool HasLivingOthers(CpuExecution cpu);
}
