using System.Globalization;
using Iced.Intel;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Interrupts;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>Exceptions, interrupts, control registers, ports' permissions.</content>
public sealed unsafe partial class X86Cpu
{
    private ulong _lastFaultAt;
    private int _lastFault, _repeatedFaults;

    /// <summary>Where a new task begins whose first segments could not be loaded; null else.</summary>
    internal ulong? NewTaskPc { get; set; }

    /// <summary>Length of the instruction that runs.</summary>
    internal int CurrentLength
    {
        get
        {
            (ulong before, State->Pc) = (State->Pc, CurrentPc);
            int length = TryDecodeCurrent(out Instruction instruction) ? instruction.Length : 1;
            State->Pc = before;
            return length;
        }
    }

    /// <inheritdoc/>
    public void Deliver()
    {
        if (NewTaskPc is { } pc)
        {
            (State->Pc, NewTaskPc) = (pc, null);
        }

        CompleteFault();
        int vector = State->Fault - X86Faults.First;
        if (vector == 14)
        {
            Slots[X86Slots.Cr2] = State->FaultAddress;
        }

        if (Interrupts.IsShadowed)
        {
            Interrupts.EndShadow();
        }

        Interrupts.DropTrap();
        Watch(vector);
        Delivery.Interrupt(this, vector, DeliveryKind.Exception, (ushort)State->FaultDetail);
        State->Attention = 1;
    }

    /// <inheritdoc/>
    public bool TakeInterrupt() => Interrupts.Take();

    /// <summary>An exception while a double fault was delivered: the processor shuts down, which resets a PC.</summary>
    internal void TripleFault(int vector) =>
        Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"triple fault: exception {vector} while a double fault was delivered at 0x{State->Pc:x}")));

    /// <summary>Writes CR0; false for a #GP.</summary>
    internal bool WriteCr0(ulong value)
    {
        ulong* s = Slots;
        ulong old = s[X86Slots.Cr0];
        if (value >> 32 != 0 || ((value & Cr0.Pg) != 0 && (value & Cr0.Pe) == 0) || ((value & Cr0.Nw) != 0 && (value & Cr0.Cd) == 0))
        {
            return false;
        }

        value = (value & (Cr0.Pe | Cr0.Mp | Cr0.Em | Cr0.Ts | Cr0.Ne | Cr0.Wp | Cr0.Am | Cr0.Nw | Cr0.Cd | Cr0.Pg)) | Cr0.Et;
        bool turnsOn = (value & ~old & Cr0.Pg) != 0, turnsOff = (old & ~value & Cr0.Pg) != 0;
        if (turnsOn && (s[X86Slots.Efer] & Efer.Lme) != 0)
        {
            if ((s[X86Slots.Cr4] & Cr4.Pae) == 0 || (s[X86Slots.Attributes + X86Slots.Cs] & SegmentAttributes.Long) != 0)
            {
                return false;
            }

            s[X86Slots.Efer] |= Efer.Lma;
        }
        else if (turnsOff)
        {
            if (Is64 || (s[X86Slots.Cr4] & Cr4.Pcide) != 0)
            {
                return false;
            }

            s[X86Slots.Efer] &= ~Efer.Lma;
        }

        s[X86Slots.Cr0] = value;
        if (turnsOn && !_tables.LoadDirectoryPointers())
        {
            s[X86Slots.Cr0] = old;
            return false;
        }

        if (((value ^ old) & Cr0.Pe) != 0)
        {
            FindAllEnds();
        }

        if (((value ^ old) & (Cr0.Pg | Cr0.Wp | Cr0.Pe)) != 0)
        {
            Execution.FlushTranslations();
        }

        UpdateContext();
        return true;
    }

    /// <summary>Writes CR3; false for a #GP.</summary>
    internal bool WriteCr3(ulong value)
    {
        ulong* s = Slots;
        bool keeps = false;
        if (IsLongMode)
        {
            keeps = (s[X86Slots.Cr4] & Cr4.Pcide) != 0 && value >> 63 != 0;
            value &= keeps ? ~(1UL << 63) : ulong.MaxValue;
            if (value >> CpuModel.PhysicalBits != 0)
            {
                return false;
            }
        }

        ulong old = s[X86Slots.Cr3];
        s[X86Slots.Cr3] = value;
        if (!_tables.LoadDirectoryPointers())
        {
            s[X86Slots.Cr3] = old;
            return false;
        }

        // Entries have no tag of the address space, so another one always begins anew.
        if (!keeps || old != value)
        {
            Execution.FlushLocalTranslations();
        }

        return true;
    }

    /// <summary>Writes CR4; false for a #GP.</summary>
    internal bool WriteCr4(ulong value)
    {
        ulong* s = Slots;
        ulong old = s[X86Slots.Cr4], known = KnownCr4;
        if ((value & ~known) != 0 || (IsLongMode && (value & Cr4.Pae) == 0) || ((value & ~old & Cr4.Pcide) != 0 && (!IsLongMode || (s[X86Slots.Cr3] & 0xFFF) != 0)))
        {
            return false;
        }

        s[X86Slots.Cr4] = value;
        if (((value ^ old) & (Cr4.Pae | Cr4.Pse | Cr4.Pge)) != 0 && !_tables.LoadDirectoryPointers())
        {
            s[X86Slots.Cr4] = old;
            return false;
        }

        if (((value ^ old) & (Cr4.Pae | Cr4.Pse | Cr4.Pge | Cr4.Smep | Cr4.Smap | Cr4.Pcide)) != 0)
        {
            Execution.FlushTranslations();
        }

        UpdateContext();
        return true;
    }

    /// <summary>Whether the privilege level, or the TSS's permission map, allows a port; else #GP(0) is in the state.</summary>
    internal bool MayUsePort(ushort port, int width)
    {
        ulong* s = Slots;
        if ((s[X86Slots.Cr0] & Cr0.Pe) == 0 || (!IsVirtual8086 && Cpl <= (int)((s[X86Slots.Eflags] >> 12) & 3)))
        {
            return true;
        }

        ulong limit = s[X86Slots.SegmentLimit + X86Slots.Tr];
        bool isWide = ((s[X86Slots.Attributes + X86Slots.Tr] >> 8) & 8) != 0;
        if (isWide && limit >= 103)
        {
            if (!LoadSystem(s[X86Slots.TrBase] + 102, 2, out ulong map))
            {
                return false;
            }

            ulong at = map + ((ulong)port >> 3);
            if (at + 1 <= limit)
            {
                if (!LoadSystem(s[X86Slots.TrBase] + at, 2, out ulong bits))
                {
                    return false;
                }

                if (((bits >> (port & 7)) & ((1UL << width) - 1)) == 0)
                {
                    return true;
                }
            }
        }

        Raise(X86Fault.GeneralProtection);
        return false;
    }

    /// <summary>Bits of CR4 that the model has.</summary>
    internal ulong KnownCr4
    {
        get
        {
            ulong known = 0;
            known |= CpuModel.Has(CpuidFeature.CX8) ? Cr4.Tsd | Cr4.De | Cr4.Pse | Cr4.Mce : 0;
            known |= CpuModel.Has(CpuidFeature.CMOV) ? Cr4.Pae | Cr4.Pge | Cr4.Pce : 0;
            known |= CpuModel.Has(CpuidFeature.FXSR) ? Cr4.Osfxsr | Cr4.Osxmmexcpt : 0;
            known |= CpuModel.IsMax ? Cr4.Umip | Cr4.Fsgsbase | Cr4.Pcide | Cr4.Smep | Cr4.Smap : 0;
            return known;
        }
    }

    /// <summary>Ends a run in which one instruction raises the same exception for ever.</summary>
    private void Watch(int vector)
    {
        const int Endless = 100_000;
        if (State->Pc != _lastFaultAt || vector != _lastFault)
        {
            (_lastFaultAt, _lastFault, _repeatedFaults, _watchedFrom) = (State->Pc, vector, 0, Execution.Executed);
            return;
        }

        // Where a handler runs in between, the guest may be waiting for something; where nothing but the exception runs, it is lost.
        if (++_repeatedFaults == Endless && Execution.Executed - _watchedFrom < 16 * Endless)
        {
            Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"endless exceptions: exception {vector} again and again at 0x{State->Pc:x}")));
        }
    }

    private ulong _watchedFrom;
}
