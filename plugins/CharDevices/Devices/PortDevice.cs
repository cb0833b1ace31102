using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Options of <c>chardev.port</c>.</summary>
/// <param name="Space">The I/O ports.</param>
/// <param name="Cpu">The CPU whose ports these are, for maps and messages.</param>
/// <param name="Flavour">The kernel in front of it.</param>
/// <param name="Node">Path of the node below the root of the machine's files.</param>
/// <param name="Dev">Major and minor number, for example <c>1:4</c>.</param>
/// <param name="Mode">Permission bits in octal.</param>
/// <param name="Uid">Owner: a number, root or kmem.</param>
/// <param name="Gid">Group: a number, root or kmem.</param>
public sealed record PortOptions(
    [property: Option(OptionKind.Space)] string Space = "io", string? Cpu = null, string? Flavour = null, string? Node = null, string? Dev = null, string? Mode = null, string? Uid = null, string? Gid = null);

/// <summary>I/O ports, one byte cycle per byte: <c>/dev/port</c>.</summary>
/// <remarks>Source: mem(4); Linux 6.1 drivers/char/mem.c read_port and write_port.</remarks>
[CharDevice("chardev.port")]
public sealed class PortDevice : CharacterDevice
{
    private const ulong End = 65536;

    private readonly IAddressSpace _space;
    private readonly AccessAttributes _attributes;

    /// <summary>Creates the device.</summary>
    public PortDevice(PortOptions options, IFrontendContext context)
        : base(NodeOptions.Read(options.Node, options.Dev, options.Mode, options.Uid, options.Gid, NodeOptions.OfKmemGroup("dev/port", 4, 0b110_110_000)))
        => (_space, _attributes) = (context.Space(options.Space), new AccessAttributes(context.Master));

    /// <inheritdoc/>
    public override Errno Open(IKernel kernel, OpenRequest request) => Privileges.Check(kernel, request.Credentials);

    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        Span<byte> cell = stackalloc byte[1];
        ulong port = position, done = 0;
        for (; done < count && port < End; done++, port++)
        {
            _space.Read(port, 1, out ulong value, _attributes);
            cell[0] = (byte)value;
            if (memory.Write(buffer + done, cell) == 0)
            {
                return Errno.EFAULT;
            }
        }

        position = port;
        return (long)done;
    }

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count)
    {
        Span<byte> cell = stackalloc byte[1];
        ulong port = position, done = 0;
        for (; done < count && port < End; done++, port++)
        {
            if (memory.Read(buffer + done, cell) == 0)
            {
                if (done == 0)
                {
                    return Errno.EFAULT;
                }

                break;
            }

            _space.Write(port, 1, cell[0], _attributes);
        }

        position = port;
        return (long)done;
    }
}
