using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>How a task is left for another one.</summary>
internal enum TaskSwitchKind
{
    /// <summary>JMP: the old task is free again.</summary>
    Jump,

    /// <summary>CALL, an interrupt or an exception: the new task remembers the old one.</summary>
    Call,

    /// <summary>IRET: back to the task that called.</summary>
    Return,
}

/// <summary>Task switches of protected mode, with 16- and 32-bit TSSs.</summary>
/// <remarks>Source: Intel SDM volume 3, 7.3 "Task Switching", 7.2.1, 7.6 "16-bit Task-State Segment".</remarks>
internal static unsafe class TaskSwitch
{
    private static readonly int[] WideSegments = [72, 76, 80, 84, 88, 92];
    private static readonly int[] NarrowSegments = [34, 36, 38, 40];

    /// <summary>A switch through a task gate by JMP or CALL.</summary>
    public static int ThroughGate(X86Cpu cpu, in Descriptor gate, bool isCall) =>
        TryTarget(cpu, gate.GateSelector, X86Fault.GeneralProtection, 0, out Descriptor target) && To(cpu, gate.GateSelector, target, isCall ? TaskSwitchKind.Call : TaskSwitchKind.Jump)
            ? (int)ExitReason.Indirect : (int)ExitReason.Fault;

    /// <summary>A switch through a task gate by an interrupt or exception.</summary>
    public static bool ThroughGate(X86Cpu cpu, in Descriptor gate, bool hasError, ulong error, ulong external)
    {
        if (!TryTarget(cpu, gate.GateSelector, X86Fault.GeneralProtection, external, out Descriptor target) || !To(cpu, gate.GateSelector, target, TaskSwitchKind.Call))
        {
            return false;
        }

        if (hasError)
        {
            var frame = new StackFrame(cpu);
            frame.Push(error, IsWide(cpu) ? 4 : 2);
            if (!frame.Commit())
            {
                return false;
            }

            frame.Take();
        }

        return true;
    }

    /// <summary>IRET with NT set.</summary>
    public static int Return(X86Cpu cpu)
    {
        if (!cpu.LoadSystem(cpu.Slots[X86Slots.TrBase], 2, out ulong link))
        {
            return (int)ExitReason.Fault;
        }

        ulong error = DescriptorTables.ErrorOf((int)link);
        if ((link & 4) != 0 || error == 0)
        {
            return cpu.Raise(X86Fault.InvalidTss, error);
        }

        if (!DescriptorTables.Read(cpu, (int)link, X86Fault.InvalidTss, out Descriptor target))
        {
            return (int)ExitReason.Fault;
        }

        if (!target.IsSystem || target.Type is not (3 or 11))
        {
            return cpu.Raise(X86Fault.InvalidTss, error);
        }

        if (!target.IsPresent)
        {
            return cpu.Raise(X86Fault.SegmentNotPresent, error);
        }

        cpu.SkipInstruction(cpu.CurrentLength);
        if (!To(cpu, (int)link, target, TaskSwitchKind.Return))
        {
            return (int)ExitReason.Fault;
        }

        cpu.Interrupts.EndHandler();
        return (int)ExitReason.Indirect;
    }

    /// <summary>Switches; the program counter is where the old task goes on.</summary>
    public static bool To(X86Cpu cpu, int selector, Descriptor target, TaskSwitchKind kind)
    {
        ulong* s = cpu.Slots;
        bool isWide = (target.Type & 8) != 0, wasWide = IsWide(cpu);
        ulong error = DescriptorTables.ErrorOf(selector), from = s[X86Slots.TrBase], to = target.Base;
        if (target.Limit < (isWide ? 103UL : 43))
        {
            cpu.Raise(X86Fault.InvalidTss, error);
            return false;
        }

        // All that will be read and written must be there before the old task is left.
        if (!cpu.LoadSystem(to, 1, out _) || !cpu.LoadSystem(to + (isWide ? 103UL : 43), 1, out _) || !cpu.ProbeSystem(from) || !cpu.ProbeSystem(from + (wasWide ? 95UL : 41)))
        {
            return false;
        }

        var image = new ulong[26];
        for (int i = 0; i < (isWide ? 26 : 22); i++)
        {
            _ = cpu.LoadSystem(to + (ulong)(i * (isWide ? 4 : 2)), isWide ? 4 : 2, out image[i]);
        }

        int oldSelector = (int)s[X86Slots.Selector + X86Slots.Tr];
        ulong flags = cpu.EflagsNow;
        if (kind != TaskSwitchKind.Call)
        {
            SetBusy(cpu, oldSelector, isBusy: false);
        }

        if (kind == TaskSwitchKind.Return)
        {
            flags &= ~Eflags.Nt;
        }

        SaveOld(cpu, from, wasWide, flags);
        if (kind == TaskSwitchKind.Call)
        {
            _ = cpu.StoreSystem(to, 2, (ulong)oldSelector);
        }

        if (kind != TaskSwitchKind.Return)
        {
            SetBusy(cpu, selector, isBusy: true);
            target = target with { Low = target.Low | (2UL << 40) };
        }

        s[X86Slots.Cr0] |= Cr0.Ts;
        cpu.SetSegment(X86Slots.Tr, (ushort)selector, target);
        return TakeNew(cpu, image, isWide, kind);
    }

    private static bool IsWide(X86Cpu cpu) => ((cpu.Slots[X86Slots.Attributes + X86Slots.Tr] >> 8) & 8) != 0;

    private static bool TryTarget(X86Cpu cpu, int selector, X86Fault fault, ulong external, out Descriptor target)
    {
        target = default;
        ulong error = DescriptorTables.ErrorOf(selector) | external;
        if ((selector & 4) != 0 || (selector & 0xFFFC) == 0)
        {
            cpu.Raise(fault, error);
            return false;
        }

        if (!DescriptorTables.Read(cpu, selector, fault, out target, external))
        {
            return false;
        }

        if (!target.IsSystem || target.Type is not (1 or 9))
        {
            cpu.Raise(fault, error);
            return false;
        }

        if (!target.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, error);
            return false;
        }

        return true;
    }

    private static void SetBusy(X86Cpu cpu, int selector, bool isBusy)
    {
        if (DescriptorTables.TryFind(cpu, selector, 8, out ulong address) && cpu.LoadSystem(address + 5, 1, out ulong type))
        {
            _ = cpu.StoreSystem(address + 5, 1, isBusy ? type | 2 : type & ~2UL);
        }
    }

    private static void SaveOld(X86Cpu cpu, ulong from, bool isWide, ulong flags)
    {
        ulong* s = cpu.Slots;
        int width = isWide ? 4 : 2;
        ulong at = from + (isWide ? 32UL : 14);
        Put(cpu.Ip);
        Put(flags);
        for (int i = 0; i < 8; i++)
        {
            Put(s[i]);
        }

        int[] places = isWide ? WideSegments : NarrowSegments;
        for (int i = 0; i < places.Length; i++)
        {
            _ = cpu.StoreSystem(from + (ulong)places[i], 2, s[X86Slots.Selector + i]);
        }

        void Put(ulong value)
        {
            _ = cpu.StoreSystem(at, width, value);
            at += (ulong)width;
        }
    }

    private static bool TakeNew(X86Cpu cpu, ulong[] image, bool isWide, TaskSwitchKind kind)
    {
        ulong* s = cpu.Slots;
        int first = isWide ? 8 : 7;
        if (isWide && (s[X86Slots.Cr0] & Cr0.Pg) != 0 && image[7] != s[X86Slots.Cr3])
        {
            s[X86Slots.Cr3] = image[7];
            _ = cpu.Tables.LoadDirectoryPointers();
            cpu.Execution.FlushLocalTranslations();
        }

        ulong ip = image[first], flags = image[first + 1];
        for (int i = 0; i < 8; i++)
        {
            // A 16-bit task begins with ones in the upper halves, whatever the old task had there.
            s[i] = isWide ? image[first + 2 + i] : 0xFFFF_0000 | image[first + 2 + i];
        }

        cpu.SetEflags((isWide ? flags : flags & 0xFFFF) | (kind == TaskSwitchKind.Call ? Eflags.Nt : 0));
        s[X86Slots.Dr0 + 7] &= ~0x155UL;
        int at = isWide ? 18 : 17;
        var selectors = new ushort[6];
        for (int i = 0; i < (isWide ? 6 : 4); i++)
        {
            selectors[i] = (ushort)image[at + i];
        }

        ushort local = (ushort)image[isWide ? 24 : 21];
        bool traps = isWide && (image[25] & 1) != 0;

        // From here on a fault is one of the new task.
        for (int i = 0; i < 6; i++)
        {
            cpu.SetNullSegment(i, selectors[i]);
        }

        cpu.SetNullSegment(X86Slots.Ldtr, local);
        cpu.Cpl = cpu.IsVirtual8086 ? 3 : selectors[X86Slots.Cs] & 3;
        if (!DescriptorTables.LoadLocalTable(cpu, local, X86Fault.InvalidTss))
        {
            return Fail(cpu, ip);
        }

        if (cpu.IsVirtual8086)
        {
            for (int i = 0; i < 6; i++)
            {
                cpu.SetRealSegment(i, selectors[i]);
            }
        }
        else if (!LoadSegments(cpu, selectors))
        {
            return Fail(cpu, ip);
        }

        cpu.FindAllEnds();
        cpu.UpdateContext();
        cpu.SetIp(ip);
        if (ip > s[X86Slots.SegmentLimit + X86Slots.Cs])
        {
            cpu.Raise(X86Fault.GeneralProtection);
            return false;
        }

        if (traps)
        {
            cpu.Interrupts.RaiseTrap(InterruptUnit.TaskTrap);
        }

        cpu.State->Attention = 1;
        return true;
    }

    private static bool LoadSegments(X86Cpu cpu, ushort[] selectors)
    {
        int cs = selectors[X86Slots.Cs];
        ulong error = DescriptorTables.ErrorOf(cs);
        if (error == 0)
        {
            cpu.Raise(X86Fault.InvalidTss);
            return false;
        }

        if (!DescriptorTables.Read(cpu, cs, X86Fault.InvalidTss, out Descriptor code))
        {
            return false;
        }

        if (!code.IsCode || (code.IsConforming ? code.Dpl > (cs & 3) : code.Dpl != (cs & 3)))
        {
            cpu.Raise(X86Fault.InvalidTss, error);
            return false;
        }

        if (!code.IsPresent)
        {
            cpu.Raise(X86Fault.SegmentNotPresent, error);
            return false;
        }

        _ = DescriptorTables.SetAccessed(cpu, cs, ref code);
        cpu.SetSegment(X86Slots.Cs, (ushort)cs, code);
        foreach (int segment in (ReadOnlySpan<int>)[X86Slots.Ss, X86Slots.Es, X86Slots.Ds, X86Slots.Fs, X86Slots.Gs])
        {
            if (!DescriptorTables.Load(cpu, segment, selectors[segment]))
            {
                // What is a #GP of an instruction is a #TS of a task switch.
                if (cpu.State->Fault == (int)X86Fault.GeneralProtection)
                {
                    cpu.State->Fault = (int)X86Fault.InvalidTss;
                }

                return false;
            }
        }

        return true;
    }

    private static bool Fail(X86Cpu cpu, ulong ip)
    {
        cpu.FindAllEnds();
        cpu.UpdateContext();
        cpu.SetIp(ip);
        cpu.NewTaskPc = cpu.State->Pc;
        return false;
    }
}
