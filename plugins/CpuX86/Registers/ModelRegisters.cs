using Iced.Intel;
using Kmem.Abstractions;
using Kmem.Plugins.CpuX86.Segmentation;

namespace Kmem.Plugins.CpuX86.Registers;

/// <summary>Model-specific registers.</summary>
/// <remarks>Source: Intel SDM volume 4, table 2-2 "IA-32 Architectural MSRs".</remarks>
internal sealed unsafe class ModelRegisters(X86Cpu cpu)
{
    private const uint Tsc = 0x10, ApicBase = 0x1B, SysenterCs = 0x174, SysenterEsp = 0x175, SysenterEip = 0x176, MtrrCap = 0xFE, Pat = 0x277, MtrrDefault = 0x2FF;
    private const uint TscDeadline = 0x6E0, TscAdjust = 0x3B, EferNumber = 0xC000_0080, Star = 0xC000_0081, Lstar = 0xC000_0082, Cstar = 0xC000_0083, Fmask = 0xC000_0084;
    private const uint FsBase = 0xC000_0100, GsBase = 0xC000_0101, KernelGsBase = 0xC000_0102, TscAux = 0xC000_0103;

    private readonly Dictionary<uint, ulong> _values = [];
    private ulong _tscOffset, _tscAdjust;

    /// <summary>The time-stamp counter.</summary>
    public ulong TimeStamp => cpu.Execution.Executed + _tscOffset;

    /// <summary>What was written to the TSC, minus instructions executed.</summary>
    public ulong TimeStampOffset => _tscOffset;

    /// <summary>A register's value.</summary>
    public ulong this[uint number]
    {
        get => _values.GetValueOrDefault(number);
        set => _values[number] = value;
    }

    /// <summary>Selectors of SYSCALL and SYSRET.</summary>
    public ulong StarValue => this[Star];

    /// <summary>Sets the registers as a reset does.</summary>
    public void Reset()
    {
        _values.Clear();
        _values[Pat] = 0x0007_0406_0007_0406;
        _values[0x1A0] = 1;
        (_tscOffset, _tscAdjust) = (0 - cpu.Execution.Executed, 0);
    }

    /// <summary>RDMSR; false where there is no such register.</summary>
    public bool TryRead(uint number, out ulong value)
    {
        ulong* s = cpu.Slots;
        value = 0;
        if (IsOfAnotherModel(number))
        {
            return false;
        }

        switch (number)
        {
            case Tsc:
                value = TimeStamp;
                return true;
            case TscAdjust:
                value = _tscAdjust;
                return true;
            case ApicBase:
                return cpu.Interrupts.Apic is { } apic && apic.TryReadBase(out value);
            case TscDeadline:
                value = cpu.Interrupts.Apic?.Deadline ?? 0;
                return true;
            case EferNumber:
                value = s[X86Slots.Efer];
                return true;
            case FsBase:
                value = s[X86Slots.SegmentBase + X86Slots.Fs];
                return true;
            case GsBase:
                value = s[X86Slots.SegmentBase + X86Slots.Gs];
                return true;
            case MtrrCap:
                value = 0x508;
                return true;
            case >= 0x800 and <= 0x83F when cpu.Interrupts.Apic is { IsX2: true } x2:
                return x2.TryReadModelRegister(number - 0x800, out value);
            default:
                value = this[number];
                return _values.ContainsKey(number) || IsKnown(number);
        }
    }

    /// <summary>WRMSR; false where there is no such register, or not this value.</summary>
    public bool TryWrite(uint number, ulong value)
    {
        if (IsOfAnotherModel(number))
        {
            return false;
        }

        switch (number)
        {
            case Tsc:
                // A write of either changes the other by as much.
                _tscAdjust += value - TimeStamp;
                _tscOffset += value - TimeStamp;
                cpu.Interrupts.Apic?.Rearm();
                return true;
            case TscAdjust:
                _tscOffset += value - _tscAdjust;
                _tscAdjust = value;
                cpu.Interrupts.Apic?.Rearm();
                return true;
            case ApicBase:
                return cpu.Interrupts.Apic is { } apic && apic.TryWriteBase(value);
            case TscDeadline:
                cpu.Interrupts.Apic?.SetDeadline(value);
                return true;
            case EferNumber:
                return WriteEfer(value);
            case FsBase:
                return SetBase(X86Slots.Fs, value);
            case GsBase:
                return SetBase(X86Slots.Gs, value);
            case Lstar or Cstar or KernelGsBase or SysenterEsp or SysenterEip:
                if (!IsCanonical(value))
                {
                    return false;
                }

                this[number] = value;
                return true;
            case Pat:
                for (int i = 0; i < 64; i += 8)
                {
                    if ((value >> i & 0xFF) is 2 or 3 or > 7)
                    {
                        return false;
                    }
                }

                this[number] = value;
                return true;
            case MtrrCap:
                return false;
            case 0xC1 or 0xC2 or 0x186 or 0x187 or (>= 0xC001_0000 and <= 0xC001_0007):
                return true;   // performance counters (P6 and AMD) that keep nothing, by which kernels see that there are none: RDPMC does not exist either
            case >= 0x800 and <= 0x83F when cpu.Interrupts.Apic is { IsX2: true } x2:
                return x2.TryWriteModelRegister(number - 0x800, value);
            default:
                if (!IsKnown(number))
                {
                    return false;
                }

                this[number] = value;
                return true;
        }
    }

    /// <summary>SWAPGS.</summary>
    public void SwapGs()
    {
        ulong* slot = cpu.Slots + X86Slots.SegmentBase + X86Slots.Gs;
        (*slot, _values[KernelGsBase]) = (this[KernelGsBase], *slot);
    }

    /// <summary>Saves all.</summary>
    public void Save(StateWriter writer)
    {
        uint[] numbers = [.. _values.Keys.Order()];
        writer.U32((uint)numbers.Length, "msrs");
        foreach (uint number in numbers)
        {
            writer.U32(number, "msr");
            writer.U64(_values[number], "value");
        }

        writer.U64(TimeStamp, "tsc");
        writer.U64(_tscAdjust, "tsc_adjust");
    }

    /// <summary>Restores all.</summary>
    public void Load(StateReader reader)
    {
        _values.Clear();
        uint count = reader.U32();
        for (uint i = 0; i < count; i++)
        {
            uint number = reader.U32();
            _values[number] = reader.U64();
        }

        _tscOffset = reader.U64() - cpu.Execution.Executed;
        _tscAdjust = reader.U64();
    }

    private bool SetBase(int segment, ulong value)
    {
        if (!IsCanonical(value))
        {
            return false;
        }

        cpu.Slots[X86Slots.SegmentBase + segment] = value;
        return true;
    }

    private static bool IsCanonical(ulong value) => (ulong)((long)(value << 16) >> 16) == value;

    private static bool IsKnown(uint number) => number is 0x8B or 0x17 or 0x2A or SysenterCs or SysenterEsp or SysenterEip or 0x179 or 0x17A or 0x17B or 0x1A0 or 0x1D9 or 0x48 or 0x49 or 0x10A or 0x140
        or (>= 0x200 and <= 0x20F) or 0x250 or 0x258 or 0x259 or (>= 0x268 and <= 0x26F) or Pat or MtrrDefault or Star or Lstar or Cstar or Fmask or KernelGsBase or TscAux
        or 0xC001_0015 or 0xC001_001F or 0xC001_0010 or 0xC001_0055 or 0xC001_0114 or 0xC001_1022 or 0xC001_1029 or 0xC001_0058 or 0x186 or 0x187 or 0xC1 or 0xC2 or (>= 0xC001_0000 and <= 0xC001_0007);

    /// <summary>Whether a register came with a feature that CPUID does not show of this model.</summary>
    private bool IsOfAnotherModel(uint number) => number switch
    {
        EferNumber or Lstar or Cstar or Fmask or FsBase or GsBase or KernelGsBase => !cpu.CpuModel.Has(CpuidFeature.X64),
        Star => !cpu.CpuModel.Has(CpuidFeature.SYSCALL),
        TscAux => !cpu.CpuModel.Has(CpuidFeature.RDTSCP),
        TscAdjust => !cpu.CpuModel.IsMax,
        TscDeadline => !cpu.CpuModel.Has(CpuidFeature.SSE4_2) || cpu.Interrupts.Apic is null,
        SysenterCs or SysenterEsp or SysenterEip => !cpu.CpuModel.Has(CpuidFeature.SEP),
        _ => false,
    };

    private bool WriteEfer(ulong value)
    {
        ulong* s = cpu.Slots;
        ulong known = Efer.Sce | Efer.Lme | Efer.Lma | Efer.Nxe;
        if ((value & ~known) != 0 || ((s[X86Slots.Cr0] & Cr0.Pg) != 0 && ((value ^ s[X86Slots.Efer]) & Efer.Lme) != 0))
        {
            return false;
        }

        s[X86Slots.Efer] = (value & ~Efer.Lma) | (s[X86Slots.Efer] & Efer.Lma);
        cpu.Execution.FlushTranslations();
        return true;
    }
}
