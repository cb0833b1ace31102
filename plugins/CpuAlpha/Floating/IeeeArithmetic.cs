namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>IEEE arithmetic on register images of numbers, infinities and NaNs.</summary>
/// <param name="Source">The format of the operands.</param>
/// <param name="Format">The format of the result.</param>
/// <param name="Mode">The rounding.</param>
/// <param name="Flush">Whether an underflow gives zero.</param>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 4.10 (the instructions), 4.7.10.4 "Operations on NaNs" and appendix B.</remarks>
internal readonly record struct IeeeArithmetic(IeeeFormat Source, IeeeFormat Format, RoundingMode Mode, bool Flush)
{
    /// <summary>a + b.</summary>
    /// <param name="a">The one summand.</param>
    /// <param name="b">The other summand.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong Add(ulong a, ulong b, out TrapSummary raised)
    {
        if (IeeeImage.IsSpecial(a) || IeeeImage.IsSpecial(b))
        {
            return AddSpecial(a, b, out raised);
        }

        Unpacked x = Source.Unpack(a);
        Unpacked y = Source.Unpack(b);
        if (x.IsZero && y.IsZero)
        {
            raised = TrapSummary.None;
            return a == b ? a : ZeroOfDifference;
        }

        Unpacked sum = x.IsZero ? y : y.IsZero ? x : ExactArithmetic.Add(x, y);
        if (sum.IsZero)
        {
            raised = TrapSummary.None;
            return ZeroOfDifference;
        }

        return Format.Pack(sum, Mode, Flush, out raised);
    }

    /// <summary>a - b. A NaN b keeps its sign.</summary>
    /// <param name="a">The number to subtract from.</param>
    /// <param name="b">The number to subtract.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong Subtract(ulong a, ulong b, out TrapSummary raised) => Add(a, IeeeImage.IsNaN(b) ? b : b ^ IeeeImage.Sign, out raised);

    /// <summary>a * b.</summary>
    /// <param name="a">The one factor.</param>
    /// <param name="b">The other factor.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong Multiply(ulong a, ulong b, out TrapSummary raised)
    {
        ulong sign = (a ^ b) & IeeeImage.Sign;
        raised = TrapSummary.None;
        if (IeeeImage.IsNaN(a) || IeeeImage.IsNaN(b))
        {
            return NaN(a, b, out raised);
        }

        bool zero = IeeeImage.IsZero(a) || IeeeImage.IsZero(b);
        if (IeeeImage.IsInfinity(a) || IeeeImage.IsInfinity(b))
        {
            return zero ? Invalid(out raised) : sign | IeeeImage.Infinity;
        }

        return zero ? sign : Format.Pack(ExactArithmetic.Multiply(Source.Unpack(a), Source.Unpack(b)), Mode, Flush, out raised);
    }

    /// <summary>a / b.</summary>
    /// <param name="a">The dividend.</param>
    /// <param name="b">The divisor.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong Divide(ulong a, ulong b, out TrapSummary raised)
    {
        ulong sign = (a ^ b) & IeeeImage.Sign;
        raised = TrapSummary.None;
        if (IeeeImage.IsNaN(a) || IeeeImage.IsNaN(b))
        {
            return NaN(a, b, out raised);
        }

        if (IeeeImage.IsInfinity(a))
        {
            return IeeeImage.IsInfinity(b) ? Invalid(out raised) : sign | IeeeImage.Infinity;
        }

        if (IeeeImage.IsZero(b))
        {
            if (IeeeImage.IsZero(a))
            {
                return Invalid(out raised);
            }

            raised = TrapSummary.DivideByZero;
            return sign | IeeeImage.Infinity;
        }

        return IeeeImage.IsZero(a) || IeeeImage.IsInfinity(b)
            ? sign
            : Format.Pack(ExactArithmetic.Divide(Source.Unpack(a), Source.Unpack(b)), Mode, Flush, out raised);
    }

    /// <summary>The square root of b; that of minus zero is minus zero.</summary>
    /// <param name="b">The square.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong SquareRoot(ulong b, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        if (IeeeImage.IsNaN(b))
        {
            return NaN(b, b, out raised);
        }

        if (IeeeImage.IsZero(b))
        {
            return b;
        }

        if (IeeeImage.IsNegative(b))
        {
            return Invalid(out raised);
        }

        return IeeeImage.IsInfinity(b) ? b : Format.Pack(ExactArithmetic.SquareRoot(Source.Unpack(b)), Mode, Flush, out raised);
    }

    /// <summary>CVTST, CVTTS: b in the format of the result.</summary>
    /// <param name="b">The number.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong Convert(ulong b, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        if (IeeeImage.IsNaN(b))
        {
            return NaN(b, b, out raised);
        }

        return IeeeImage.IsZero(b) || IeeeImage.IsInfinity(b) ? b : Format.Pack(Source.Unpack(b), Mode, Flush, out raised);
    }

    /// <summary>CVTQS, CVTQT: a signed quadword in the format of the result.</summary>
    /// <param name="b">The quadword.</param>
    /// <param name="raised">The exceptions.</param>
    public ulong FromInteger(ulong b, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        return b == 0 ? 0 : Format.Pack(Unpacked.FromInteger((long)b), Mode, Flush, out raised);
    }

    /// <summary>x - x is plus zero, except towards minus infinity.</summary>
    private ulong ZeroOfDifference => Mode == RoundingMode.MinusInfinity ? IeeeImage.Sign : 0;

    private ulong AddSpecial(ulong a, ulong b, out TrapSummary raised)
    {
        if (IeeeImage.IsNaN(a) || IeeeImage.IsNaN(b))
        {
            return NaN(a, b, out raised);
        }

        if (IeeeImage.IsInfinity(a) && IeeeImage.IsInfinity(b) && a != b)
        {
            return Invalid(out raised);
        }

        raised = TrapSummary.None;
        return IeeeImage.IsInfinity(a) ? a : b;
    }

    /// <summary>The NaN of an operation with a NaN operand, made quiet.</summary>
    /// <remarks>Of two NaNs the architecture takes that of Fb. The machine that the vectors were recorded on has another rule, which is followed here:
    /// a quiet one before a signaling one, then the larger fraction, then the positive one. No program can rely on either.</remarks>
    private ulong NaN(ulong a, ulong b, out TrapSummary raised)
    {
        raised = IeeeImage.IsSignaling(a) || IeeeImage.IsSignaling(b) ? TrapSummary.InvalidOperation : TrapSummary.None;
        if (!IeeeImage.IsNaN(a) || !IeeeImage.IsNaN(b))
        {
            return Format.Quiet(IeeeImage.IsNaN(b) ? b : a);
        }

        if (IeeeImage.IsSignaling(a) != IeeeImage.IsSignaling(b))
        {
            return Format.Quiet(IeeeImage.IsSignaling(a) ? b : a);
        }

        ulong x = a & IeeeImage.Fraction, y = b & IeeeImage.Fraction;
        return Format.Quiet(x != y ? (x > y ? a : b) : Math.Min(a, b));
    }

    private static ulong Invalid(out TrapSummary raised)
    {
        raised = TrapSummary.InvalidOperation;
        return IeeeImage.DefaultNaN;
    }
}
