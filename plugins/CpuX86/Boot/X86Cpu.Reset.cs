using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>The state after a reset, after INIT, and after a start-up message.</content>
/// <remarks>Source: Intel SDM volume 3, 10.1.1 "Processor State After Reset" with table 10-1, 9.4.3 "MP Initialization Protocol Algorithm for MP Systems".</remarks>
public sealed unsafe partial class X86Cpu
{
    /// <inheritdoc/>
    public override void Reset()
    {
        if (Execution is null)
        {
            return;
        }

        ulong* s = Slots;
        for (int i = X86Slots.XmmLow; i <= X86Slots.X87Opcode; i++)
        {
            s[i] = 0;
        }

        s[X86Slots.Mxcsr] = 0x1F80;
        s[X86Slots.X87Control] = 0x37F;
        s[X86Slots.Cr0] = Cr0.Cd | Cr0.Nw;
        Msrs.Reset();
        BeginAnew();
        Interrupts.Reset();
        Management.Reset();
        SignalFloatingPoint(isPending: false);
        Execution.FlushTranslations();
        UpdateContext();
    }

    /// <summary>INIT: as a reset, but floating point, model-specific registers, the time-stamp counter and the bits that rule the caches stay as they are.</summary>
    internal void Initialize()
    {
        BeginAnew();
        Interrupts.Initialize();
        Execution.FlushTranslations();
        UpdateContext();
    }

    /// <summary>A start-up message: real mode at the beginning of a page below 1 MiB.</summary>
    internal void BeginAtPage(int page)
    {
        Slots[X86Slots.Selector + X86Slots.Cs] = (ulong)page << 8;
        Slots[X86Slots.SegmentBase + X86Slots.Cs] = (ulong)page << 12;
        UpdateContext();
        State->Pc = (ulong)page << 12;
    }

    /// <summary>Sets what a reset and INIT both set.</summary>
    private void BeginAnew()
    {
        ulong* s = Slots;
        ulong caches = s[X86Slots.Cr0] & (Cr0.Cd | Cr0.Nw);
        for (int i = 0; i < X86Slots.Count; i++)
        {
            s[i] = i is >= X86Slots.XmmLow and <= X86Slots.X87Opcode ? s[i] : 0;
        }

        Cpl = 0;
        NewTaskPc = null;
        s[X86Slots.Cr0] = caches | Cr0.Et;
        s[X86Slots.Rdx] = CpuModel.Signature;
        for (int i = 0; i < 6; i++)
        {
            s[X86Slots.SegmentLimit + i] = 0xFFFF;
            s[X86Slots.Attributes + i] = SegmentAttributes.RealData;
        }

        s[X86Slots.Attributes + X86Slots.Cs] = SegmentAttributes.RealData | SegmentAttributes.Code;
        s[X86Slots.Selector + X86Slots.Cs] = 0xF000;
        s[X86Slots.SegmentBase + X86Slots.Cs] = 0xFFFF_0000;
        s[X86Slots.GdtrLimit] = s[X86Slots.IdtrLimit] = 0xFFFF;
        s[X86Slots.SegmentLimit + X86Slots.Ldtr] = s[X86Slots.SegmentLimit + X86Slots.Tr] = 0xFFFF;
        s[X86Slots.Attributes + X86Slots.Ldtr] = 0x8200;
        s[X86Slots.Attributes + X86Slots.Tr] = 0x8B00;
        s[X86Slots.Dr0 + 6] = 0xFFFF_0FF0;
        s[X86Slots.Dr0 + 7] = 0x400;
        SetEflags(Eflags.Fixed);
        FindAllEnds();
        State->Pc = 0xFFFF_FFF0;
    }
}
