using System.Runtime.CompilerServices;
using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Drivers;
using Kmem.Plugins.CharDevices.Kernels;

namespace Kmem.Plugins.CharDevices.Devices;

/// <summary>What mem and kmem share: unsigned offsets, privilege, and a driver that the kernel chooses.</summary>
/// <param name="node">The node.</param>
public abstract class MemoryDevice(DeviceNode node) : CharacterDevice(node)
{
    // A machine can stand behind several kernels, for example when two flavours are compared.
    private readonly ConditionalWeakTable<IKernel, MemoryDriver> _drivers = [];
    private IKernel? _lastKernel;
    private MemoryDriver? _lastDriver;

    /// <inheritdoc/>
    public override bool HasUnsignedOffsets => true;

    /// <summary>Whether there is a map operation; that of Tru64 refuses.</summary>
    public override bool CanMap => true;

    /// <inheritdoc/>
    public override Errno Open(IKernel kernel, OpenRequest request)
    {
        Errno error = Privileges.Check(kernel, request.Credentials);
        if (error == Errno.None)
        {
            Select(kernel);
        }

        return error;
    }

    /// <inheritdoc/>
    public override CallResult Read(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) =>
        DriverOf(file)?.Read(ref position, memory, buffer, count) ?? Errno.EBADF;

    /// <inheritdoc/>
    public override CallResult Write(IOpenFile file, ref ulong position, IUserMemory memory, ulong buffer, ulong count) =>
        DriverOf(file)?.Write(ref position, memory, buffer, count) ?? Errno.EBADF;

    /// <inheritdoc/>
    public override CallResult Map(IOpenFile file, MapRequest request, out IMapping? mapping)
    {
        mapping = null;
        return DriverOf(file) is { CanMap: true } driver ? driver.Map(file, request, out mapping) : Errno.ENODEV;
    }

    private protected abstract MemoryDriver CreateDriver(IKernel kernel);

    private MemoryDriver? DriverOf(IOpenFile file) => file is OpenFile open ? Select(open.Kernel) : _lastDriver;

    private MemoryDriver Select(IKernel kernel)
    {
        if (ReferenceEquals(kernel, _lastKernel))
        {
            return _lastDriver!;
        }

        _lastKernel = kernel;
        return _lastDriver = _drivers.GetValue(kernel, CreateDriver);
    }
}
