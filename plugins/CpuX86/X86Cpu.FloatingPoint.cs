using Kmem.Abstractions;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>How x87 exceptions are reported.</content>
/// <remarks>Source: Intel SDM volume 1, 8.7 "Handling x87 FPU Exceptions in Software", volume 3, 2.5 (CR0.NE).</remarks>
public sealed unsafe partial class X86Cpu
{
    private bool _isFloatingErrorSignaled;

    /// <summary>The line FERR#, which a PC wires to input 13 of its interrupt controllers.</summary>
    internal IIrqLine FloatingError { get; }

    /// <summary>#MF where CR0.NE is set. Where it is clear, FERR# has told the system already, and the instruction goes on as with IGNNE#.</summary>
    /// <returns>0, or the reason to leave the block.</returns>
    internal int RaiseFloatingPoint() => (Slots[X86Slots.Cr0] & Cr0.Ne) != 0 ? Raise(X86Fault.FloatingPoint) : 0;

    /// <summary>Makes FERR# follow the summary bit of the status word.</summary>
    internal void SignalFloatingPoint(bool isPending)
    {
        isPending &= (Slots[X86Slots.Cr0] & Cr0.Ne) == 0;
        if (isPending != _isFloatingErrorSignaled)
        {
            _isFloatingErrorSignaled = isPending;
            FloatingError.Level = isPending;
        }
    }
}
