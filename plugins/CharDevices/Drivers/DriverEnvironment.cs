using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;
using Kmem.Plugins.CharDevices.Resources;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>What a memory driver works with: its kernel's rules and the machine behind.</summary>
internal sealed class DriverEnvironment
{
    private readonly IKernel _kernel;

    /// <summary>Puts a driver's surroundings together.</summary>
    /// <param name="kernel">The kernel; one that this plugin did not make has no rules.</param>
    /// <param name="context">The frontend.</param>
    /// <param name="space">The physical addresses.</param>
    public DriverEnvironment(IKernel kernel, IFrontendContext context, IAddressSpace space)
    {
        (_kernel, Space, KernelMap) = (kernel, space, context.KernelMap);
        Profile = (kernel as SimulatedKernel)?.Profile ?? KernelProfiles.Raw;
        Memory = (kernel as SimulatedKernel)?.MemoryOver(space) ?? new KernelMemory(Profile, new FlavourOptions(), space);
        Attributes = new AccessAttributes(Profile.ActsAsCpu ? new BusMaster(context.Master.Name, MasterKind.Cpu) : context.Master);
        Transfer = new PhysicalTransfer(this);
    }

    /// <summary>The kernel's rules.</summary>
    public KernelProfile Profile { get; }

    /// <summary>What the kernel knows of the machine's memory.</summary>
    public KernelMemory Memory { get; }

    /// <summary>The physical addresses.</summary>
    public IAddressSpace Space { get; }

    /// <summary>Kernel virtual addresses.</summary>
    public IKernelMap KernelMap { get; }

    /// <summary>How the driver appears on the bus.</summary>
    public AccessAttributes Attributes { get; }

    /// <summary>Moves data between physical memory and the caller.</summary>
    public PhysicalTransfer Transfer { get; }

    /// <summary>Whether a signal might end a transfer, so that it must go page by page.</summary>
    public bool MayStop => Profile.SignalBreak && _kernel.SignalPending is not null;

    /// <summary>Whether a signal ends the transfer here; it is then taken.</summary>
    public bool Stops()
    {
        if (!MayStop || !_kernel.SignalPending!())
        {
            return false;
        }

        _kernel.SignalPending = null;
        return true;
    }
}
