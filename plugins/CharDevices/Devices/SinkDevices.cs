using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;
using Kmem.Plugins.CharDevices.Kernels;
using Kmem.Plugins.CharDevices.Mappings;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>Options of <c>chardev.null</c>, <c>chardev.zero</c> and <c>chardev.full</c>.</summary>
/// <param name="Flavour">The kernel in front of it.</param>
/// <param name="Node">Path of the node below the root of the machine's files.</param>
/// <param name="Dev">Major and minor number, for example <c>1:3</c>.</param>
/// <param name="Mode">Permission bits in octal.</param>
/// <param name="Uid">Owner: a number, root or kmem.</param>
/// <param name="Gid">Group: a number, root or kmem.</param>
public sealed record SinkOptions(string? Flavour = null, string? Node = null, string? Dev = null, string? Mode = null, string? Uid = null, string? Gid = null)
{
    internal DeviceNode NodeAt(string path, int minor) => NodeOptions.Read(Node, Dev, Mode, Uid, Gid, NodeOptions.OfEverybody(path, minor));
}

/// <summary>A device without a position: seeking always leads to 0.</summary>
/// <param name="node">The node.</param>
public abstract class PositionlessDevice(DeviceNode node) : CharacterDevice(node)
{
    /// <inheritdoc/>
    public override CallResult Seek(IOpenFile file, ref ulong position, long offset, int whence)
    {
        position = 0;
        return 0;
    }

    private protected static CallResult ReadZeros(IUserMemory memory, ulong buffer, ulong count)
    {
        int done = PhysicalTransfer.ClearUser(memory, buffer, count);
        return done > 0 || count == 0 ? done : Errno.EFAULT;
    }
}

/// <summary>Takes everything and gives nothing: <c>/dev/null</c>.</summary>
/// <param name="options">The options.</param>
/// <remarks>Source: null(4).</remarks>
[CharDevice("chardev.null")]
public sealed class NullDevice(SinkOptions options) : PositionlessDevice(options.NodeAt("dev/null", 3))
{
    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => 0;

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => (long)count;
}

/// <summary>Gives zeros and can be mapped as memory: <c>/dev/zero</c>.</summary>
/// <param name="options">The options.</param>
/// <remarks>Source: zero(4).</remarks>
[CharDevice("chardev.zero")]
public sealed class ZeroDevice(SinkOptions options) : PositionlessDevice(options.NodeAt("dev/zero", 5))
{
    private KernelProfile _profile = KernelProfiles.Raw;

    /// <inheritdoc/>
    public override bool CanMap => true;

    /// <inheritdoc/>
    public override Errno Open(IKernel kernel, OpenRequest request)
    {
        _profile = (kernel as SimulatedKernel)?.Profile ?? KernelProfiles.Raw;
        return Errno.None;
    }

    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => ReadZeros(memory, buffer, count);

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => (long)count;

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        ulong pageMask = (ulong)_profile.PageSize - 1;
        mapping = new OwnMapping(_profile, (request.Length + pageMask) & ~pageMask, MappingRights.Of(file, request));
        return 0;
    }
}

/// <summary>Gives zeros and is always full: <c>/dev/full</c>.</summary>
/// <param name="options">The options.</param>
/// <remarks>Source: full(4).</remarks>
[CharDevice("chardev.full")]
public sealed class FullDevice(SinkOptions options) : PositionlessDevice(options.NodeAt("dev/full", 7))
{
    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => ReadZeros(memory, buffer, count);

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) => Errno.ENOSPC;
}
