using Kmem.Abstractions;
using Kmem.Plugins.CharDevices.Profiles;

namespace Kmem.Plugins.CharDevices.Mappings;

/// <summary>A mapping of memory of its own that begins as zeros: one of /dev/zero, or one without a file.</summary>
/// <param name="profile">The kernel.</param>
/// <param name="length">Length in bytes, whole pages.</param>
/// <param name="rights">What it may do.</param>
internal sealed class OwnMapping(KernelProfile profile, ulong length, MappingRights rights) : Mapping(profile, 0, length, rights with { FileIsWritable = true })
{
    /// <inheritdoc/>
    public override IAddressSpace? Space => null;

    /// <inheritdoc/>
    protected override bool KeepsStores => true;

    /// <inheritdoc/>
    public override Errno Sync() => Errno.None;

    /// <inheritdoc/>
    public override Errno Resident(Span<byte> pages)
    {
        pages.Fill(1);
        return Errno.None;
    }

    /// <inheritdoc/>
    protected override Errno GrowError(bool mayMove) => mayMove ? Errno.None : Errno.ENOMEM;

    /// <inheritdoc/>
    protected override Errno Advice(int advice)
    {
        const int DontNeed = 4, LastAdvice = 25;
        if (advice == DontNeed && !IsShared)
        {
            DropOwnPages();
        }

        return advice is >= 0 and <= LastAdvice ? Errno.None : Errno.EINVAL;
    }

    /// <inheritdoc/>
    protected override MappingFault LoadBehind(ulong offset, int width, out ulong value)
    {
        value = 0;
        return MappingFault.None;
    }

    /// <inheritdoc/>
    protected override MappingFault StoreBehind(ulong offset, int width, ulong value) => MappingFault.None;

    /// <inheritdoc/>
    protected override void FillPage(ulong offset, Span<byte> page) => page.Clear();
}
