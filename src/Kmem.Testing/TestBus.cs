using Kmem.Abstractions;

namespace Kmem.Testing;

/// <summary>A bus without rules: passes the width through where one target takes all of it, else goes byte by byte.</summary>
/// <param name="unmapped">What happens where nobody answers.</param>
public sealed class TestBus(UnmappedPolicy unmapped) : Bus
{
    /// <inheritdoc/>
    public override UnmappedPolicy Unmapped { get; } = unmapped;

    /// <inheritdoc/>
    public override int WordBytes => 8;

    /// <inheritdoc/>
    public override AccessResult Read(IBusFabric fabric, ulong address, int width, out ulong value, in AccessAttributes attributes)
    {
        BusTarget target = fabric.Locate(address, write: false);
        if (target.Remaining >= (ulong)width || width == 1)
        {
            return target.Kind == BusTargetKind.None ? Unmapped.ReadValue(width, out value) : fabric.Read(target, width, out value, attributes);
        }

        value = 0;
        for (int i = 0; i < width; i++)
        {
            if (Read(fabric, address + (ulong)i, 1, out ulong part, attributes) is not AccessResult.Ok and var result)
            {
                return result;
            }

            value |= part << (8 * i);
        }

        return AccessResult.Ok;
    }

    /// <inheritdoc/>
    public override AccessResult Write(IBusFabric fabric, ulong address, int width, ulong value, in AccessAttributes attributes)
    {
        BusTarget target = fabric.Locate(address, write: true);
        if (target.Remaining >= (ulong)width || width == 1)
        {
            return target.Kind == BusTargetKind.None ? Unmapped.WriteResult : fabric.Write(target, width, value, attributes);
        }

        for (int i = 0; i < width; i++)
        {
            if (Write(fabric, address + (ulong)i, 1, (value >> (8 * i)) & 0xFF, attributes) is not AccessResult.Ok and var result)
            {
                return result;
            }
        }

        return AccessResult.Ok;
    }
}
