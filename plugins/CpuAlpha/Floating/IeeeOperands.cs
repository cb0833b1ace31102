namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>What the hardware does not take as operands of an IEEE instruction.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 4.7.7.4 to 4.7.7.6 (IEEE traps) and appendix B.
/// Without /S, denormal numbers, NaNs and, but for comparisons, infinities trap. With /S, denormal numbers go to software, or are zero by DNZ.</remarks>
internal ref struct IeeeOperands
{
    private readonly FloatingOperation _operation;
    private readonly bool _software;

    /// <summary>Operands of an instruction.</summary>
    /// <param name="operation">An IEEE operation.</param>
    /// <param name="qualifiers">Its qualifiers.</param>
    /// <param name="fpcr">The FPCR.</param>
    public IeeeOperands(FloatingOperation operation, FloatingQualifiers qualifiers, ulong fpcr)
    {
        (_operation, _software, Fpcr) = (operation, qualifiers.Software, fpcr);
    }

    /// <summary>The FPCR after the operands were looked at.</summary>
    public ulong Fpcr { get; private set; }

    /// <summary>The exception summary of the trap, where an operand was not accepted.</summary>
    public TrapSummary Trap { get; private set; }

    /// <summary>Looks at Fa, then Fb, as far as the operation reads them.</summary>
    /// <param name="fa">Fa; becomes zero by DNZ.</param>
    /// <param name="fb">Fb; becomes zero by DNZ.</param>
    /// <returns>Whether the operation can go on.</returns>
    public bool Accept(ref ulong fa, ref ulong fb) => _operation switch
    {
        FloatingOperation.Cvtqs or FloatingOperation.Cvtqt => true,
        FloatingOperation.Sqrts or FloatingOperation.Sqrtt or FloatingOperation.Cvtst or FloatingOperation.Cvtts or FloatingOperation.Cvttq => Accept(ref fb),
        _ => Accept(ref fa) && Accept(ref fb),
    };

    private bool Accept(ref ulong image)
    {
        if (IeeeImage.IsDenormal(image))
        {
            if (_software && (Fpcr & FloatingControl.DenormalToZero) != 0)
            {
                image &= IeeeImage.Sign;
                return true;
            }

            Trap = TrapSummary.InvalidOperation | (_software ? TrapSummary.SoftwareCompletion : TrapSummary.None);
            return false;
        }

        bool comparison = _operation is >= FloatingOperation.Cmptun and <= FloatingOperation.Cmptle;
        if (_software || !(comparison ? IeeeImage.IsNaN(image) : IeeeImage.IsSpecial(image)))
        {
            return true;
        }

        Trap = TrapSummary.InvalidOperation;
        Fpcr = FloatingControl.Record(Fpcr, TrapSummary.InvalidOperation);
        return false;
    }
}
