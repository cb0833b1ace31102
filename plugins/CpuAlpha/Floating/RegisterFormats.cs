namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>Memory formats and the register images that loads and stores make of them.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 2.2.5 "Floating-Point Data Formats" and 4.8 "Memory Format Floating-Point Instructions".
/// The T format, and integers in floating registers, are the same in memory and register.</remarks>
public static class RegisterFormats
{
    private const int SingleFractionShift = 29;

    /// <summary>The three exponent bits that a register image has and the memory format lacks.</summary>
    private const ulong MiddleExponent = 0x380UL << 52;

    /// <summary>LDS, ITOFS: the register image of an S memory longword.</summary>
    /// <param name="memory">The longword.</param>
    public static ulong FromS(uint memory)
    {
        ulong image = Widen(memory);
        uint exponent = (memory >> 23) & 0xFF;
        return exponent switch
        {
            0 => image,
            0xFF => image | MiddleExponent,
            _ => image | MiddleOf(memory),
        };
    }

    /// <summary>STS, FTOIS: the S memory longword of a register image.</summary>
    /// <param name="image">The register.</param>
    public static uint ToS(ulong image) => (uint)((image >> 32) & 0xC000_0000) | (uint)((image >> SingleFractionShift) & 0x3FFF_FFFF);

    /// <summary>LDF, ITOFF: the register image of an F memory longword.</summary>
    /// <param name="memory">The longword.</param>
    public static ulong FromF(uint memory)
    {
        uint swapped = SwapWords(memory);
        ulong image = Widen(swapped);
        return (swapped & 0x7F80_0000) == 0 ? image : image | MiddleOf(swapped);
    }

    /// <summary>STF: the F memory longword of a register image.</summary>
    /// <param name="image">The register.</param>
    public static uint ToF(ulong image) => SwapWords(ToS(image));

    /// <summary>LDG, also for D data: the register image of a G or D memory quadword.</summary>
    /// <param name="memory">The quadword.</param>
    public static ulong FromG(ulong memory) => ((ulong)SwapWords((uint)memory) << 32) | SwapWords((uint)(memory >> 32));

    /// <summary>STG, also for D data: the G or D memory quadword of a register image.</summary>
    /// <param name="image">The register.</param>
    public static ulong ToG(ulong image) => FromG(image);

    /// <summary>CVTLQ: the longword that STS would store, sign-extended.</summary>
    /// <param name="image">The register.</param>
    public static ulong ToQuadword(ulong image) => (ulong)(int)ToS(image);

    /// <summary>CVTQL: the register image of which STS would store the longword.</summary>
    /// <param name="value">The number; its low 32 bits count.</param>
    public static ulong FromQuadword(ulong value) => ((value & 0xC000_0000) << 32) | ((value & 0x3FFF_FFFF) << SingleFractionShift);

    /// <summary>Sign, top exponent bit and the low 30 bits in their places; the three exponent bits between are zero.</summary>
    private static ulong Widen(uint memory) => FromQuadword(memory);

    /// <summary>The middle exponent bits that keep an exponent's value: copies of its inverted top bit.</summary>
    private static ulong MiddleOf(uint memory) => (memory & 0x4000_0000) != 0 ? 0 : MiddleExponent;

    private static uint SwapWords(uint value) => (value << 16) | (value >> 16);
}
