namespace Kmem.Ir;

/// <summary>A value while a block is built: a constant, a register's slot, or a temporary.</summary>
/// <remarks>A value that names a register is an alias: it is wrong once that register is set.</remarks>
public readonly struct Val
{
    internal Val(Builder builder, int slot, ulong constant, bool isConstant, int change = 0) => (Builder, Slot, Constant, IsConstant, Change) = (builder, slot, constant, isConstant, change);

    /// <summary>Whether it is a constant.</summary>
    public bool IsConstant { get; }

    /// <summary>The constant.</summary>
    public ulong Constant { get; }

    /// <summary>The slot of a value that is no constant.</summary>
    public int Slot { get; }

    internal Builder Builder { get; }

    /// <summary>How often the register had been set when the value was taken.</summary>
    internal int Change { get; }

#pragma warning disable CS1591, CA2225 // Operators mean what they mean in the manuals' notation.
    public static Val operator +(Val a, Val b) => a.Builder.Binary(Uop.Add, a, b);

    public static Val operator -(Val a, Val b) => a.Builder.Binary(Uop.Sub, a, b);

    public static Val operator *(Val a, Val b) => a.Builder.Binary(Uop.Mul, a, b);

    public static Val operator &(Val a, Val b) => a.Builder.Binary(Uop.And, a, b);

    public static Val operator |(Val a, Val b) => a.Builder.Binary(Uop.Or, a, b);

    public static Val operator ^(Val a, Val b) => a.Builder.Binary(Uop.Xor, a, b);

    public static Val operator <<(Val a, int count) => a.Builder.Binary(Uop.Shl, a, a.Builder.Const((ulong)count));

    public static Val operator >>>(Val a, int count) => a.Builder.Binary(Uop.Shr, a, a.Builder.Const((ulong)count));

    public static Val operator >>(Val a, int count) => a.Builder.Binary(Uop.Sar, a, a.Builder.Const((ulong)count));

    public static Val operator +(Val a, ulong b) => a + a.Builder.Const(b);

    public static Val operator -(Val a, ulong b) => a - a.Builder.Const(b);

    public static Val operator &(Val a, ulong b) => a & a.Builder.Const(b);

    public static Val operator |(Val a, ulong b) => a | a.Builder.Const(b);

    public static Val operator ^(Val a, ulong b) => a ^ a.Builder.Const(b);
#pragma warning restore CS1591, CA2225
}
