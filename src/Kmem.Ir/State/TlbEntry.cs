using System.Runtime.InteropServices;

namespace Kmem.Ir;

/// <summary>One entry of the software TLB: a guest page whose bytes can be reached through a host pointer, or that holds registers.</summary>
/// <remarks>
/// A tag is the page's virtual address. The fast path compares it with the access's address, page bits and the low bits that must be zero;
/// <see cref="None"/> and <see cref="Device"/> are bits that such an address never has.
/// </remarks>
[StructLayout(LayoutKind.Sequential)]
public struct TlbEntry
{
    /// <summary>log2 of its size in bytes.</summary>
    public const int SizeShift = 5;

    /// <summary>A tag that no access matches.</summary>
    public const ulong None = 0x800;

    /// <summary>Bit in the tag of a page that must be accessed through the bus.</summary>
    public const ulong Device = 0x400;

    /// <summary>Virtual page that may be read.</summary>
    public ulong Read;

    /// <summary>Virtual page that may be written.</summary>
    public ulong Write;

    /// <summary>Host address minus virtual address of the page's bytes.</summary>
    public nint Addend;

    /// <summary>Bit in <see cref="Physical"/> of a page that is the same in all address spaces.</summary>
    public const ulong Global = 1;

    /// <summary>Physical address of the page; <see cref="Global"/> is its lowest bit.</summary>
    public ulong Physical;
}
