using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;
using Kmem.Plugins.CharDevices.Kernels;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>What mem and kmem share: unsigned offsets, privilege, and a driver that the kernel chooses.</summary>
/// <param name="node">The node.</param>
public abstract class MemoryDevice(DeviceNode node) : CharacterDevice(node)
{
    private IKernel? _kernel;
    private MemoryDriver? _driver;

    /// <inheritdoc/>
    public override bool HasUnsignedOffsets => true;

    /// <inheritdoc/>
    public override bool CanMap => _driver?.CanMap ?? false;

    /// <inheritdoc/>
    public override Errno Open(IKernel kernel, OpenRequest request)
    {
        Errno error = Privileges.Check(kernel, request.Credentials);
        if (error == Errno.None && !ReferenceEquals(kernel, _kernel))
        {
            (_kernel, _driver) = (kernel, CreateDriver(kernel));
        }

        return error;
    }

    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) =>
        _driver?.Read(ref position, memory, buffer, count) ?? Errno.EINVAL;

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) =>
        _driver?.Write(ref position, memory, buffer, count) ?? Errno.EINVAL;

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        return _driver is not null && file is OpenFile open ? _driver.Map(open, request, out mapping) : Errno.ENODEV;
    }

    private protected abstract MemoryDriver CreateDriver(IKernel kernel);
}
