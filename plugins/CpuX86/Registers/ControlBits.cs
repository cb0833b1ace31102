namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Bits of CR0.</summary>
/// <remarks>Source: Intel SDM volume 3, 2.5 "Control Registers".</remarks>
internal static class Cr0
{
    public const ulong Pe = 0x1, Mp = 0x2, Em = 0x4, Ts = 0x8, Et = 0x10, Ne = 0x20, Wp = 0x1_0000, Am = 0x4_0000, Nw = 0x2000_0000, Cd = 0x4000_0000, Pg = 0x8000_0000;
}

/// <summary>Bits of CR4.</summary>
internal static class Cr4
{
    public const ulong Tsd = 0x4, De = 0x8, Pse = 0x10, Pae = 0x20, Mce = 0x40, Pge = 0x80, Pce = 0x100, Osfxsr = 0x200, Osxmmexcpt = 0x400;
    public const ulong Umip = 0x800, Fsgsbase = 0x1_0000, Pcide = 0x2_0000, Osxsave = 0x4_0000, Smep = 0x10_0000, Smap = 0x20_0000;
}

/// <summary>Bits of IA32_EFER.</summary>
internal static class Efer
{
    public const ulong Sce = 0x1, Lme = 0x100, Lma = 0x400, Nxe = 0x800;
}

/// <summary>Attributes of a segment: bits 8 to 23 of a descriptor's second word, at their place.</summary>
/// <remarks>Source: Intel SDM volume 3, 3.4.5 "Segment Descriptors".</remarks>
internal static class SegmentAttributes
{
    public const ulong Accessed = 0x100, Writable = 0x200, Readable = 0x200, Down = 0x400, Conforming = 0x400, Code = 0x800, NotSystem = 0x1000;
    public const ulong Present = 0x8000, Long = 0x20_0000, Big = 0x40_0000, Granular = 0x80_0000;

    /// <summary>Data, writable, accessed, present, DPL 0.</summary>
    public const ulong RealData = 0x9300;

    /// <summary>All that counts.</summary>
    public const ulong Mask = 0xF0_FF00;
}
