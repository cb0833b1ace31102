using Kmem.Ir;
using Kmem.Plugins.CpuX86.Memory;
using Kmem.Plugins.CpuX86.Registers;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86;

/// <content>Segment registers and the places that instructions are at.</content>
public sealed unsafe partial class X86Cpu
{
    /// <summary>Linear address of the instruction that runs.</summary>
    internal ulong CurrentPc
    {
        get
        {
            CodeBlock* block = State->Block;
            return block == null ? State->Pc : block->Pc + (ulong)block->Marks[block->InstructionOf((int)(State->Current - block->Operations))].Offset;
        }
    }

    /// <summary>Bytes of the stack pointer.</summary>
    internal int StackWidth => Is64 ? 8 : (Slots[X86Slots.Attributes + X86Slots.Ss] & SegmentAttributes.Big) != 0 ? 4 : 2;

    /// <summary>Goes on behind the instruction that runs.</summary>
    internal void SkipInstruction(int length) => State->Pc = Is64 ? CurrentPc + (uint)length : (uint)(CurrentPc + (uint)length);

    /// <summary>Goes on at an offset in the code segment.</summary>
    internal void SetIp(ulong ip) => State->Pc = Is64 ? ip : (uint)(Slots[X86Slots.SegmentBase + X86Slots.Cs] + ip);

    /// <summary>Sets as many bits of the stack pointer as the stack has.</summary>
    internal void SetStackPointer(ulong value) => Slots[X86Slots.Rsp] = StackWidth switch
    {
        2 => (Slots[X86Slots.Rsp] & ~0xFFFFUL) | (ushort)value,
        4 => (uint)value,
        _ => value,
    };

    /// <summary>Sets a segment register as real and virtual-8086 mode do.</summary>
    internal void SetRealSegment(int segment, ushort selector)
    {
        Slots[X86Slots.Selector + segment] = selector;
        Slots[X86Slots.SegmentBase + segment] = (ulong)selector << 4;
        if (IsVirtual8086)
        {
            Slots[X86Slots.SegmentLimit + segment] = 0xFFFF;
            Slots[X86Slots.Attributes + segment] = SegmentAttributes.RealData | 0x6000;
        }
        else if (segment == X86Slots.Cs)
        {
            // The limit stays as protected mode left it; the type becomes that of data that can be executed.
            Slots[X86Slots.Attributes + segment] = (Slots[X86Slots.Attributes + segment] & SegmentAttributes.Granular) | SegmentAttributes.RealData;
        }

        FindEnds(segment);
    }

    /// <summary>Sets a segment register to a descriptor.</summary>
    internal void SetSegment(int segment, ushort selector, in Descriptor descriptor)
    {
        Slots[X86Slots.Selector + segment] = selector;
        Slots[BaseSlot(segment)] = descriptor.Base;
        Slots[X86Slots.SegmentLimit + segment] = descriptor.Limit;
        Slots[X86Slots.Attributes + segment] = descriptor.Attributes;
        if (segment < 6)
        {
            FindEnds(segment);
        }
    }

    /// <summary>Makes a data segment register unusable.</summary>
    internal void SetNullSegment(int segment, ushort selector)
    {
        Slots[X86Slots.Selector + segment] = selector;
        Slots[BaseSlot(segment)] = 0;
        Slots[X86Slots.SegmentLimit + segment] = 0;

        // In long mode a null SS still is a stack of the present level.
        Slots[X86Slots.Attributes + segment] = segment == X86Slots.Ss ? (ulong)Cpl << 13 : 0;
        if (segment < 6)
        {
            FindEnds(segment);
        }
    }

    /// <summary>The slot of a segment register's base.</summary>
    internal static int BaseSlot(int segment) => segment switch { X86Slots.Ldtr => X86Slots.LdtrBase, X86Slots.Tr => X86Slots.TrBase, _ => X86Slots.SegmentBase + segment };

    /// <summary>Finds the offsets up to which lifted code may access a segment without looking closer.</summary>
    internal void FindEnds(int segment)
    {
        ulong attributes = Slots[X86Slots.Attributes + segment], end = Slots[X86Slots.SegmentLimit + segment] + 1, reads = 0, writes = 0;
        if ((Slots[X86Slots.Cr0] & Cr0.Pe) == 0 || IsVirtual8086)
        {
            (reads, writes) = (end, end);
        }
        else if ((attributes & SegmentAttributes.Present) != 0)
        {
            bool isCode = (attributes & SegmentAttributes.Code) != 0, isDown = !isCode && (attributes & SegmentAttributes.Down) != 0;
            reads = isDown || (isCode && (attributes & SegmentAttributes.Readable) == 0) ? 0 : end;
            writes = isDown || isCode || (attributes & SegmentAttributes.Writable) == 0 ? 0 : end;
        }

        (Slots[X86Slots.ReadEnd + segment], Slots[X86Slots.WriteEnd + segment]) = (reads, writes);
    }

    /// <summary>Finds them all, after a change between real and protected mode.</summary>
    internal void FindAllEnds()
    {
        for (int i = 0; i < 6; i++)
        {
            FindEnds(i);
        }
    }

    internal ModelRegisters Msrs => _msrs ??= new ModelRegisters(this);

    private ModelRegisters? _msrs;
}
