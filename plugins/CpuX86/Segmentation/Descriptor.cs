using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>A descriptor of the GDT or an LDT.</summary>
/// <param name="Low">First word of 64 bits.</param>
/// <param name="High">Bits 63 to 32 of the base, for system descriptors of long mode.</param>
/// <remarks>Source: Intel SDM volume 3, 3.4.5 "Segment Descriptors", 5.8.3 "Call Gates".</remarks>
internal readonly record struct Descriptor(ulong Low, ulong High = 0)
{
    /// <summary>Linear base address.</summary>
    public ulong Base => ((Low >> 16) & 0xFF_FFFF) | ((Low >> 32) & 0xFF00_0000) | (High << 32);

    /// <summary>Limit in bytes.</summary>
    public ulong Limit
    {
        get
        {
            ulong limit = (Low & 0xFFFF) | ((Low >> 32) & 0xF_0000);
            return (Attributes & SegmentAttributes.Granular) != 0 ? (limit << 12) | 0xFFF : limit;
        }
    }

    /// <summary>Attributes as <see cref="SegmentAttributes"/> has them.</summary>
    public ulong Attributes => (Low >> 32) & SegmentAttributes.Mask;

    /// <summary>Descriptor privilege level.</summary>
    public int Dpl => (int)(Low >> 45) & 3;

    public bool IsPresent => (Attributes & SegmentAttributes.Present) != 0;

    /// <summary>Whether it is a gate, a TSS or an LDT.</summary>
    public bool IsSystem => (Attributes & SegmentAttributes.NotSystem) == 0;

    public bool IsCode => (Attributes & (SegmentAttributes.NotSystem | SegmentAttributes.Code)) == (SegmentAttributes.NotSystem | SegmentAttributes.Code);

    public bool IsData => (Attributes & (SegmentAttributes.NotSystem | SegmentAttributes.Code)) == SegmentAttributes.NotSystem;

    public bool IsWritableData => IsData && (Attributes & SegmentAttributes.Writable) != 0;

    public bool IsReadable => IsData || (IsCode && (Attributes & SegmentAttributes.Readable) != 0);

    public bool IsConforming => IsCode && (Attributes & SegmentAttributes.Conforming) != 0;

    public bool IsLongCode => (Attributes & SegmentAttributes.Long) != 0;

    public bool IsBig => (Attributes & SegmentAttributes.Big) != 0;

    /// <summary>Type of a system descriptor, 0..15.</summary>
    public int Type => (int)(Low >> 40) & 15;

    /// <summary>Selector of a gate's target.</summary>
    public ushort GateSelector => (ushort)(Low >> 16);

    /// <summary>Offset of a gate's target.</summary>
    public ulong GateOffset => (Low & 0xFFFF) | ((Low >> 32) & 0xFFFF_0000) | (High << 32);

    /// <summary>Words that a call gate copies.</summary>
    public int GateCount => (int)(Low >> 32) & 31;

    /// <summary>Interrupt stack table entry of a long-mode gate.</summary>
    public int GateStack => (int)(Low >> 32) & 7;
}
