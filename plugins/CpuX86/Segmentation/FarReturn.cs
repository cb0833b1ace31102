using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Far returns: RETF, and IRET of protected and long mode.</summary>
/// <remarks>Source: Intel SDM volume 2, RET, IRET/IRETD/IRETQ.</remarks>
internal static unsafe class FarReturn
{
    /// <summary>RETF.</summary>
    /// <param name="cpu">The CPU.</param>
    /// <param name="width">Bytes of a pushed word.</param>
    /// <param name="release">Bytes of arguments to drop.</param>
    /// <returns>The reason to leave the block.</returns>
    public static int Run(X86Cpu cpu, int width, uint release)
    {
        var stack = new StackReader(cpu);
        if (!stack.Pop(width, out ulong ip) || !stack.Pop(width, out ulong selector))
        {
            return (int)ExitReason.Fault;
        }

        if (cpu.IsProtected)
        {
            return Finish(cpu, stack, width, ip, (ushort)selector, 0, isInterruptReturn: false, release);
        }

        if (ip > cpu.Slots[X86Slots.SegmentLimit + X86Slots.Cs])
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        stack.Skip(release);
        stack.Take();
        cpu.SetRealSegment(X86Slots.Cs, (ushort)selector);
        cpu.UpdateContext();
        cpu.SetIp(ip);
        return (int)ExitReason.Indirect;
    }

    /// <summary>The rest of a return in protected or long mode, after CS:IP, and for IRET the flags, were popped.</summary>
    public static int Finish(X86Cpu cpu, StackReader stack, int width, ulong ip, ushort selector, ulong flags, bool isInterruptReturn, uint release)
    {
        ulong* s = cpu.Slots;
        int cpl = cpu.Cpl, rpl = selector & 3;
        ulong error = DescriptorTables.ErrorOf(selector);
        if (error == 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.GeneralProtection, out Descriptor code))
        {
            return (int)ExitReason.Fault;
        }

        bool isLong = cpu.IsLongMode, to64 = isLong && code.IsLongCode;
        if (!code.IsCode || rpl < cpl || (code.IsConforming ? code.Dpl > rpl : code.Dpl != rpl) || (to64 && code.IsBig))
        {
            return cpu.Raise(X86Fault.GeneralProtection, error);
        }

        if (!code.IsPresent)
        {
            return cpu.Raise(X86Fault.SegmentNotPresent, error);
        }

        if (to64 ? (ulong)((long)(ip << 16) >> 16) != ip : ip > code.Limit)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        bool popsStack = rpl > cpl || (isInterruptReturn && cpu.Is64);
        ulong pointer = 0;
        ushort stackSelector = 0;
        Descriptor stackSegment = default;
        if (popsStack)
        {
            if (!isInterruptReturn)
            {
                stack.Skip(release);
            }

            if (!stack.Pop(width, out pointer) || !stack.Pop(width, out ulong popped))
            {
                return (int)ExitReason.Fault;
            }

            stackSelector = (ushort)popped;
            if (!TryStack(cpu, stackSelector, rpl, to64, out stackSegment))
            {
                return (int)ExitReason.Fault;
            }
        }

        if (!DescriptorTables.SetAccessed(cpu, selector, ref code))
        {
            return (int)ExitReason.Fault;
        }

        // Nothing can go wrong from here on.
        if (isInterruptReturn)
        {
            ulong changes = InterruptReturn.Changeable(cpu, width, cpl);
            cpu.SetEflags((cpu.EflagsNow & ~changes) | (flags & changes));
        }

        if (!popsStack)
        {
            stack.Skip(isInterruptReturn ? 0 : release);
            stack.Take();
        }

        cpu.Cpl = rpl;
        cpu.SetSegment(X86Slots.Cs, selector, code);
        if (popsStack)
        {
            SetStack(cpu, stackSelector, stackSegment, pointer, to64, width, release: isInterruptReturn ? 0 : release);
            if (rpl > cpl)
            {
                DropInnerSegments(cpu, rpl);
            }
        }

        FarTransfer.EnterMode(cpu, to64);
        cpu.UpdateContext();
        cpu.SetIp(to64 ? ip : (uint)ip);
        if (isInterruptReturn)
        {
            cpu.Interrupts.EndHandler();
        }

        cpu.State->Attention = 1;
        return (int)ExitReason.Indirect;
    }

    private static bool TryStack(X86Cpu cpu, ushort selector, int level, bool to64, out Descriptor segment)
    {
        segment = default;
        ulong error = DescriptorTables.ErrorOf(selector);
        if (error == 0)
        {
            if (to64 && level != 3 && (selector & 3) == level)
            {
                return true;
            }

            cpu.Raise(X86Fault.GeneralProtection);
            return false;
        }

        if (!DescriptorTables.Read(cpu, selector, X86Fault.GeneralProtection, out segment))
        {
            return false;
        }

        if ((selector & 3) != level || segment.Dpl != level || !segment.IsWritableData)
        {
            cpu.Raise(X86Fault.GeneralProtection, error);
            return false;
        }

        if (!segment.IsPresent)
        {
            cpu.Raise(X86Fault.StackFault, error);
            return false;
        }

        return DescriptorTables.SetAccessed(cpu, selector, ref segment);
    }

    private static void SetStack(X86Cpu cpu, ushort selector, in Descriptor segment, ulong pointer, bool to64, int width, uint release)
    {
        if (DescriptorTables.ErrorOf(selector) == 0)
        {
            cpu.SetNullSegment(X86Slots.Ss, selector);
        }
        else
        {
            cpu.SetSegment(X86Slots.Ss, selector, segment);
        }

        pointer += release;
        if (to64)
        {
            cpu.Slots[X86Slots.Rsp] = pointer;
        }
        else if (segment.IsBig)
        {
            cpu.Slots[X86Slots.Rsp] = (uint)pointer;
        }
        else
        {
            // Whatever the width of the return, a 16-bit stack takes the lower half alone; the rest stays the inner level's.
            cpu.Slots[X86Slots.Rsp] = (cpu.Slots[X86Slots.Rsp] & ~0xFFFFUL) | (ushort)pointer;
        }
    }

    /// <summary>Segments of inner levels are taken away from an outer one.</summary>
    private static void DropInnerSegments(X86Cpu cpu, int level)
    {
        foreach (int segment in (ReadOnlySpan<int>)[X86Slots.Es, X86Slots.Ds, X86Slots.Fs, X86Slots.Gs])
        {
            ulong attributes = cpu.Slots[X86Slots.Attributes + segment];
            bool isConforming = (attributes & (SegmentAttributes.Code | SegmentAttributes.Conforming)) == (SegmentAttributes.Code | SegmentAttributes.Conforming);
            if (((attributes & SegmentAttributes.Present) == 0 || (attributes & SegmentAttributes.NotSystem) == 0 || ((int)(attributes >> 13) & 3) < level) && !isConforming)
            {
                ulong first = cpu.Slots[X86Slots.SegmentBase + segment];
                cpu.SetNullSegment(segment, 0);
                if (cpu.IsLongMode && segment is X86Slots.Fs or X86Slots.Gs)
                {
                    // The bases of FS and GS belong to 64-bit software.
                    cpu.Slots[X86Slots.SegmentBase + segment] = first;
                }
            }
        }
    }
}
