using Iced.Intel;

namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>What a helper for vector instructions is told: the instruction, its immediate, and the slots of its operands' halves.</summary>
/// <param name="Mnemonic">The instruction.</param>
/// <param name="Immediate">The immediate byte.</param>
/// <param name="Low">Slot of the destination's low half, or of an integer destination.</param>
/// <param name="High">Slot of its high half; <see cref="Registers.X86Slots.Zero"/> where there is none.</param>
/// <param name="SourceLow">Slot of the source's low half.</param>
/// <param name="SourceHigh">Slot of its high half.</param>
/// <param name="IsWide">Whether an integer operand has 64 bits.</param>
internal readonly record struct VectorRequest(Mnemonic Mnemonic, uint Immediate, int Low, int High, int SourceLow, int SourceHigh, bool IsWide = false)
{
    /// <summary>The request as a helper's immediate.</summary>
    public ulong Pack() => (ulong)Mnemonic | (IsWide ? 1UL << 15 : 0) | ((ulong)(byte)Immediate << 16) | ((ulong)Low << 24) | ((ulong)High << 32) | ((ulong)SourceLow << 40) | ((ulong)SourceHigh << 48);

    /// <summary>The request out of a helper's immediate.</summary>
    public static VectorRequest Unpack(ulong x) =>
        new((Mnemonic)(x & 0x1FFF), (byte)(x >> 16), (byte)(x >> 24), (byte)(x >> 32), (byte)(x >> 40), (byte)(x >> 48), (x & 0x8000) != 0);

    /// <summary>The parts that an instruction on low halves needs, as a guarded kernel's instruction word.</summary>
    public uint PackShort() => (uint)Mnemonic | (IsWide ? 1U << 15 : 0) | ((uint)Low << 16) | ((uint)SourceLow << 24);

    /// <summary>The request out of a guarded kernel's instruction word.</summary>
    public static VectorRequest UnpackShort(ulong x) => new((Mnemonic)(x & 0x1FFF), 0, (byte)(x >> 16), 0, (byte)(x >> 24), 0, (x & 0x8000) != 0);
}
