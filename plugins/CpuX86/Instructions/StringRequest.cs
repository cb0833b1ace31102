namespace Kmem.Plugins.CpuX86.Instructions;

/// <summary>What a string instruction does with each element.</summary>
internal enum StringOperation
{
    /// <summary>MOVS.</summary>
    Move,

    /// <summary>CMPS.</summary>
    Compare,

    /// <summary>SCAS.</summary>
    Scan,

    /// <summary>LODS.</summary>
    Load,

    /// <summary>STOS.</summary>
    Store,

    /// <summary>INS.</summary>
    Input,

    /// <summary>OUTS.</summary>
    Output,
}

/// <summary>A string instruction as its helper gets it.</summary>
/// <param name="Operation">What it does.</param>
/// <param name="Width">Bytes of an element.</param>
/// <param name="AddressWidth">Bytes of the index and count registers that count.</param>
/// <param name="Segment">Number of the source's segment register.</param>
/// <param name="Repeat">0: once, 1: REP or REPE, 2: REPNE.</param>
internal readonly record struct StringRequest(StringOperation Operation, int Width, int AddressWidth, int Segment, int Repeat)
{
    /// <summary>As an immediate operand.</summary>
    public ulong Pack() => (uint)Operation | ((uint)Width << 4) | ((uint)AddressWidth << 8) | ((uint)Segment << 12) | ((uint)Repeat << 16);

    /// <summary>From an immediate operand.</summary>
    public static StringRequest Unpack(ulong value) => new((StringOperation)(value & 15), (int)(value >> 4) & 15, (int)(value >> 8) & 15, (int)(value >> 12) & 15, (int)(value >> 16) & 3);
}
