using System.Numerics;
using System.Runtime.CompilerServices;

namespace Kmem.Ir;

/// <summary>The fast paths of loads and stores, shared by the interpreter and by translated code.</summary>
/// <remarks>
/// Two ways to host memory: the linear window (an offset below a length) and the TLB. Both tests fail for an access that is not aligned to its
/// width, so that one which crosses a page never gets through; the forms for unaligned accesses compare the page of the last byte instead.
/// </remarks>
public static unsafe class MemoryKernels
{
    private const MethodImplOptions Inline = MethodImplOptions.AggressiveInlining;

    /// <summary>Whether an aligned access of 2^<paramref name="log2"/> bytes lies in a window: rotating brings the bits that must be zero to the top.</summary>
    [MethodImpl(Inline)]
    public static bool InWindow(ulong offset, ulong length, int log2) => BitOperations.RotateRight(offset, log2) < length >> log2;

    /// <summary>The TLB entry of an address.</summary>
    /// <param name="tlb">Entries of the present mode.</param>
    /// <param name="address">Virtual address.</param>
    /// <param name="pageShift">log2 of the page size.</param>
    [MethodImpl(Inline)]
    public static TlbEntry* Entry(TlbEntry* tlb, ulong address, int pageShift) =>
        (TlbEntry*)((byte*)tlb + ((address >> (pageShift - TlbEntry.SizeShift)) & (((1UL << CpuState.TlbBits) - 1) << TlbEntry.SizeShift)));

    /// <summary>Whether a tag holds for an address: same page, aligned.</summary>
    [MethodImpl(Inline)]
    public static bool Hits(ulong tag, ulong address, int pageShift, int width) => (address & ((~0UL << pageShift) | (uint)(width - 1))) == tag;

    /// <summary>Whether a store to a host address would change translated instructions.</summary>
    [MethodImpl(Inline)]
    public static bool HitsCode(byte* codeLines, nint host) => codeLines[host >> 6] != 0;

    /// <summary>Whether a tag holds for all bytes of an access at any address; one that crosses into another page never hits.</summary>
    [MethodImpl(Inline)]
    public static bool HitsUnaligned(ulong tag, ulong address, int pageShift, int width) => ((address + (uint)(width - 1)) & (~0UL << pageShift)) == tag;

    /// <summary>Whether a store of some bytes at any host address would change translated instructions.</summary>
    [MethodImpl(Inline)]
    public static bool HitsCode(byte* codeLines, nint host, int width) => (codeLines[host >> 6] | codeLines[(host + width - 1) >> 6]) != 0;

    /// <summary>Whether the line of a host address or the one behind it holds translated instructions: no store of up to 64 bytes touches others.</summary>
    [MethodImpl(Inline)]
    public static bool MayHitCode(byte* codeLines, nint host) => *(ushort*)(codeLines + (host >> 6)) != 0;

    /// <summary>Reads host memory, zero-extended.</summary>
    [MethodImpl(Inline)]
    public static ulong Read8(nint host) => *(byte*)host;

    /// <summary>Reads host memory, zero-extended.</summary>
    [MethodImpl(Inline)]
    public static ulong Read16(nint host) => *(ushort*)host;

    /// <summary>Reads host memory, zero-extended.</summary>
    [MethodImpl(Inline)]
    public static ulong Read32(nint host) => *(uint*)host;

    /// <summary>Reads host memory, sign-extended.</summary>
    [MethodImpl(Inline)]
    public static ulong Read32S(nint host) => (ulong)(long)*(int*)host;

    /// <summary>Reads host memory.</summary>
    [MethodImpl(Inline)]
    public static ulong Read64(nint host) => *(ulong*)host;

    /// <summary>Writes host memory.</summary>
    [MethodImpl(Inline)]
    public static void Write8(nint host, ulong value) => *(byte*)host = (byte)value;

    /// <summary>Writes host memory.</summary>
    [MethodImpl(Inline)]
    public static void Write16(nint host, ulong value) => *(ushort*)host = (ushort)value;

    /// <summary>Writes host memory.</summary>
    [MethodImpl(Inline)]
    public static void Write32(nint host, ulong value) => *(uint*)host = (uint)value;

    /// <summary>Writes host memory.</summary>
    [MethodImpl(Inline)]
    public static void Write64(nint host, ulong value) => *(ulong*)host = value;
}
