using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>The stack of an inner privilege level, from the TSS.</summary>
/// <param name="Selector">Its segment.</param>
/// <param name="Segment">The segment's descriptor.</param>
/// <param name="Pointer">Offset of its top.</param>
/// <remarks>Source: Intel SDM volume 3, 5.8.5 "Stack Switching", 7.2.1 "Task-State Segment (TSS)".</remarks>
internal readonly unsafe record struct InnerStack(ushort Selector, Descriptor Segment, ulong Pointer)
{
    /// <summary>Finds it with all checks; false at a fault.</summary>
    public static bool TryFind(X86Cpu cpu, int level, ulong external, out InnerStack stack)
    {
        stack = default;
        ulong* s = cpu.Slots;
        bool isWide = ((s[X86Slots.Attributes + X86Slots.Tr] >> 8) & 8) != 0;
        ulong at = isWide ? (ulong)((level * 8) + 4) : (ulong)((level * 4) + 2), tr = s[X86Slots.Selector + X86Slots.Tr];
        if (at + (isWide ? 7UL : 3) > s[X86Slots.SegmentLimit + X86Slots.Tr])
        {
            cpu.Raise(X86Fault.InvalidTss, DescriptorTables.ErrorOf((int)tr) | external);
            return false;
        }

        at += s[X86Slots.TrBase];
        if (!cpu.LoadSystem(at, isWide ? 4 : 2, out ulong pointer) || !cpu.LoadSystem(at + (isWide ? 4UL : 2), 2, out ulong selector))
        {
            return false;
        }

        return TryCheck(cpu, (ushort)selector, level, external, out Descriptor segment) && (stack = new InnerStack((ushort)selector, segment, pointer)) is var _;
    }

    private static bool TryCheck(X86Cpu cpu, ushort selector, int level, ulong external, out Descriptor segment)
    {
        segment = default;
        if ((selector & 0xFFFC) == 0)
        {
            cpu.Raise(X86Fault.InvalidTss, external);
            return false;
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.InvalidTss, out segment, external))
        {
            return false;
        }

        if ((selector & 3) != level || segment.Dpl != level || !segment.IsWritableData)
        {
            cpu.Raise(X86Fault.InvalidTss, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        if (!segment.IsPresent)
        {
            cpu.Raise(X86Fault.StackFault, DescriptorTables.ErrorOf(selector) | external);
            return false;
        }

        return DescriptorTables.SetAccessed(cpu, selector, ref segment);
    }
}
