using Kmem.Abstractions;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <summary>What stands between the hardware and the operating system: either C#, or an image that the CPU runs.</summary>
internal abstract class OsfPalcode
{
    /// <summary>State after power-on.</summary>
    public abstract void Reset();

    /// <summary>Lifts CALL_PAL.</summary>
    public abstract void LiftCall(LiftContext x, uint function);

    /// <summary>Lifts an instruction that only PALmode has.</summary>
    public abstract void LiftHardware(LiftContext x);

    /// <summary>Gives control to the handler of a fault; the program counter is at the instruction.</summary>
    public abstract void Deliver(AlphaFault fault, ulong address, ulong detail);

    /// <summary>Whether any interrupt would be taken now: level 7 and PALmode take none.</summary>
    public abstract bool CanBeInterrupted { get; }

    /// <summary>Takes the most urgent interrupt that is allowed.</summary>
    public abstract bool TakeInterrupt();

    /// <summary>Saves its state.</summary>
    public abstract void Save(StateWriter writer);

    /// <summary>Loads its state.</summary>
    public abstract void Load(StateReader reader);

    /// <summary>Its registers as text.</summary>
    public abstract string Describe();

    /// <summary>Prepares the machine for a kernel that stands in memory.</summary>
    /// <param name="boot">Where everything lies.</param>
    public abstract void Boot(AlphaBoot boot);
}

/// <summary>What a boot has put into memory.</summary>
/// <param name="Memory">Bytes of RAM from physical 0.</param>
/// <param name="Entry">Virtual address of the kernel's first instruction.</param>
/// <param name="Cpus">Number of CPUs.</param>
internal sealed record AlphaBoot(ulong Memory, ulong Entry, int Cpus);
