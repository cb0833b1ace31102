using Kmem.Abstractions;
using Kmem.Ir;
using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86;

/// <content>Beginning in the state that a boot protocol asks for, and the A20 gate.</content>
public sealed unsafe partial class X86Cpu : IStartable
{
    private const ulong A20 = 1UL << 20;
    private const ulong FlatCode32 = 0xC0_9B00, FlatData = 0xC0_9300, FlatCode64 = 0xA0_9B00;

    /// <summary>Bits of a physical address that leave the CPU.</summary>
    internal ulong AddressMask { get; private set; } = ulong.MaxValue;

    /// <inheritdoc/>
    public void Start(StartState state)
    {
        if (state.Mode == StartMode.Long && !CpuModel.Has(Iced.Intel.CpuidFeature.X64))
        {
            throw new MachineException($"the program begins in 64-bit mode, which the CPU model '{CpuModel.Name}' does not have");
        }

        Reset();
        Interrupts.Apic?.EnterVirtualWire();
        ulong* s = Slots;
        s[X86Slots.Rdx] = 0;
        SetModelRegisters(state);
        foreach ((string name, ulong value) in state.Registers.Where(r => NumberOf(r.Key) is null))
        {
            int slot = Enumerable.Range(0, X86Slots.Count).FirstOrDefault(i => X86Slots.Name(i) == name, -1);
            s[slot >= 0 ? slot : throw new MachineException($"the CPU has no register '{name}'")] = value;
        }

        bool isReal = state.Mode == StartMode.Real, isLong = state.Mode == StartMode.Long;
        s[X86Slots.Cr0] = Cr0.Et | (isReal ? 0 : Cr0.Pe) | (isLong ? Cr0.Pg : 0);
        if (isLong)
        {
            s[X86Slots.Cr4] = Cr4.Pae;
            s[X86Slots.Efer] = Efer.Lme | Efer.Lma;
        }

        for (int segment = 0; segment < 6; segment++)
        {
            bool isCode = segment == X86Slots.Cs;
            ushort selector = isCode ? state.CodeSegment : state.DataSegment;
            s[X86Slots.Selector + segment] = selector;
            s[X86Slots.SegmentBase + segment] = isReal ? (ulong)selector << 4 : 0;
            s[X86Slots.SegmentLimit + segment] = isReal ? 0xFFFF : uint.MaxValue;
            s[X86Slots.Attributes + segment] = isReal ? SegmentAttributes.RealData : !isCode ? FlatData : isLong ? FlatCode64 : FlatCode32;
        }

        if (isReal)
        {
            s[X86Slots.IdtrLimit] = 0x3FF;
        }

        FindAllEnds();
        Execution.FlushTranslations();
        UpdateContext();
        SetIp(state.Pc);
    }

    /// <inheritdoc/>
    public void Await(StartState state)
    {
        Reset();
        SetModelRegisters(state);
    }

    /// <summary>Number of the model-specific register that a name means; null for another register.</summary>
    private static uint? NumberOf(string name) =>
        name.StartsWith("msr.", StringComparison.Ordinal) && uint.TryParse(name.AsSpan(4), System.Globalization.NumberStyles.AllowHexSpecifier, null, out uint number) ? number : null;

    private void SetModelRegisters(StartState state)
    {
        foreach ((string name, ulong value) in state.Registers)
        {
            if (NumberOf(name) is { } number)
            {
                _ = Msrs.TryWrite(number, value);
            }
        }
    }

    /// <summary>Opens or closes the gate of address bit 20.</summary>
    private void GateA20(bool isOpen)
    {
        ulong mask = isOpen ? ulong.MaxValue : ~A20;
        if (mask != AddressMask)
        {
            AddressMask = mask;
            Execution?.FlushTranslations();
        }
    }
}
