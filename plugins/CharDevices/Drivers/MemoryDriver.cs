using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Drivers;

/// <summary>The file operations of one memory device under one kernel.</summary>
internal abstract class MemoryDriver
{
    /// <summary>Whether the device can be mapped.</summary>
    public virtual bool CanMap => true;

    /// <summary>The driver for physical memory under a kernel.</summary>
    public static MemoryDriver ForPhysical(DriverEnvironment environment) => environment.Profile.Family switch
    {
        KernelFamily.Linux => new LinuxMemDriver(environment),
        KernelFamily.Tru64 => new QuadwordDriver(environment, new PhysicalAddresses()),
        _ => new RawDriver(environment, new PhysicalAddresses()),
    };

    /// <summary>The driver for kernel memory under a kernel.</summary>
    public static MemoryDriver ForKernel(DriverEnvironment environment) => environment.Profile.Family switch
    {
        KernelFamily.Linux => new LinuxKmemDriver(environment),
        KernelFamily.Tru64 => new QuadwordDriver(environment, new KernelAddresses(environment)),
        _ => new RawDriver(environment, new KernelAddresses(environment)),
    };

    /// <summary>Reads and moves the position.</summary>
    public abstract CallResult Read(ref ulong position, IUserMemory memory, ulong buffer, ulong count);

    /// <summary>Writes and moves the position.</summary>
    public abstract CallResult Write(ref ulong position, IUserMemory memory, ulong buffer, ulong count);

    /// <summary>Maps; the kernel has checked what is common to all files.</summary>
    public abstract CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping);
}
