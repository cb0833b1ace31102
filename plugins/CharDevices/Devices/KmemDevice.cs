using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Options of <c>chardev.kmem</c>.</summary>
/// <param name="Space">The physical addresses behind the kernel's virtual ones.</param>
/// <param name="Cpu">The CPU whose page tables translate; without one the machine's kernel map does.</param>
/// <param name="Flavour">The kernel in front of it.</param>
/// <param name="Node">Path of the node below the root of the machine's files.</param>
/// <param name="Dev">Major and minor number, for example <c>1:2</c>.</param>
/// <param name="Mode">Permission bits in octal.</param>
/// <param name="Uid">Owner: a number, root or kmem.</param>
/// <param name="Gid">Group: a number, root or kmem.</param>
public sealed record KmemOptions(
    [property: Option(OptionKind.Space)] string Space = "phys", string? Cpu = null, string? Flavour = null, string? Node = null, string? Dev = null, string? Mode = null, string? Uid = null, string? Gid = null);

/// <summary>Kernel virtual memory: <c>/dev/kmem</c>.</summary>
/// <remarks>Source: kmem(7), mem(4).</remarks>
[CharDevice("chardev.kmem")]
public sealed class KmemDevice : MemoryDevice
{
    private readonly IFrontendContext _context;
    private readonly IAddressSpace _space;

    /// <summary>Creates the device.</summary>
    public KmemDevice(KmemOptions options, IFrontendContext context)
        : base(NodeOptions.Read(options.Node, options.Dev, options.Mode, options.Uid, options.Gid, NodeOptions.OfKmemGroup("dev/kmem", 2, 0b110_100_000)))
        => (_context, _space) = (context, context.Space(options.Space));

    private protected override MemoryDriver CreateDriver(IKernel kernel) => MemoryDriver.ForKernel(new DriverEnvironment(kernel, _context, _space));
}
