namespace Kmem.Engine;

/// <summary>Remembers pages of several sizes roughly: it may say yes without reason, never no.</summary>
internal sealed class PageFilter
{
    /// <summary>log2 of the number of bits.</summary>
    private const int Log2 = 15;

    private readonly ulong[] _bits = new ulong[1 << (Log2 - 6)];
    private ulong _shifts;

    /// <summary>Adds a page.</summary>
    /// <param name="address">An address in it.</param>
    /// <param name="shift">log2 of its length in bytes, below 64.</param>
    public void Add(ulong address, int shift)
    {
        _shifts |= 1UL << shift;
        int bit = IndexOf(address, shift);
        _bits[bit >> 6] |= 1UL << bit;
    }

    /// <summary>Whether a page of any size that holds an address may have been added.</summary>
    /// <param name="address">The address.</param>
    /// <param name="least">log2 of the smallest length that counts.</param>
    public bool MayContain(ulong address, int least)
    {
        for (ulong shifts = _shifts >> least << least; shifts != 0; shifts &= shifts - 1)
        {
            int bit = IndexOf(address, System.Numerics.BitOperations.TrailingZeroCount(shifts));
            if (((_bits[bit >> 6] >> bit) & 1) != 0)
            {
                return true;
            }
        }

        return false;
    }

    /// <summary>Forgets all pages.</summary>
    public void Clear()
    {
        if (_shifts != 0)
        {
            Array.Clear(_bits);
            _shifts = 0;
        }
    }

    private static int IndexOf(ulong address, int shift) => (int)((((address >> shift) + (uint)shift) * 0x9E37_79B9_7F4A_7C15) >> (64 - Log2));
}
