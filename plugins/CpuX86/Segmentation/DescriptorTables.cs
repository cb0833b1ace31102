using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Reads descriptors, and loads data segment registers and LDTR with all checks.</summary>
/// <remarks>Source: Intel SDM volume 3, 3.4.3 "Segment Registers", 5.5 to 5.7; volume 2, MOV, LDS.</remarks>
internal static unsafe class DescriptorTables
{
    /// <summary>What a fault of a selector tells: the selector without its RPL.</summary>
    public static ulong ErrorOf(int selector) => (ulong)(selector & 0xFFFC);

    /// <summary>Reads a descriptor; a selector beyond its table raises <paramref name="fault"/>.</summary>
    public static bool Read(X86Cpu cpu, int selector, X86Fault fault, out Descriptor descriptor, ulong external = 0)
    {
        descriptor = default;
        if (!TryFind(cpu, selector, 8, out ulong address))
        {
            cpu.Raise(fault, ErrorOf(selector) | external);
            return false;
        }

        if (!cpu.LoadSystem(address, 8, out ulong low))
        {
            return false;
        }

        descriptor = new Descriptor(low);
        if (cpu.IsLongMode && descriptor.IsSystem)
        {
            // System descriptors have sixteen bytes there; the second half is read by those that need it.
            if (TryFind(cpu, selector, 16, out _) && !cpu.LoadSystem(address + 8, 8, out ulong high))
            {
                return false;
            }
            else if (TryFind(cpu, selector, 16, out _))
            {
                _ = cpu.LoadSystem(address + 8, 8, out high);
                descriptor = new Descriptor(low, high & uint.MaxValue);
            }
        }

        return true;
    }

    /// <summary>Finds the linear address of a descriptor; false beyond the table's limit.</summary>
    public static bool TryFind(X86Cpu cpu, int selector, int width, out ulong address)
    {
        ulong* s = cpu.Slots;
        ulong offset = (ulong)(selector & 0xFFF8);
        bool isLocal = (selector & 4) != 0;
        address = (isLocal ? s[X86Slots.LdtrBase] : s[X86Slots.GdtrBase]) + offset;
        ulong limit = isLocal ? s[X86Slots.SegmentLimit + X86Slots.Ldtr] : s[X86Slots.GdtrLimit];
        return offset + (ulong)width - 1 <= limit && (!isLocal || (s[X86Slots.Attributes + X86Slots.Ldtr] & SegmentAttributes.Present) != 0);
    }

    /// <summary>Sets the accessed bit of a descriptor where it is clear.</summary>
    public static bool SetAccessed(X86Cpu cpu, int selector, ref Descriptor descriptor)
    {
        if ((descriptor.Attributes & SegmentAttributes.Accessed) != 0)
        {
            return true;
        }

        descriptor = descriptor with { Low = descriptor.Low | (SegmentAttributes.Accessed << 32) };
        return TryFind(cpu, selector, 8, out ulong address) && cpu.StoreSystem(address + 4, 4, descriptor.Low >> 32);
    }

    /// <summary>Loads DS, ES, FS, GS or SS; false at a fault.</summary>
    public static bool Load(X86Cpu cpu, int segment, ushort selector)
    {
        if (!cpu.IsProtected)
        {
            cpu.SetRealSegment(segment, selector);
            return true;
        }

        int cpl = cpu.Cpl, rpl = selector & 3;
        if ((selector & 0xFFFC) == 0)
        {
            if (segment == X86Slots.Ss && !(cpu.Is64 && cpl < 3 && rpl == cpl))
            {
                cpu.Raise(X86Fault.GeneralProtection);
                return false;
            }

            cpu.SetNullSegment(segment, selector);
            return true;
        }

        if (!Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor descriptor))
        {
            return false;
        }

        bool isAllowed = segment == X86Slots.Ss
            ? descriptor.IsWritableData && rpl == cpl && descriptor.Dpl == cpl
            : !descriptor.IsSystem && descriptor.IsReadable && (descriptor.IsConforming || (descriptor.Dpl >= cpl && descriptor.Dpl >= rpl));
        if (!isAllowed)
        {
            cpu.Raise(X86Fault.GeneralProtection, ErrorOf(selector));
            return false;
        }

        if (!descriptor.IsPresent)
        {
            cpu.Raise(segment == X86Slots.Ss ? X86Fault.StackFault : X86Fault.SegmentNotPresent, ErrorOf(selector));
            return false;
        }

        if (!SetAccessed(cpu, selector, ref descriptor))
        {
            return false;
        }

        cpu.SetSegment(segment, selector, descriptor);
        return true;
    }

    /// <summary>LLDT.</summary>
    public static bool LoadLocalTable(X86Cpu cpu, ushort selector, X86Fault fault = X86Fault.GeneralProtection)
    {
        if ((selector & 0xFFFC) == 0)
        {
            cpu.SetNullSegment(X86Slots.Ldtr, selector);
            return true;
        }

        if ((selector & 4) != 0)
        {
            cpu.Raise(fault, ErrorOf(selector));
            return false;
        }

        if (!Read(cpu, selector, fault, out Descriptor descriptor))
        {
            return false;
        }

        if (!descriptor.IsSystem || descriptor.Type != 2)
        {
            cpu.Raise(fault, ErrorOf(selector));
            return false;
        }

        if (!descriptor.IsPresent)
        {
            cpu.Raise(fault == X86Fault.GeneralProtection ? X86Fault.SegmentNotPresent : fault, ErrorOf(selector));
            return false;
        }

        cpu.SetSegment(X86Slots.Ldtr, selector, descriptor);
        return true;
    }

    /// <summary>LTR: the TSS becomes busy.</summary>
    public static bool LoadTask(X86Cpu cpu, ushort selector)
    {
        if ((selector & 0xFFFC) == 0 || (selector & 4) != 0)
        {
            cpu.Raise(X86Fault.GeneralProtection, ErrorOf(selector));
            return false;
        }

        if (!Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor descriptor))
        {
            return false;
        }

        if (!descriptor.IsSystem || !(descriptor.Type == 9 || (descriptor.Type == 1 && !cpu.IsLongMode)))
        {
            cpu.Raise(X86Fault.GeneralProtection, ErrorOf(selector));
            return false;
        }

        if (!descriptor.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, ErrorOf(selector));
            return false;
        }

        descriptor = descriptor with { Low = descriptor.Low | (2UL << 40) };
        if (!TryFind(cpu, selector, 8, out ulong address) || !cpu.StoreSystem(address + 4, 4, descriptor.Low >> 32))
        {
            return false;
        }

        cpu.SetSegment(X86Slots.Tr, selector, descriptor);
        return true;
    }
}
