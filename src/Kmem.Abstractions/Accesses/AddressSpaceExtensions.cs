namespace Kmem.Abstractions;

/// <summary>What can be asked of every address space.</summary>
public static class AddressSpaceExtensions
{
    /// <summary>Finds how far memory reaches from an address in one piece of the host's address space, across the areas that lie on it.</summary>
    /// <param name="space">The space.</param>
    /// <param name="address">First address.</param>
    /// <param name="write">Whether the memory must be writable too.</param>
    /// <param name="attributes">Who asks.</param>
    /// <returns>The memory; of length 0 where there is none.</returns>
    public static DirectMemory FindMemory(this IAddressSpace space, ulong address, bool write, in AccessAttributes attributes)
    {
        nint first = 0;
        ulong length = 0;
        while (space.TryGetDirect(address + length, write: false, attributes, out DirectMemory piece) && piece.Length != 0)
        {
            ulong usable = piece.Length;
            if (write)
            {
                if (!space.TryGetDirect(address + length, write: true, attributes, out DirectMemory written) || written.Pointer != piece.Pointer)
                {
                    break;
                }

                usable = Math.Min(usable, written.Length);
            }

            if (length == 0)
            {
                first = piece.Pointer;
            }
            else if (piece.Pointer != first + (nint)length)
            {
                break;
            }

            length += usable;
        }

        return new DirectMemory(first, length);
    }
}
