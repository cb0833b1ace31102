using Kmem.Abstractions;

namespace Kmem.Plugins.CharDevices.Kernels;

/// <summary>An open file description of a <see cref="SimulatedKernel"/>.</summary>
/// <param name="kernel">The kernel that opened it.</param>
/// <param name="node">The node that was opened.</param>
/// <param name="flags">The flags of the open.</param>
/// <param name="device">The driver; null for a file opened with O_PATH.</param>
internal sealed class OpenFile(SimulatedKernel kernel, DeviceNode node, OpenFlags flags, CharacterDevice? device) : IOpenFile
{
    private ulong _position;

    /// <summary>The kernel that opened it.</summary>
    public SimulatedKernel Kernel { get; } = kernel;

    /// <inheritdoc/>
    public DeviceNode Node { get; } = node;

    /// <inheritdoc/>
    public OpenFlags Flags { get; set; } = flags;

    /// <inheritdoc/>
    public ulong Position => _position;

    /// <summary>The position, for a driver to move.</summary>
    public ref ulong PositionField => ref _position;

    /// <summary>The driver; null for a file opened with O_PATH, which no call but fstat accepts.</summary>
    public CharacterDevice? Device { get; } = device;

    /// <summary>Whether read calls are allowed; access mode 3 allows neither.</summary>
    public bool CanRead { get; } = (flags & OpenFlags.AccessMode) is OpenFlags.ReadOnly or OpenFlags.ReadWrite;

    /// <summary>Whether write calls are allowed.</summary>
    public bool CanWrite { get; } = (flags & OpenFlags.AccessMode) is OpenFlags.WriteOnly or OpenFlags.ReadWrite;
}
