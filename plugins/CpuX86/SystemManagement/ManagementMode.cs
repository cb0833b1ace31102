using System.Globalization;
using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.SystemManagement;

/// <summary>System management mode: its interrupt, its entry, and RSM.</summary>
/// <remarks>
/// Input <c>smi</c>; output <c>smiact</c> is high while the CPU is in the mode, by which a chip set shows it the memory that others don't see.
/// Source: Intel SDM volume 3, chapter "System Management Mode".
/// </remarks>
internal sealed unsafe class ManagementMode
{
    private const ulong FirstBase = 0x3_0000, EntryOffset = 0x8000;

    private readonly X86Cpu _cpu;
    private readonly IIrqLine _active;
    private bool _line, _pending;

    /// <summary>Creates it.</summary>
    public ManagementMode(X86Cpu cpu, IDeviceContext context)
    {
        _cpu = cpu;
        _active = context.Irq("smiact");
        context.Input("smi", level =>
        {
            if (level && !_line)
            {
                Request();
            }

            _line = level;
        });
    }

    /// <summary>Whether the CPU is in the mode.</summary>
    public bool IsInside { get; private set; }

    /// <summary>SMBASE: where the handler and the save area are, a physical address.</summary>
    public ulong Base { get; private set; } = FirstBase;

    /// <summary>Whether the mode is to be entered before the next instruction.</summary>
    public bool HasRequest => _pending && !IsInside;

    /// <summary>A system management interrupt; one that comes inside waits for RSM.</summary>
    public void Request()
    {
        _pending = true;
        _cpu.Interrupts?.Ask();
    }

    /// <summary>Leaves the mode as a reset does; an INIT waits for RSM.</summary>
    public void Reset() => (_pending, IsInside, _active.Level, Base) = (false, false, false, FirstBase);

    /// <summary>Shows the mode's memory while this CPU is on the bus and hides it from other CPUs and from clients in between.</summary>
    public void ShowMemory(bool isTurn) => _active.Level = isTurn && IsInside;

    /// <summary>Saves it.</summary>
    public void Save(StateWriter writer)
    {
        writer.U8((byte)((_pending ? 1 : 0) | (IsInside ? 2 : 0)), "smm");
        writer.U64(Base, "smbase");
    }

    /// <summary>Restores it.</summary>
    public void Load(StateReader reader)
    {
        byte state = reader.U8();
        (_pending, IsInside) = ((state & 1) != 0, (state & 2) != 0);
        Base = reader.U64();
        _active.Level = IsInside;
    }

    /// <summary>Enters the mode.</summary>
    /// <param name="isHalted">Whether HLT waited for an interrupt.</param>
    public void Enter(bool isHalted)
    {
        (_pending, IsInside, _active.Level) = (false, true, true);
        SaveState.Of(_cpu).Write(_cpu, Base, isHalted);
        ulong* s = _cpu.Slots;
        s[X86Slots.Cr0] &= ~(Cr0.Pe | Cr0.Em | Cr0.Ts | Cr0.Pg);
        (s[X86Slots.Cr4], s[X86Slots.Efer], s[X86Slots.Dr0 + 7]) = (0, 0, 0x400);
        _cpu.SetEflags(Eflags.Fixed);
        _cpu.Cpl = 0;
        for (int segment = 0; segment < 6; segment++)
        {
            bool isCode = segment == X86Slots.Cs;
            s[X86Slots.Selector + segment] = isCode ? (ushort)(Base >> 4) : 0UL;
            s[X86Slots.SegmentBase + segment] = isCode ? Base : 0;
            s[X86Slots.SegmentLimit + segment] = uint.MaxValue;
            s[X86Slots.Attributes + segment] = SegmentAttributes.RealData | SegmentAttributes.Granular;
        }

        Apply();
        _cpu.SetIp(EntryOffset);
    }

    /// <summary>RSM: goes on where the interrupt came.</summary>
    /// <param name="isHalted">Whether the CPU is to wait for an interrupt again.</param>
    /// <returns>False where the saved state is none that a CPU can be in, which shuts it down.</returns>
    public bool Leave(out bool isHalted)
    {
        ulong* s = _cpu.Slots;
        ulong start = Base;
        ulong ip = SaveState.Of(_cpu).Read(_cpu, ref start, out isHalted);
        ulong cr0 = s[X86Slots.Cr0], cr4 = s[X86Slots.Cr4], efer = s[X86Slots.Efer];
        bool isPaged = (cr0 & Cr0.Pg) != 0, isLong = isPaged && (efer & Efer.Lme) != 0;
        if ((isPaged && (cr0 & Cr0.Pe) == 0) || ((cr0 & Cr0.Nw) != 0 && (cr0 & Cr0.Cd) == 0) || cr0 >> 32 != 0 || (cr4 & ~_cpu.KnownCr4) != 0 || (isLong && (cr4 & Cr4.Pae) == 0))
        {
            _cpu.Execution.Stop(new MachineStop(StopKind.Crash, string.Create(CultureInfo.InvariantCulture, $"shutdown: RSM found a state that no CPU can be in: cr0 {cr0:x}, cr4 {cr4:x}, efer {efer:x}")));
            return false;
        }

        (Base, IsInside) = (start, false);
        s[X86Slots.Efer] = (efer & ~Efer.Lma) | (isLong ? Efer.Lma : 0);
        bool isVirtual = (s[X86Slots.Eflags] & Eflags.Vm) != 0;
        _cpu.Cpl = (cr0 & Cr0.Pe) == 0 ? 0 : isVirtual ? 3 : (int)(s[X86Slots.Attributes + X86Slots.Ss] >> 13) & 3;
        Apply();
        _cpu.SetIp(ip);

        // Only now: what was read just before lies in the memory that this hides.
        _active.Level = false;
        _cpu.Interrupts.Ask();
        return true;
    }

    private void Apply()
    {
        _ = _cpu.Tables.LoadDirectoryPointers();
        _cpu.FindAllEnds();
        _cpu.Execution.FlushTranslations();
        _cpu.UpdateContext();
    }
}
