using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>SYSCALL, SYSRET, SYSENTER, SYSEXIT: transfers between the levels 3 and 0 without descriptors.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the four; AMD APM volume 3 for SYSCALL outside of long mode.</remarks>
internal static unsafe class FastCalls
{
    private const uint SysenterCs = 0x174, SysenterEsp = 0x175, SysenterEip = 0x176, Lstar = 0xC000_0082, Cstar = 0xC000_0083, Fmask = 0xC000_0084;
    private const ulong CodeAttributes = 0x9B00, DataAttributes = 0x9300, FlatAttributes = SegmentAttributes.Granular | SegmentAttributes.Big;

    /// <summary>SYSCALL.</summary>
    public static int SystemCall(X86Cpu cpu, ulong next)
    {
        ulong* s = cpu.Slots;
        if ((s[X86Slots.Efer] & Efer.Sce) == 0 || (s[X86Slots.Cr0] & Cr0.Pe) == 0)
        {
            return cpu.Raise(X86Fault.InvalidOpcode);
        }

        ulong star = cpu.Msrs.StarValue;
        ushort selector = (ushort)(star >> 32);
        cpu.Interrupts.DropSingleStep();
        s[X86Slots.Rcx] = next;
        if (!cpu.IsLongMode)
        {
            cpu.Cpl = 0;
            s[X86Slots.Eflags] &= ~(Eflags.If | Eflags.Vm | Eflags.Rf);
            SetSegments(cpu, (ushort)(selector & 0xFFFC), 0, FlatAttributes);
            cpu.UpdateContext();
            cpu.SetIp((uint)star);
            return (int)ExitReason.Indirect;
        }

        bool from64 = cpu.Is64;
        ulong flags = cpu.EflagsNow & ~Eflags.Rf;
        s[X86Slots.R11] = flags;
        cpu.SetEflags(flags & ~(cpu.Msrs[Fmask] & uint.MaxValue));
        cpu.Cpl = 0;
        SetSegments(cpu, (ushort)(selector & 0xFFFC), 0, SegmentAttributes.Granular | SegmentAttributes.Long, stackAttributes: FlatAttributes);
        cpu.UpdateContext();
        cpu.SetIp(from64 ? cpu.Msrs[Lstar] : cpu.Msrs[Cstar]);
        cpu.State->Attention = 1;
        return (int)ExitReason.Indirect;
    }

    /// <summary>SYSRET.</summary>
    public static int SystemReturn(X86Cpu cpu, int width)
    {
        ulong* s = cpu.Slots;
        if ((s[X86Slots.Efer] & Efer.Sce) == 0 || (s[X86Slots.Cr0] & Cr0.Pe) == 0)
        {
            return cpu.Raise(X86Fault.InvalidOpcode);
        }

        if (cpu.Cpl != 0 || cpu.IsVirtual8086)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        ulong target = s[X86Slots.Rcx];
        bool to64 = width == 8;
        if (to64 && (ulong)((long)(target << 16) >> 16) != target)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        ushort selector = (ushort)(cpu.Msrs.StarValue >> 48);
        if (cpu.IsLongMode)
        {
            cpu.SetEflags((s[X86Slots.R11] & 0x3C_7FD7) | Eflags.Fixed);

            // What counts for the single step is the flag as SYSRET leaves it, not as it was before.
            cpu.Interrupts.DropSingleStep();
            if ((s[X86Slots.Eflags] & Eflags.Tf) != 0)
            {
                cpu.Interrupts.RaiseTrap(InterruptUnit.SingleStep);
            }
        }
        else
        {
            s[X86Slots.Eflags] |= Eflags.If;
        }

        cpu.Cpl = 3;
        SetSegments(cpu, (ushort)((to64 ? selector + 16 : selector) | 3), 3, to64 ? SegmentAttributes.Granular | SegmentAttributes.Long : FlatAttributes, (ushort)((selector + 8) | 3), FlatAttributes);
        FarTransfer.EnterMode(cpu, to64);
        cpu.UpdateContext();
        cpu.SetIp(to64 ? target : (uint)target);
        cpu.State->Attention = 1;
        return (int)ExitReason.Indirect;
    }

    /// <summary>SYSENTER.</summary>
    public static int SystemEnter(X86Cpu cpu)
    {
        ulong* s = cpu.Slots;
        ulong selector = cpu.Msrs[SysenterCs];
        if ((s[X86Slots.Cr0] & Cr0.Pe) == 0 || (selector & 0xFFFC) == 0)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        bool isLong = cpu.IsLongMode;
        s[X86Slots.Eflags] &= ~(Eflags.Vm | Eflags.If | Eflags.Rf);
        cpu.Cpl = 0;
        SetSegments(cpu, (ushort)(selector & 0xFFFC), 0, isLong ? SegmentAttributes.Granular | SegmentAttributes.Long : FlatAttributes, stackAttributes: FlatAttributes);
        s[X86Slots.Rsp] = isLong ? cpu.Msrs[SysenterEsp] : (uint)cpu.Msrs[SysenterEsp];
        cpu.FindAllEnds();
        cpu.UpdateContext();
        cpu.SetIp(isLong ? cpu.Msrs[SysenterEip] : (uint)cpu.Msrs[SysenterEip]);
        return (int)ExitReason.Indirect;
    }

    /// <summary>SYSEXIT.</summary>
    public static int SystemExit(X86Cpu cpu, int width)
    {
        ulong* s = cpu.Slots;
        ulong selector = cpu.Msrs[SysenterCs], target = s[X86Slots.Rdx];
        if ((s[X86Slots.Cr0] & Cr0.Pe) == 0 || (selector & 0xFFFC) == 0 || cpu.Cpl != 0 || cpu.IsVirtual8086)
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        bool to64 = width == 8;
        if (to64 && ((ulong)((long)(target << 16) >> 16) != target || (ulong)((long)(s[X86Slots.Rcx] << 16) >> 16) != s[X86Slots.Rcx]))
        {
            return cpu.Raise(X86Fault.GeneralProtection);
        }

        cpu.Cpl = 3;
        ushort code = (ushort)((selector + (to64 ? 32UL : 16)) | 3);
        SetSegments(cpu, code, 3, to64 ? SegmentAttributes.Granular | SegmentAttributes.Long : FlatAttributes, (ushort)(code + 8), FlatAttributes);
        ulong stack = s[X86Slots.Rcx];
        FarTransfer.EnterMode(cpu, to64);
        s[X86Slots.Rsp] = to64 ? stack : (uint)stack;
        cpu.UpdateContext();
        cpu.SetIp(to64 ? target : (uint)target);
        cpu.State->Attention = 1;
        return (int)ExitReason.Indirect;
    }

    /// <summary>Sets CS and SS to flat segments of a level; SS is the next descriptor unless another one is given.</summary>
    private static void SetSegments(X86Cpu cpu, ushort code, int level, ulong attributes, ushort? stack = null, ulong? stackAttributes = null)
    {
        Set(X86Slots.Cs, code, CodeAttributes | attributes);
        Set(X86Slots.Ss, stack ?? (ushort)(code + 8), DataAttributes | (stackAttributes ?? attributes));

        void Set(int segment, ushort selector, ulong bits)
        {
            cpu.Slots[X86Slots.Selector + segment] = selector;
            cpu.Slots[X86Slots.SegmentBase + segment] = 0;
            cpu.Slots[X86Slots.SegmentLimit + segment] = uint.MaxValue;
            cpu.Slots[X86Slots.Attributes + segment] = bits | ((ulong)level << 13);
            cpu.FindEnds(segment);
        }
    }
}
