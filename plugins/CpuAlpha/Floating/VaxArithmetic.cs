namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>VAX arithmetic on register images that are numbers.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 4.10 (the instructions) and 4.7.7.1 to 4.7.7.3 (VAX traps).</remarks>
internal static class VaxArithmetic
{
    /// <summary>The operation on its operands; a fault without a number gives the reserved operand.</summary>
    /// <param name="operation">A VAX operation.</param>
    /// <param name="a">Fa, where the operation has two operands.</param>
    /// <param name="b">Fb.</param>
    /// <param name="mode">The rounding.</param>
    /// <param name="raised">The exceptions.</param>
    public static ulong Execute(FloatingOperation operation, ulong a, ulong b, RoundingMode mode, out TrapSummary raised) => operation switch
    {
        FloatingOperation.Addf => VaxFormat.F.Pack(Sum(a, b, negate: false), mode, out raised),
        FloatingOperation.Addg => VaxFormat.G.Pack(Sum(a, b, negate: false), mode, out raised),
        FloatingOperation.Subf => VaxFormat.F.Pack(Sum(a, b, negate: true), mode, out raised),
        FloatingOperation.Subg => VaxFormat.G.Pack(Sum(a, b, negate: true), mode, out raised),
        FloatingOperation.Mulf => VaxFormat.F.Pack(Product(a, b), mode, out raised),
        FloatingOperation.Mulg => VaxFormat.G.Pack(Product(a, b), mode, out raised),
        FloatingOperation.Divf => Divide(VaxFormat.F, a, b, mode, out raised),
        FloatingOperation.Divg => Divide(VaxFormat.G, a, b, mode, out raised),
        FloatingOperation.Sqrtf => SquareRoot(VaxFormat.F, b, mode, out raised),
        FloatingOperation.Sqrtg => SquareRoot(VaxFormat.G, b, mode, out raised),
        FloatingOperation.Cvtgf => VaxFormat.F.Pack(VaxFormat.G.Unpack(b), mode, out raised),
        FloatingOperation.Cvtgd => VaxFormat.D.Pack(VaxFormat.G.Unpack(b), mode, out raised),
        FloatingOperation.Cvtdg => VaxFormat.G.Pack(VaxFormat.D.Unpack(b), mode, out raised),
        FloatingOperation.Cvtgq => IntegerConversions.ToQuadword(VaxFormat.G.Unpack(b), mode, out raised),
        FloatingOperation.Cvtqf => VaxFormat.F.Pack(Unpacked.FromInteger((long)b), mode, out raised),
        FloatingOperation.Cvtqg => VaxFormat.G.Pack(Unpacked.FromInteger((long)b), mode, out raised),
        FloatingOperation.Cmpgeq => Truth(IeeeComparison.Ordinal(a) == IeeeComparison.Ordinal(b), out raised),
        FloatingOperation.Cmpglt => Truth(IeeeComparison.Ordinal(a) < IeeeComparison.Ordinal(b), out raised),
        FloatingOperation.Cmpgle => Truth(IeeeComparison.Ordinal(a) <= IeeeComparison.Ordinal(b), out raised),
        _ => throw new ArgumentOutOfRangeException(nameof(operation), operation, "This is no VAX operation."),
    };

    /// <summary>Whether every operand that the operation reads is a number.</summary>
    /// <param name="operation">A VAX operation.</param>
    /// <param name="a">Fa.</param>
    /// <param name="b">Fb.</param>
    public static bool OperandsAreNumbers(FloatingOperation operation, ulong a, ulong b) => operation switch
    {
        FloatingOperation.Cvtqf or FloatingOperation.Cvtqg => true,
        FloatingOperation.Cvtdg => VaxFormat.D.IsNumber(b),
        FloatingOperation.Cvtgf or FloatingOperation.Cvtgd or FloatingOperation.Cvtgq or FloatingOperation.Sqrtf or FloatingOperation.Sqrtg => VaxFormat.G.IsNumber(b),
        _ => VaxFormat.G.IsNumber(a) && VaxFormat.G.IsNumber(b),
    };

    private static Unpacked Sum(ulong a, ulong b, bool negate)
    {
        Unpacked x = VaxFormat.G.Unpack(a);
        Unpacked y = VaxFormat.G.Unpack(b);
        y = y with { Negative = y.Negative != negate };
        return x.IsZero ? y : y.IsZero ? x : ExactArithmetic.Add(x, y);
    }

    private static Unpacked Product(ulong a, ulong b)
    {
        Unpacked x = VaxFormat.G.Unpack(a);
        Unpacked y = VaxFormat.G.Unpack(b);
        return x.IsZero || y.IsZero ? default : ExactArithmetic.Multiply(x, y);
    }

    private static ulong Divide(VaxFormat format, ulong a, ulong b, RoundingMode mode, out TrapSummary raised)
    {
        Unpacked x = VaxFormat.G.Unpack(a);
        Unpacked y = VaxFormat.G.Unpack(b);
        if (y.IsZero)
        {
            raised = TrapSummary.DivideByZero;
            return VaxFormat.ReservedOperand;
        }

        return format.Pack(x.IsZero ? default : ExactArithmetic.Divide(x, y), mode, out raised);
    }

    private static ulong SquareRoot(VaxFormat format, ulong b, RoundingMode mode, out TrapSummary raised)
    {
        Unpacked x = VaxFormat.G.Unpack(b);
        if (x.Negative)
        {
            raised = TrapSummary.InvalidOperation;
            return VaxFormat.ReservedOperand;
        }

        return format.Pack(x.IsZero ? default : ExactArithmetic.SquareRoot(x), mode, out raised);
    }

    private static ulong Truth(bool holds, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        return holds ? IeeeImage.True : 0;
    }
}
