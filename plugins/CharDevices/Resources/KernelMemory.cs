using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Resources;

/// <summary>What one kernel knows of the machine's memory, worked out when the first device is opened.</summary>
internal sealed class KernelMemory
{
    /// <summary>Works everything out.</summary>
    public KernelMemory(KernelProfile profile, FlavourOptions options, IAddressSpace? space)
    {
        Resources = new KernelResources(profile, options, space);
        Policy = new PagePolicy(profile, Resources);
        Types = new MemoryTypes(profile, options, Resources);
    }

    /// <summary>Physical ranges.</summary>
    public KernelResources Resources { get; }

    /// <summary>Which pages user space may reach.</summary>
    public PagePolicy Policy { get; }

    /// <summary>Memory types of living mappings.</summary>
    public MemoryTypes Types { get; }
}
