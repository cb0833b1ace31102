namespace Kmem.Abstractions;

/// <summary>A range of addresses, both ends included; written <c>first..last</c> or <c>start+length</c>.</summary>
/// <param name="Start">First address.</param>
/// <param name="Last">Last address, not below <paramref name="Start"/>.</param>
public readonly record struct AddressRange(ulong Start, ulong Last)
{
    /// <summary>Length in bytes; 0 stands for 2^64.</summary>
    public ulong Length => Last - Start + 1;

    /// <summary>Whether <paramref name="address"/> lies in the range.</summary>
    public bool Contains(ulong address) => address >= Start && address <= Last;

    /// <summary>Whether the two ranges share an address.</summary>
    public bool Overlaps(AddressRange other) => Start <= other.Last && other.Start <= Last;

    /// <inheritdoc/>
    public override string ToString() => $"0x{Start:X}..0x{Last:X}";
}
