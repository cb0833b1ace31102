using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Lifting;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>System instructions, far transfers, segment registers, ports: lifted as far as their operands, helpers do the rest.</summary>
/// <remarks>Source: Intel SDM volume 2, the pages of the instructions named.</remarks>
internal static class SystemInstructions
{
    /// <summary>Adds the group's lines.</summary>
    public static void Register(X86Table table)
    {
        table.Add(Mnemonic.Hlt, x => Privileged(x, SystemHelpers.Halt));
        table.Add(Mnemonic.Pause, Pause);
        table.Add(Mnemonic.Int, x => Software(x, x.Instruction.Immediate8));
        table.Add(Mnemonic.Int3, x => Software(x, 3));
        table.Add(Mnemonic.Into, Into);
        table.Add(Mnemonic.Int1, x => Software(x, 1));
        table.Add(x => x.Exit(SystemHelpers.InterruptReturn, 2), Mnemonic.Iret);
        table.Add(x => x.Exit(SystemHelpers.InterruptReturn, 4), Mnemonic.Iretd);
        table.Add(x => x.Exit(SystemHelpers.InterruptReturn, 8), Mnemonic.Iretq);
        table.Add(Mnemonic.Retf, RetFar);
        table.Add(x => LoadFarPointer(x, X86Slots.Ds), Mnemonic.Lds);
        table.Add(x => LoadFarPointer(x, X86Slots.Es), Mnemonic.Les);
        table.Add(x => LoadFarPointer(x, X86Slots.Ss), Mnemonic.Lss);
        table.Add(x => LoadFarPointer(x, X86Slots.Fs), Mnemonic.Lfs);
        table.Add(x => LoadFarPointer(x, X86Slots.Gs), Mnemonic.Lgs);
        table.Add(Mnemonic.In, In);
        table.Add(Mnemonic.Out, Out);
        table.Add(Mnemonic.Cpuid, x => x.Exit(SystemHelpers.Cpuid, 0));
        table.Add(Mnemonic.Rdtsc, x => x.Ir.Helper(SystemHelpers.ReadTimeStamp, x.Const(0), 0));
        table.Add(Mnemonic.Rdtscp, x => x.Ir.Helper(SystemHelpers.ReadTimeStamp, x.Const(0), 1));
        table.Add(Mnemonic.Rdpmc, x => x.Raise(X86Fault.GeneralProtection));
        table.Add(Mnemonic.Rdmsr, x => Privileged(x, SystemHelpers.ReadModelRegister));
        table.Add(Mnemonic.Wrmsr, x => Privileged(x, SystemHelpers.WriteModelRegister));
        table.Add(x => Table(x, SystemHelpers.LoadGlobalTable, isStore: false), Mnemonic.Lgdt);
        table.Add(x => Table(x, SystemHelpers.LoadInterruptTable, isStore: false), Mnemonic.Lidt);
        table.Add(x => Table(x, SystemHelpers.StoreTable, isStore: true, X86Slots.GdtrBase), Mnemonic.Sgdt);
        table.Add(x => Table(x, SystemHelpers.StoreTable, isStore: true, X86Slots.IdtrBase), Mnemonic.Sidt);
        table.Add(x => Selector(x, SystemHelpers.LoadLocalTable, privileged: true), Mnemonic.Lldt);
        table.Add(x => Selector(x, SystemHelpers.LoadTask, privileged: true), Mnemonic.Ltr);
        table.Add(x => StoreSelector(x, X86Slots.Ldtr), Mnemonic.Sldt);
        table.Add(x => StoreSelector(x, X86Slots.Tr), Mnemonic.Str);
        table.Add(Mnemonic.Smsw, StoreStatusWord);
        table.Add(Mnemonic.Lmsw, Lmsw);
        table.Add(Mnemonic.Clts, x => Privileged(x, SystemHelpers.ClearTaskSwitched));
        table.Add(x => Verify(x, isWrite: false), Mnemonic.Verr);
        table.Add(x => Verify(x, isWrite: true), Mnemonic.Verw);
        table.Add(x => Rights(x, isLimit: false), Mnemonic.Lar);
        table.Add(x => Rights(x, isLimit: true), Mnemonic.Lsl);
        table.Add(Mnemonic.Arpl, Arpl);
        table.Add(Mnemonic.Invlpg, Invlpg);
        table.Add(Mnemonic.Invpcid, Invpcid);
        table.Add(x => Privileged(x, null), Mnemonic.Invd, Mnemonic.Wbinvd);
        table.Add(Mnemonic.Clflush, x => x.Ir.Load(Uop.Load8, x.Address(1, isWrite: false)));
        table.Add(Mnemonic.Syscall, x => x.Exit(SystemHelpers.SystemCall, 0));
        table.Add(Mnemonic.Sysret, x => x.Exit(SystemHelpers.SystemReturn, 4));
        table.Add(Mnemonic.Sysretq, x => x.Exit(SystemHelpers.SystemReturn, 8));
        table.Add(Mnemonic.Sysenter, x => x.Exit(SystemHelpers.SystemEnter, 0));
        table.Add(Mnemonic.Sysexit, x => x.Exit(SystemHelpers.SystemExit, 4));
        table.Add(Mnemonic.Sysexitq, x => x.Exit(SystemHelpers.SystemExit, 8));
        table.Add(Mnemonic.Swapgs, x => Privileged(x, SystemHelpers.SwapGs));
        table.Add(x => FsGs(x, X86Slots.Fs, isWrite: false), Mnemonic.Rdfsbase);
        table.Add(x => FsGs(x, X86Slots.Gs, isWrite: false), Mnemonic.Rdgsbase);
        table.Add(x => FsGs(x, X86Slots.Fs, isWrite: true), Mnemonic.Wrfsbase);
        table.Add(x => FsGs(x, X86Slots.Gs, isWrite: true), Mnemonic.Wrgsbase);
        table.Add(x => AccessFlag(x, isSet: false), Mnemonic.Clac);
        table.Add(x => AccessFlag(x, isSet: true), Mnemonic.Stac);
        table.Add(x => x.Undefined(), Mnemonic.Ud0, Mnemonic.Ud1, Mnemonic.Ud2);
        table.Add(Mnemonic.Rsm, x => x.Exit(SystemHelpers.LeaveManagement, 0));
    }

    /// <summary>MOV to and from segment, control and debug registers.</summary>
    public static void Mov(LiftContext x)
    {
        Register target = x.Instruction.Op0Kind == OpKind.Register ? x.Instruction.Op0Register : Iced.Intel.Register.None;
        Register source = x.Instruction.Op1Kind == OpKind.Register ? x.Instruction.Op1Register : Iced.Intel.Register.None;
        if (source.IsSegmentRegister())
        {
            Val selector = x.Slot(X86Slots.Selector + LiftContext.SegmentOf(source));
            if (x.IsMemory(0))
            {
                x.Store(2, selector);
            }
            else
            {
                x.Write(0, selector);
            }

            return;
        }

        if (target.IsSegmentRegister())
        {
            int segment = LiftContext.SegmentOf(target);
            if (segment == X86Slots.Cs)
            {
                x.Undefined();
                return;
            }

            Val selector = x.IsMemory(1) ? x.Load(2) : x.Copy(x.Read(1));
            LoadSegment(x, segment, selector);
            return;
        }

        bool isStore = source.IsCR() || source.IsDR() || source.IsTR();
        Register special = isStore ? source : target;
        if (special.IsTR() || !x.NeedsPrivilege())
        {
            if (special.IsTR())
            {
                x.Undefined();
            }

            return;
        }

        int number = special.IsCR() ? special - Iced.Intel.Register.CR0 : (special - Iced.Intel.Register.DR0) | 0x10;
        if (special.IsCR() ? number is not (0 or 2 or 3 or 4 or 8) || (number == 4 && !x.Cpu.CpuModel.Has(CpuidFeature.CX8)) : number > 0x17)
        {
            x.Undefined();
            return;
        }

        int slot = x.RegisterSlot(isStore ? 0 : 1);
        x.Exit(isStore ? SystemHelpers.StoreControl : SystemHelpers.LoadControl, (uint)slot | ((uint)number << 8) | (x.Is64 ? 0x10000u : 0));
    }

    /// <summary>POP of a segment register.</summary>
    public static void PopSegment(LiftContext x, int width)
    {
        int segment = LiftContext.SegmentOf(x.Instruction.Op0Register);
        Val value = x.Copy(x.Top(width == 4 ? 2 : width));
        x.Ir.ExitHelper(SystemHelpers.PopSegment, value, (uint)segment | ((uint)width << 8) | ((uint)x.Instruction.Length << 16));
    }

    /// <summary>Far JMP and CALL.</summary>
    public static void FarBranch(LiftContext x, bool isCall)
    {
        int width;
        Val target;
        ulong selector = 0;
        if (x.IsMemory(0))
        {
            width = x.Instruction.MemorySize switch { MemorySize.SegPtr16 => 2, MemorySize.SegPtr32 => 4, _ => 8 };
            _ = x.Address(width + 2, isWrite: false);
            target = x.Load(width);
            x.Ir.SetRegister(X86Slots.FarSelector, x.Load(2, width));
        }
        else
        {
            width = x.Instruction.Op0Kind == OpKind.FarBranch16 ? 2 : 4;
            target = x.Const(width == 2 ? x.Instruction.FarBranch16 : x.Instruction.FarBranch32);
            selector = x.Instruction.FarBranchSelector;
            x.Ir.SetRegister(X86Slots.FarSelector, x.Const(selector));
        }

        x.Ir.ExitHelper(SystemHelpers.FarTransfer, target, (uint)width | (isCall ? 0x100u : 0) | ((uint)x.Instruction.Length << 16));
    }

    private static void Privileged(LiftContext x, HelperFunction? helper)
    {
        if (!x.NeedsPrivilege())
        {
            return;
        }

        if (helper is not null)
        {
            x.Exit(helper, 0);
        }
    }

    /// <summary>PAUSE, which lets other CPUs run where there are any.</summary>
    private static void Pause(LiftContext x)
    {
        if (x.Cpu.Interrupts.HasNeighbours)
        {
            x.Exit(SystemHelpers.Pause, 0);
        }
    }

    private static void Software(LiftContext x, int vector) => x.Exit(SystemHelpers.SoftwareInterrupt, (uint)vector | (x.Instruction.Mnemonic == Mnemonic.Int ? 0x100u : 0));

    private static void Into(LiftContext x)
    {
        Val overflow = x.Condition(0);
        x.Ir.ExitHelper(SystemHelpers.Overflow, overflow, (uint)x.Instruction.Length);
    }

    private static void RetFar(LiftContext x)
    {
        int width = x.Instruction.Code switch { Code.Retfw or Code.Retfw_imm16 => 2, Code.Retfd or Code.Retfd_imm16 => 4, _ => 8 };
        x.Exit(SystemHelpers.FarReturn, (uint)width | ((x.Instruction.OpCount > 0 ? x.Instruction.Immediate16 : 0u) << 8));
    }

    private static void LoadSegment(LiftContext x, int segment, Val selector) =>
        x.Ir.ExitHelper(SystemHelpers.LoadSegment, selector, (uint)segment | ((uint)x.Instruction.Length << 8));

    private static void LoadFarPointer(LiftContext x, int segment)
    {
        int width = x.Width0();
        _ = x.Address(width + 2, isWrite: false);
        Val offset = x.Load(width);
        Val selector = x.Load(2, width);
        x.Ir.SetRegister(X86Slots.FarOffset, offset);
        x.Ir.ExitHelper(SystemHelpers.LoadFarPointer, selector, (uint)segment | ((uint)x.Instruction.Length << 8) | ((uint)x.RegisterSlot(0) << 16) | ((uint)width << 24));
    }

    private static void In(LiftContext x)
    {
        int width = x.Width(0);
        Val port = x.Instruction.Op1Kind == OpKind.Immediate8 ? x.Const(x.Instruction.Immediate8) : x.Zext(x.Slot(X86Slots.Rdx), 2);
        x.Ir.Helper(SystemHelpers.In, port, (uint)width);
    }

    private static void Out(LiftContext x)
    {
        int width = x.Width(1);
        Val port = x.Instruction.Op0Kind == OpKind.Immediate8 ? x.Const(x.Instruction.Immediate8) : x.Zext(x.Slot(X86Slots.Rdx), 2);
        x.Ir.Helper(SystemHelpers.Out, port, (uint)width);
    }

    private static void Table(LiftContext x, HelperFunction helper, bool isStore, int slot = 0)
    {
        if (!isStore && !x.NeedsPrivilege())
        {
            return;
        }

        if (isStore)
        {
            CheckPrevention(x);
        }

        int width = x.Is64 ? 8 : x.Instruction.Code is Code.Lgdt_m1632_16 or Code.Lidt_m1632_16 or Code.Sgdt_m1632_16 or Code.Sidt_m1632_16 ? 2 : 4;
        Val address = x.Address(width == 8 ? 10 : 6, isStore);
        x.Ir.Helper(helper, address, (uint)width | ((uint)slot << 8));
    }

    private static void Selector(LiftContext x, HelperFunction helper, bool privileged)
    {
        if (!x.IsProtected)
        {
            x.Undefined();
            return;
        }

        if (privileged && !x.NeedsPrivilege())
        {
            return;
        }

        x.Ir.Helper(helper, x.IsMemory(0) ? x.Load(2) : x.Zext(x.Read(0), 2), 0);
    }

    private static void StoreSelector(LiftContext x, int register)
    {
        if (!x.IsProtected)
        {
            x.Undefined();
            return;
        }

        CheckPrevention(x);
        Val selector = x.Slot(X86Slots.Selector + register);
        if (x.IsMemory(0))
        {
            x.Store(2, selector);
        }
        else
        {
            x.Write(0, selector);
        }
    }

    private static void StoreStatusWord(LiftContext x)
    {
        CheckPrevention(x);
        x.Write(0, x.IsMemory(0) ? x.Slot(X86Slots.Cr0) : x.Zext(x.Slot(X86Slots.Cr0), 4));
    }

    /// <summary>User-mode instruction prevention: with CR4.UMIP, what tells of tables, tasks and the status word is for level 0.</summary>
    private static void CheckPrevention(LiftContext x)
    {
        if (x.IsProtected || (x.Context & X86Context.Virtual8086) != 0)
        {
            x.Ir.Helper(SystemHelpers.CheckPrevention, x.Const(0), 0);
        }
    }

    private static void Lmsw(LiftContext x)
    {
        if (!x.NeedsPrivilege())
        {
            return;
        }

        Val value = x.IsMemory(0) ? x.Load(2) : x.Copy(x.Read(0));
        x.Ir.ExitHelper(SystemHelpers.LoadStatusWord, value, (uint)x.Instruction.Length);
    }

    private static void Verify(LiftContext x, bool isWrite)
    {
        if (!x.IsProtected)
        {
            x.Undefined();
            return;
        }

        x.Ir.Helper(SystemHelpers.Verify, x.IsMemory(0) ? x.Load(2) : x.Zext(x.Read(0), 2), isWrite ? 1u : 0);
        x.ForgetFlags();
    }

    private static void Rights(LiftContext x, bool isLimit)
    {
        if (!x.IsProtected)
        {
            x.Undefined();
            return;
        }

        x.Ir.Helper(SystemHelpers.Rights, x.IsMemory(1) ? x.Load(2) : x.Zext(x.Read(1), 2), (isLimit ? 1u : 0) | ((uint)x.RegisterSlot(0) << 8) | ((uint)x.Width0() << 16));
        x.ForgetFlags();
    }

    private static void Arpl(LiftContext x)
    {
        if (!x.IsProtected)
        {
            x.Undefined();
            return;
        }

        if (x.IsMemory(0))
        {
            // Memory is written only where the level changes, so the helper does it all.
            x.Ir.SetRegister(X86Slots.FarSelector, x.ReadZext(1));
            x.Ir.Helper(SystemHelpers.AdjustLevel, x.Copy(x.Zext(x.Offset(), x.AddressWidth())), (uint)LiftContext.SegmentOf(x.Instruction.MemorySegment));
            x.ForgetFlags();
            return;
        }

        Val target = x.Copy(x.ReadZext(0)), source = x.Read(1) & 3;
        Val raises = x.Copy(x.Ir.Binary(Uop.SetLtU, target & 3, source));
        Val result = x.Copy(target);
        x.Ir.Conditional(Uop.CmovNe, result.Slot, raises, (target & ~3UL) | source);
        x.Write(0, result);
        x.SetFlags((x.Flags() & ~Eflags.Zf) | (raises << 6));
    }

    private static void Invlpg(LiftContext x)
    {
        if (x.NeedsPrivilege())
        {
            // No limit is looked at and nothing is accessed; only the page counts.
            Val offset = x.Offset();
            int segment = LiftContext.SegmentOf(x.Instruction.MemorySegment);
            Val address = !x.Is64 || segment is X86Slots.Fs or X86Slots.Gs ? offset + x.Slot(X86Slots.SegmentBase + segment) : offset;
            x.Ir.ExitHelper(SystemHelpers.InvalidatePage, address, (uint)x.Instruction.Length);
        }
    }

    private static void Invpcid(LiftContext x)
    {
        if (x.NeedsPrivilege())
        {
            (Val low, Val high) = x.Load128(isAligned: false);
            x.Ir.SetRegister(X86Slots.FarOffset, low);
            x.Ir.SetRegister(X86Slots.FarSelector, high);
            x.Ir.ExitHelper(SystemHelpers.InvalidateContext, x.Slot(x.RegisterSlot(0)), (uint)x.Instruction.Length);
        }
    }

    private static void FsGs(LiftContext x, int segment, bool isWrite)
    {
        x.Ir.Helper(SystemHelpers.CheckFsGsBase, isWrite ? x.ReadZext(0) : x.Const(0), 0);
        if (isWrite)
        {
            x.Ir.SetRegister(X86Slots.SegmentBase + segment, x.ReadZext(0));
        }
        else
        {
            x.Write(0, x.Slot(X86Slots.SegmentBase + segment));
        }
    }

    private static void AccessFlag(LiftContext x, bool isSet)
    {
        if (x.IsUser)
        {
            x.Undefined();
            return;
        }

        x.Exit(SystemHelpers.AccessFlag, isSet ? 1u : 0);
    }
}
