namespace Kmem.Plugins.CpuAlpha;

/// <summary>The fields of an instruction word; no meaning.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, 3.3 "Instruction Formats".</remarks>
internal readonly struct AlphaInstruction(uint word)
{
    public uint Word { get; } = word;

    public int Opcode => (int)(Word >> 26);

    public int Ra => (int)(Word >> 21) & 31;

    public int Rb => (int)(Word >> 16) & 31;

    public int Rc => (int)Word & 31;

    public bool HasLiteral => (Word & 0x1000) != 0;

    public uint Literal => (Word >> 13) & 0xFF;

    /// <summary>Function of an integer operate instruction.</summary>
    public int Function => (int)(Word >> 5) & 0x7F;

    /// <summary>Function of a floating-point operate instruction with its qualifiers.</summary>
    public int FloatingFunction => (int)(Word >> 5) & 0x7FF;

    /// <summary>Displacement of memory instructions in bytes.</summary>
    public long Displacement => (short)Word;

    /// <summary>Displacement of branches in bytes.</summary>
    public long BranchDisplacement => (long)(int)(Word << 11) >> 11 << 2;

    /// <summary>Function of CALL_PAL.</summary>
    public uint PalFunction => Word & 0x3FF_FFFF;
}
