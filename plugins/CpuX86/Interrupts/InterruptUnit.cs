using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Interrupts;

/// <summary>What interrupts the CPU: its pins, its local APIC, traps after an instruction; and what holds interrupts back.</summary>
/// <remarks>Source: Intel SDM volume 3, 6.8 "Enabling and Disabling Interrupts", 6.9 "Prioritization of Concurrent Events".</remarks>
internal sealed unsafe class InterruptUnit
{
    /// <summary>Bits of DR6: a single step, and a task switch to a TSS with its trap flag.</summary>
    public const ulong SingleStep = 0x4000, TaskTrap = 0x8000;

    private readonly X86Cpu _cpu;
    private readonly IInterruptAcknowledge? _controller;
    private bool _external, _line, _nonMaskable, _nonMaskableLine, _isInHandler, _isInHandlerOutside, _trap, _holdsTraps;
    private ulong _trapReason;

    /// <summary>Creates the unit.</summary>
    public InterruptUnit(X86Cpu cpu, IDeviceContext context)
    {
        _cpu = cpu;
        _controller = cpu.Options.InterruptController.Length == 0 ? null : context.Device<IInterruptAcknowledge>(cpu.Options.InterruptController);
        StartUp = new StartUpUnit(cpu);
        if (cpu.Options.Apic && cpu.CpuModel.Has(Iced.Intel.CpuidFeature.MSR))
        {
            Apic = new LocalApic(cpu, cpu.Options.ApicBus.Length > 0 ? context.Device<IApicBus>(cpu.Options.ApicBus) : null);
        }

        context.Input("intr", level =>
        {
            _line = level;
            Ask(level);
        });
        context.Input("nmi", level =>
        {
            if (level && !_nonMaskableLine)
            {
                RaiseNonMaskable();
            }

            _nonMaskableLine = level;
        });
    }

    /// <summary>The local APIC; null where the model has none.</summary>
    public LocalApic? Apic { get; }

    /// <summary>INIT and start-up messages.</summary>
    public StartUpUnit StartUp { get; }

    /// <summary>A message that an 8259 has a request, as an I/O APIC's ExtINT entry sends it.</summary>
    public void RequestExternal()
    {
        _external = true;
        Ask();
    }

    /// <summary>Whether the next instruction runs before any interrupt.</summary>
    public bool IsShadowed { get; private set; }

    /// <summary>Whether HLT waits for an interrupt.</summary>
    public bool IsHalted { get; set; }

    /// <summary>Whether something could interrupt the CPU now or once it allows it.</summary>
    public bool CanWake => StartUp.HasMessage || (!StartUp.IsAwaiting && CanInterrupt);

    /// <summary>Whether something may yet end a halt or a loop with interrupts off: a non-maskable interrupt, a trap, or INIT; other CPUs are the engine's affair.</summary>
    public bool CanBeWoken => StartUp.HasMessage || (!StartUp.IsAwaiting && (_nonMaskable || _trap || _cpu.Management.HasRequest));

    /// <summary>Whether there are other CPUs, which may send something.</summary>
    public bool HasNeighbours => Apic?.Bus is { LocalApics.Count: > 1 };

    private bool CanInterrupt => _trap || _cpu.Management.HasRequest || (_nonMaskable && !_isInHandler) || (HasRequest && (_cpu.Slots[X86Slots.Eflags] & Eflags.If) != 0);

    private bool HasRequest => _external || (_line && (Apic?.PassesPins ?? true)) || Apic is { HasRequest: true };

    /// <summary>Forgets everything but the pins.</summary>
    public void Reset()
    {
        Forget();
        StartUp.Reset(_cpu.IsBootstrap);
        Apic?.Reset();
    }

    /// <summary>Forgets what INIT forgets: everything but the pins and the message that comes after it.</summary>
    public void Initialize()
    {
        Forget();
        Apic?.Initialize();
    }

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U8((byte)((_nonMaskable ? 1 : 0) | (_isInHandler ? 2 : 0) | (_trap ? 4 : 0) | (IsShadowed ? 8 : 0) | (_holdsTraps ? 16 : 0) | (_isInHandlerOutside ? 32 : 0) | (IsHalted ? 64 : 0)), "state");
        writer.U64(_trapReason, "trap_reason");
        StartUp.Save(writer);
        Apic?.Save(writer);
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        byte state = reader.U8();
        (_nonMaskable, _isInHandler, _trap, IsShadowed, _holdsTraps) = ((state & 1) != 0, (state & 2) != 0, (state & 4) != 0, (state & 8) != 0, (state & 16) != 0);
        (_isInHandlerOutside, IsHalted) = ((state & 32) != 0, (state & 64) != 0);
        _trapReason = reader.U64();
        StartUp.Load(reader);
        Apic?.Load(reader);
    }

    /// <summary>Makes the CPU look at its interrupts soon.</summary>
    public void Ask(bool level = true)
    {
        if (level)
        {
            _cpu.Execution?.RequestAttention();
        }
    }

    /// <summary>A non-maskable interrupt.</summary>
    public void RaiseNonMaskable()
    {
        _nonMaskable = true;
        Ask();
    }

    /// <summary>IRET: non-maskable interrupts may come again.</summary>
    public void EndHandler()
    {
        _isInHandler = false;
        if (_nonMaskable)
        {
            Ask();
        }
    }

    /// <summary>RSM: non-maskable interrupts are held back as they were before.</summary>
    public void LeaveManagement() => _isInHandler = _isInHandlerOutside;

    /// <summary>Holds interrupts back until the next instruction has run.</summary>
    /// <param name="holdsTraps">Whether traps are held back too, as MOV SS does.</param>
    public void Shadow(bool holdsTraps = false)
    {
        (IsShadowed, _holdsTraps) = (true, holdsTraps);
        _cpu.UpdateContext();
        Ask();
    }

    /// <summary>Lets interrupts come again.</summary>
    public void EndShadow()
    {
        (IsShadowed, _holdsTraps) = (false, false);
        _cpu.UpdateContext();
        Ask();
    }

    /// <summary>A trap of the instruction that runs: delivered when it is done.</summary>
    public void RaiseTrap(ulong reason)
    {
        _trap = true;
        _trapReason |= reason;
        Ask();
    }

    /// <summary>Forgets a trap, as a fault of the same instruction makes it forgotten.</summary>
    public void DropTrap() => (_trap, _trapReason) = (false, 0);

    /// <summary>Forgets that the instruction was a single step: INT n and SYSCALL clear the flag before the trap would come, and MOV SS holds it back for good.</summary>
    /// <remarks>Source: Intel SDM volume 3, 6.8.3 "Masking Exceptions and Interrupts When Switching Stacks", 17.3.1.4 "Single-Step Exception Condition".</remarks>
    public void DropSingleStep()
    {
        _trapReason &= ~SingleStep;
        _trap = _trapReason != 0;
    }

    /// <summary>Begins an instruction in a mode in which each is looked at.</summary>
    /// <returns>0, or the reason to leave.</returns>
    public int BeginSingle()
    {
        X86Context context = _cpu.Context;
        if ((context & X86Context.Debug) != 0 && (_cpu.Slots[X86Slots.Eflags] & Eflags.Rf) == 0 && _cpu.MatchBreakpoint(_cpu.CurrentPc) is var hit and not 0)
        {
            _cpu.ReportBreakpoints(hit);
            return _cpu.Raise(X86Fault.Debug);
        }

        // RF counts for one instruction: a frame that is pushed later must not have it.
        if ((_cpu.Slots[X86Slots.Eflags] & Eflags.Rf) != 0)
        {
            _cpu.Slots[X86Slots.Eflags] &= ~Eflags.Rf;
            _cpu.UpdateContext();
        }

        if ((context & X86Context.Debug) != 0 && _cpu.WatchesMemory && !_cpu.WatchMemory())
        {
            return (int)ExitReason.Fault;
        }

        if ((context & X86Context.Trap) != 0)
        {
            RaiseTrap(SingleStep);
        }

        if (IsShadowed)
        {
            EndShadow();
        }

        return 0;
    }

    /// <summary>Takes what has the highest priority and may come.</summary>
    /// <returns>Whether the program counter has changed.</returns>
    public bool Take()
    {
        if (!StartUp.Take())
        {
            return true;
        }

        if (_trap && !_holdsTraps)
        {
            _cpu.ReportBreakpoints(_trapReason);
            DropTrap();
            _cpu.Slots[X86Slots.Dr0 + 7] &= ~0x2000UL;
            if (IsShadowed)
            {
                EndShadow();
            }

            IsHalted = false;
            Delivery.Interrupt(_cpu, 1, DeliveryKind.Exception, 0);
            return true;
        }

        if (IsShadowed)
        {
            return false;
        }

        if (_cpu.Management.HasRequest)
        {
            _isInHandlerOutside = _isInHandler;
            _cpu.Management.Enter(IsHalted);
            (_isInHandler, IsHalted) = (true, false);
            return true;
        }

        if (_nonMaskable && !_isInHandler)
        {
            (_nonMaskable, _isInHandler, IsHalted) = (false, true, false);
            Delivery.Interrupt(_cpu, 2, DeliveryKind.External, 0);
            return true;
        }

        if ((_cpu.Slots[X86Slots.Eflags] & Eflags.If) == 0 || !HasRequest)
        {
            return false;
        }

        int vector;
        if (Apic is { HasRequest: true })
        {
            vector = Apic.Acknowledge();
        }
        else if (_controller is not null)
        {
            _external = false;
            vector = _controller.Acknowledge();
        }
        else
        {
            return false;
        }

        IsHalted = false;
        Delivery.Interrupt(_cpu, vector, DeliveryKind.External, 0);
        return true;
    }

    private void Forget()
    {
        (_external, _nonMaskable, _isInHandler, _isInHandlerOutside, IsHalted) = (false, false, false, false, false);
        (_trap, _trapReason, IsShadowed, _holdsTraps) = (false, 0, false, false);
    }
}
