using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>What an interrupt or a far call pushes: gathered, then written whole or not at all.</summary>
internal unsafe struct StackFrame
{
    private readonly X86Cpu _cpu;
    private readonly InnerStack? _inner;
    private readonly int _level;
    private readonly ulong _mask, _base;
    private readonly List<(ulong Offset, ulong Value, int Width)> _pushes = new(12);
    private ulong _top;

    /// <summary>A frame on the present stack.</summary>
    public StackFrame(X86Cpu cpu)
    {
        (_cpu, _inner, _level) = (cpu, null, cpu.Cpl);
        _mask = cpu.StackWidth switch { 2 => 0xFFFF, 4 => uint.MaxValue, _ => ulong.MaxValue };
        _base = cpu.Slots[X86Slots.SegmentBase + X86Slots.Ss];
        _top = cpu.Slots[X86Slots.Rsp] & _mask;
    }

    /// <summary>A frame on another stack.</summary>
    public StackFrame(X86Cpu cpu, in InnerStack inner, int level)
    {
        (_cpu, _inner, _level) = (cpu, inner, level);
        _mask = inner.Segment.IsBig ? uint.MaxValue : 0xFFFFUL;
        _base = inner.Segment.Base;
        _top = inner.Pointer & _mask;
    }

    /// <summary>Pushes a value.</summary>
    public void Push(ulong value, int width)
    {
        _top = (_top - (ulong)width) & _mask;
        _pushes.Add((_top, value, width));
    }

    /// <summary>Writes what was pushed; false at a fault, and then nothing is written.</summary>
    public readonly bool Commit()
    {
        foreach ((ulong offset, _, int width) in _pushes)
        {
            if (_inner is { } inner)
            {
                if (!IsInside(inner.Segment, offset, width))
                {
                    _cpu.Raise(X86Fault.StackFault, DescriptorTables.ErrorOf(inner.Selector));
                    return false;
                }
            }
            else if (!_cpu.TryLinear(X86Slots.Ss, offset, (ulong)width, isWrite: true, out _))
            {
                _cpu.Raise(X86Fault.StackFault);
                return false;
            }
        }

        // A frame is shorter than a page: its ends tell of all of it.
        if (_pushes.Count > 0 && (!Probe(_pushes[0].Offset + (ulong)_pushes[0].Width - 1) || !Probe(_pushes[^1].Offset)))
        {
            return false;
        }

        foreach ((ulong offset, ulong value, int width) in _pushes)
        {
            if (!Store(offset, value, width))
            {
                return false;
            }
        }

        return true;
    }

    /// <summary>Takes the stack and its pointer.</summary>
    public readonly void Take()
    {
        if (_inner is { } inner)
        {
            _cpu.SetSegment(X86Slots.Ss, inner.Selector, inner.Segment);
            _cpu.Slots[X86Slots.Rsp] = inner.Segment.IsBig ? (uint)_top : (_cpu.Slots[X86Slots.Rsp] & ~0xFFFFUL) | (ushort)_top;
            return;
        }

        _cpu.SetStackPointer(_top);
    }

    /// <summary>Whether bytes lie in a data segment.</summary>
    private static bool IsInside(in Descriptor segment, ulong offset, int width)
    {
        ulong last = offset + (ulong)width - 1;
        return (segment.Attributes & SegmentAttributes.Down) == 0 ? last <= segment.Limit : offset > segment.Limit && last <= (segment.IsBig ? uint.MaxValue : 0xFFFFUL);
    }

    private readonly bool Probe(ulong offset) => _level == 3 ? _cpu.Execution.Reach((uint)(_base + offset), write: true, out _) : _cpu.ProbeSystem(_base + offset);

    private readonly bool Store(ulong offset, ulong value, int width) =>
        _level == 3 ? _cpu.Execution.WriteVirtual((uint)(_base + offset), width, value) : _cpu.StoreSystem(_base + offset, width, value);
}
