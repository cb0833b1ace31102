using Kmem.Plugins.CpuX86.Registers;

namespace Kmem.Plugins.CpuX86.Segmentation;

/// <summary>Pops values without moving the stack pointer, until all is known to go well.</summary>
internal unsafe struct StackReader(X86Cpu cpu)
{
    private readonly ulong _mask = cpu.StackWidth switch { 2 => 0xFFFF, 4 => uint.MaxValue, _ => ulong.MaxValue };
    private ulong _top = cpu.Slots[X86Slots.Rsp];

    /// <summary>Where the next value is.</summary>
    public readonly ulong Top => _top & _mask;

    /// <summary>Pops; false at a fault.</summary>
    public bool Pop(int width, out ulong value)
    {
        bool done = cpu.Load(X86Slots.Ss, _top & _mask, width, out value);
        _top += (ulong)width;
        return done;
    }

    /// <summary>Skips bytes.</summary>
    public void Skip(ulong bytes) => _top += bytes;

    /// <summary>Moves the stack pointer.</summary>
    public readonly void Take() => cpu.SetStackPointer(_top & _mask);
}
