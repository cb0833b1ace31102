using System.Globalization;
using Kmem.Ir;

namespace Kmem.Plugins.CpuAlpha.Palcode;

/// <content>The calls.</content>
internal sealed unsafe partial class NativePalcode
{
    private static readonly HelperFunction Light = GuestKernels.Helper(&CallLight, CallLight);
    private static readonly HelperFunction Heavy = GuestKernels.Helper(&CallHeavy, CallHeavy);

    /// <inheritdoc/>
    public override void LiftCall(LiftContext x, uint function)
    {
        bool isPrivileged = function < 0x40, isKnown = Enum.IsDefined((PalFunction)function);
        if (!isKnown || (isPrivileged && (x.Context & AlphaContext.User) != 0))
        {
            x.Illegal();
        }
        else if (IsLight((PalFunction)function))
        {
            x.Ir.Helper(Light, x.Ir.Const(0), function);
        }
        else
        {
            x.Ir.ExitHelper(Heavy, x.Ir.Const(x.Pc + 4), function);
        }
    }

    /// <summary>Calls after which the next instruction follows in the same mode.</summary>
    private static bool IsLight(PalFunction function) => function is PalFunction.Cflush or PalFunction.Draina or PalFunction.Rdmces or PalFunction.Wrmces or PalFunction.Wrval or PalFunction.Rdval
        or PalFunction.Swpipl or PalFunction.Rdps or PalFunction.Wrkgp or PalFunction.Wrusp or PalFunction.Rdusp or PalFunction.Whami or PalFunction.Imb
        or PalFunction.Rdunique or PalFunction.Wrunique or PalFunction.Wrperfmon or PalFunction.Wrent or PalFunction.Wrvptptr;

    private static int CallLight(CpuState* state, ulong a, ulong function)
    {
        ((NativePalcode)AlphaCpu.Of(state).Palcode).CallLight((PalFunction)function);
        return 0;
    }

    private static int CallHeavy(CpuState* state, ulong next, ulong function)
    {
        AlphaCpu cpu = AlphaCpu.Of(state);
        state->Pc = next;
        ((NativePalcode)cpu.Palcode).CallHeavy((PalFunction)function, next);

        // A return from PALcode clears both flags; mode, mappings or interrupts may be others now.
        (state->Slots[AlphaSlots.LockFlag], state->Slots[AlphaSlots.InterruptFlag]) = (0, 0);
        state->Attention = 1;
        return (int)ExitReason.Indirect;
    }

    private void CallLight(PalFunction function)
    {
        ulong a0 = Registers[A0];
        switch (function)
        {
            case PalFunction.Rdmces:
                Registers[V0] = _machineCheckState;
                break;
            case PalFunction.Wrmces:
                // MIP, SCE and PCE are cleared by ones; DPC and DSC are stored.
                _machineCheckState = (_machineCheckState & ~a0 & 7) | (a0 & 0x18);
                break;
            case PalFunction.Wrval:
                _value = a0;
                break;
            case PalFunction.Rdval:
                Registers[V0] = _value;
                break;
            case PalFunction.Swpipl:
                Registers[V0] = _level;
                _level = a0 & 7;
                if (cpu.Pending != 0)
                {
                    cpu.Execution.RequestAttention();
                }

                break;
            case PalFunction.Rdps:
                Registers[V0] = _level;
                break;
            case PalFunction.Wrkgp:
                _kernelGlobal = a0;
                break;
            case PalFunction.Wrusp:
                _userStack = a0;
                break;
            case PalFunction.Rdusp:
                Registers[V0] = _userStack;
                break;
            case PalFunction.Whami:
                Registers[V0] = (ulong)cpu.Options.Number;
                break;
            case PalFunction.Rdunique:
                Registers[V0] = _unique;
                break;
            case PalFunction.Wrunique:
                _unique = a0;
                break;
            case PalFunction.Wrent when Registers[A1] < (ulong)_entries.Length:
                _entries[Registers[A1]] = a0 & ~3UL;
                break;
            case PalFunction.Wrvptptr:
                _virtualTable = a0;
                break;

            // Caches and instruction streams are coherent, errors precise, performance counters absent.
            default:
                break;
        }
    }

    private void CallHeavy(PalFunction function, ulong next)
    {
        ulong a0 = Registers[A0], a1 = Registers[A1];
        switch (function)
        {
            case PalFunction.Halt:
                Halt();
                break;
            case PalFunction.Cserve:
                Serve(a0, a1, Registers[A2]);
                break;
            case PalFunction.Swppal:
                SwapPalcode(a0, a1);
                break;
            case PalFunction.Wripir:
                WriteMisc(0x1000UL << (int)(a0 & 3));
                break;
            case PalFunction.Wrfen:
                SetFloatingPoint((a0 & 1) != 0);
                _ = cpu.Execution.WritePhysical(_contextBlock + 0x28, 8, a0 & 1);
                break;
            case PalFunction.Swpctx:
                SwapContext(a0);
                break;
            case PalFunction.Tbi:
                Invalidate((long)a0, a1);
                break;
            case PalFunction.Retsys:
                ReturnFromSystemCall();
                break;
            case PalFunction.Wtint:
                Registers[V0] = 0;
                cpu.Execution.Wait();
                break;
            case PalFunction.Rti:
                ReturnFromInterrupt();
                break;
            case PalFunction.Bpt:
                Enter(Entry.Fault, next, 0, a1, Registers[A2]);
                break;
            case PalFunction.Bugchk:
                Enter(Entry.Fault, next, 1, a1, Registers[A2]);
                break;
            case PalFunction.Gentrap:
                Enter(Entry.Fault, next, 2, a1, Registers[A2]);
                break;
            case PalFunction.Callsys when cpu.IsUserMode:
                Enter(Entry.System, next, a0, a1, Registers[A2]);
                break;
            case PalFunction.Callsys:
                const ulong OperatingSystemError = 0x8A;
                DeliverMachineCheck(next - 4, next, OperatingSystemError);
                break;
            case PalFunction.ConsoleDispatch:
                ConsoleDispatch(a0, Registers[A2], Registers[A2 + 1]);
                break;
            case PalFunction.ConsoleFixup:
                Registers[V0] = 0;
                break;
            default:
                break;
        }
    }

    /// <summary>HALT: the CPU's slot in the HWRPB says whether to boot again.</summary>
    private void Halt()
    {
        SaveContext();
        const ulong Mask = 0xFF_0000, ColdBootstrap = 0x2_0000, WarmBootstrap = 0x3_0000;
        _ = cpu.Execution.ReadPhysical(ConsoleTables.SlotFlags(cpu.Options.Number), 8, out ulong flags);
        bool again = (flags & Mask) is ColdBootstrap or WarmBootstrap;
        cpu.Execution.Stop(again
            ? new MachineStop(StopKind.Reset, "the guest asked for a reset")
            : new MachineStop(StopKind.PowerOff, "the guest halted the CPU"));
    }

    private void Serve(ulong selector, ulong a1, ulong a2)
    {
        switch (selector)
        {
            case 1:
                _ = cpu.Execution.ReadPhysical(a1, 8, out Registers[V0]);
                break;
            case 2:
                _ = cpu.Execution.WritePhysical(a1, 8, a2);
                break;
            case 3:
                Registers[V0] = (ulong)(cpu.Clock.UtcNow - DateTime.UnixEpoch).Ticks * 100;
                break;
            case 4:
                Registers[V0] = (ulong)cpu.AlarmTime;
                break;
            case 5:
                cpu.SetAlarm(cpu.Clock.Now + (long)a1);
                break;
            case 6:
                cpu.SetAlarm((long)a1);
                break;
            case 7:
                Registers[V0] = (ulong)cpu.Clock.Now;
                break;
            default:
                break;
        }
    }

    private void SwapPalcode(ulong variant, ulong entry)
    {
        if (variant != 2)
        {
            Registers[V0] = 1;
            return;
        }

        ulong block = Registers[A2], table = Registers[A2 + 1], value = Registers[A2 + 2];
        _virtualTable = table;
        LoadContext(block);
        cpu.Execution.FlushTranslations();
        (Registers[V0], Registers[26], Registers[27]) = (0, entry, value);
        cpu.State->Pc = entry & ~3UL;
    }

    private void SwapContext(ulong block)
    {
        ulong before = _contextBlock;
        SaveContext();
        LoadContext(block);
        Registers[V0] = before;
    }

    private void SaveContext()
    {
        IExecution memory = cpu.Execution;
        _ = memory.WritePhysical(_contextBlock, 8, Registers[Sp]) && memory.WritePhysical(_contextBlock + 8, 8, _userStack) && memory.WritePhysical(_contextBlock + 0x20, 8, _unique);
        _ = memory.WritePhysical(_contextBlock + 0x18, 4, (uint)(Cycles + (uint)(Registers[AlphaSlots.CycleOffset] >> 32)));
    }

    /// <summary>Takes stack pointers, page table, cycle count and floating-point switch from a process control block.</summary>
    private void LoadContext(ulong block)
    {
        IExecution memory = cpu.Execution;
        bool read = memory.ReadPhysical(block, 8, out ulong kernelStack) & memory.ReadPhysical(block + 8, 8, out ulong userStack) & memory.ReadPhysical(block + 0x10, 8, out ulong table)
            & memory.ReadPhysical(block + 0x18, 8, out ulong cycles) & memory.ReadPhysical(block + 0x20, 8, out ulong unique) & memory.ReadPhysical(block + 0x28, 8, out ulong flags);
        if (!read)
        {
            memory.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"the process control block at physical 0x{block:x} is not in memory")));
            return;
        }

        (_contextBlock, Registers[Sp], _userStack, _unique) = (block, kernelStack, userStack, unique);
        Registers[AlphaSlots.CycleOffset] = (ulong)((uint)cycles - (uint)Cycles) << 32;
        ulong physical = table << PageTables.PageShift, space = cycles >> 32;
        if (physical != cpu.PageTableBase || space != _addressSpace)
        {
            (cpu.PageTableBase, _addressSpace) = (physical, space);
            memory.FlushTranslations();
        }

        SetFloatingPoint((flags & 1) != 0);
    }

    private ulong Cycles => cpu.Execution.Executed;

    private void SetFloatingPoint(bool on)
    {
        var context = (AlphaContext)cpu.State->Context;
        cpu.SetContext(on ? context | AlphaContext.FloatingPoint : context & ~AlphaContext.FloatingPoint);
    }

    private void Invalidate(long what, ulong address)
    {
        if (what is 1 or 2 or 3)
        {
            cpu.Execution.FlushTranslation(address);
        }
        else
        {
            cpu.Execution.FlushTranslations();
        }
    }

    private void ReturnFromSystemCall()
    {
        ulong frame = Registers[Sp];
        if (!cpu.Execution.ReadVirtual(frame + 8, 8, out ulong pc) || !cpu.Execution.ReadVirtual(frame + 16, 8, out ulong global))
        {
            StopAtFrame(frame);
            return;
        }

        (_kernelStack, Registers[Sp], Registers[Gp]) = (frame + FrameLength, _userStack, global);
        _level = 0;
        SetUserMode(true);
        Leave(pc);
    }

    private void ReturnFromInterrupt()
    {
        ulong frame = Registers[Sp];
        IExecution memory = cpu.Execution;
        ulong* values = stackalloc ulong[6];
        for (int i = 0; i < 6; i++)
        {
            if (!memory.ReadVirtual(frame + (8 * (ulong)i), 8, out values[i]))
            {
                StopAtFrame(frame);
                return;
            }
        }

        (Registers[Gp], Registers[A0], Registers[A1], Registers[A2]) = (values[2], values[3], values[4], values[5]);
        Registers[Sp] = frame + FrameLength;
        _level = values[0] & 7;
        if ((values[0] & UserBit) != 0)
        {
            _level = 0;
            _kernelStack = Registers[Sp];
            Registers[Sp] = _userStack;
            SetUserMode(true);
        }

        Leave(values[1]);
    }

    private void Leave(ulong pc) => cpu.State->Pc = pc & ~3UL;

    private void StopAtFrame(ulong frame)
    {
        cpu.State->Fault = 0;
        cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"the stack frame at 0x{frame:x} can't be read: the kernel stack is not valid")));
    }
}
