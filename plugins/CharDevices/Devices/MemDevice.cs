using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Options of <c>chardev.mem</c>.</summary>
/// <param name="Space">The physical addresses.</param>
/// <param name="Cpu">The CPU whose memory this is, for maps and messages.</param>
/// <param name="Flavour">The kernel in front of it.</param>
/// <param name="Node">Path of the node below the root of the machine's files.</param>
/// <param name="Dev">Major and minor number, for example <c>1:1</c>.</param>
/// <param name="Mode">Permission bits in octal.</param>
/// <param name="Uid">Owner: a number, root or kmem.</param>
/// <param name="Gid">Group: a number, root or kmem.</param>
public sealed record MemOptions(
    [property: Option(OptionKind.Space)] string Space = "phys", string? Cpu = null, string? Flavour = null, string? Node = null, string? Dev = null, string? Mode = null, string? Uid = null, string? Gid = null);

/// <summary>Physical memory: <c>/dev/mem</c>.</summary>
/// <remarks>Source: mem(4), mem(7).</remarks>
[CharDevice("chardev.mem")]
public sealed class MemDevice : MemoryDevice
{
    private readonly IFrontendContext _context;
    private readonly IAddressSpace _space;

    /// <summary>Creates the device.</summary>
    public MemDevice(MemOptions options, IFrontendContext context)
        : base(NodeOptions.Read(options.Node, options.Dev, options.Mode, options.Uid, options.Gid, NodeOptions.OfKmemGroup("dev/mem", 1, 0b110_110_000)))
        => (_context, _space) = (context, context.Space(options.Space));

    private protected override MemoryDriver CreateDriver(IKernel kernel) => MemoryDriver.ForPhysical(new DriverEnvironment(kernel, _context, _space));
}
