using Kmem.Abstractions;

namespace Kmem.Memory;

/// <summary>Sends an access through a window into the space behind it.</summary>
internal static class WindowAccess
{
    public static AccessResult Read(WindowRegion window, ulong offset, int width, out ulong value, in AccessAttributes attributes)
    {
        if (window.Kind == WindowKind.Dense)
        {
            return window.Target.Read(Translate(window, offset), width, out value, attributes);
        }

        value = 0;
        if (!TryDecodeSparse(window, offset, out ulong address, out int bytes))
        {
            return AccessResult.Misaligned;
        }

        AccessResult result = window.Target.Read(address, bytes, out ulong data, attributes);

        // Sparse space puts a byte into the lane of the longword that its address selects.
        value = data << (8 * (int)(address & 3));
        return result;
    }

    public static AccessResult Write(WindowRegion window, ulong offset, int width, ulong value, in AccessAttributes attributes)
    {
        if (window.Kind == WindowKind.Dense)
        {
            return window.Target.Write(Translate(window, offset), width, value, attributes);
        }

        return TryDecodeSparse(window, offset, out ulong address, out int bytes)
            ? window.Target.Write(address, bytes, value >> (8 * (int)(address & 3)), attributes)
            : AccessResult.Misaligned;
    }

    /// <summary>The address behind a window.</summary>
    public static ulong Translate(WindowRegion window, ulong offset) => window.Kind == WindowKind.Dense
        ? (window.TargetAddress + offset) & window.Mask
        : (window.TargetAddress + (offset >> window.Shift)) & window.Mask;

    /// <summary>2117x: address bits 4:3 give the length, the bits above the byte address.</summary>
    /// <remarks>Source: DECchip 21171 and 21174 Technical Reference Manuals, "PCI Sparse Memory Space".</remarks>
    private static bool TryDecodeSparse(WindowRegion window, ulong offset, out ulong address, out int bytes)
    {
        address = Translate(window, offset);
        bytes = ((offset >> (window.Shift - 2)) & 3) switch { 0 => 1, 1 => 2, 3 => 4, _ => 0 };
        return bytes != 0;
    }
}
