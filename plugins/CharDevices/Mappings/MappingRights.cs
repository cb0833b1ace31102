using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Kernels;

namespace Kmem.Plugins.CharDevices.Mappings;

/// <summary>What a mapping may do, fixed when it is made.</summary>
/// <param name="Protection">Protection at first.</param>
/// <param name="IsShared">Whether stores reach what is mapped.</param>
/// <param name="FileIsWritable">Whether the descriptor was open for writing.</param>
internal readonly record struct MappingRights(MapProtection Protection, bool IsShared, bool FileIsWritable)
{
    /// <summary>Whether the mapping may ever be writable.</summary>
    public bool MayWrite => !IsShared || FileIsWritable;

    /// <summary>The rights that a request gives.</summary>
    public static MappingRights Of(IOpenFile? file, MapRequest request) =>
        new(request.Protection & (MapProtection.Read | MapProtection.Write | MapProtection.Execute), (request.Flags & MapFlags.Shared) != 0, file is null || (file.Flags & OpenFlags.AccessMode) is OpenFlags.WriteOnly or OpenFlags.ReadWrite);
}
