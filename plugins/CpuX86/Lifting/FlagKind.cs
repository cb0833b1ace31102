namespace Kmem.Plugins.CpuX86.Lifting;

/// <summary>What the arithmetic flags follow from; the number in the slot is the kind times 4 plus log2 of the operand's width in bytes.</summary>
/// <remarks>A and B are the two operand slots; bits above the width don't count.</remarks>
internal enum FlagKind
{
    /// <summary>A is the flags word itself.</summary>
    Explicit,

    /// <summary>A is the result of a logical operation: CF, OF and AF are clear.</summary>
    Logic,

    /// <summary>A + B.</summary>
    Add,

    /// <summary>A + B + 1.</summary>
    AddCarry,

    /// <summary>A - B.</summary>
    Sub,

    /// <summary>A - B - 1.</summary>
    SubBorrow,

    /// <summary>A is a result after an increment, B the carry flag.</summary>
    Increment,

    /// <summary>A is a result after a decrement, B the carry flag.</summary>
    Decrement,

    /// <summary>A is the result of a shift to the left, the top bit of B is CF; OF tells whether the top bits of both differ.</summary>
    ShiftLeft,

    /// <summary>A is the result of a shift to the right, the lowest bit of B is CF; OF tells whether the top bits of both differ.</summary>
    ShiftRight,

    /// <summary>A is a result; bit 0 of B is CF, bit 11 is OF; AF is clear.</summary>
    Carry,
}
