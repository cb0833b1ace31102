using System.Runtime.CompilerServices;

namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>The floating-point operate instructions of an EV67, opcodes 14 to 17 hexadecimal, as functions of register images and the FPCR.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, sections 4.7 to 4.10 and appendix B. FCMOV, MT_FPCR and MF_FPCR belong to the CPU.
/// Operands are 64-bit register images; low bits of an S or F operand that its format does not have take part in the operation.</remarks>
public static class FloatingUnit
{
    /// <summary>Runs one instruction.</summary>
    /// <param name="instruction">The instruction word.</param>
    /// <param name="fa">The register Fa; of ITOFx the integer register Ra.</param>
    /// <param name="fb">The register Fb.</param>
    /// <param name="fpcr">The FPCR.</param>
    /// <param name="outcome">What the instruction leaves behind.</param>
    public static void Execute(uint instruction, ulong fa, ulong fb, ulong fpcr, out FloatingOutcome outcome)
    {
        FloatingOperation operation = FloatingDecoder.Decode(instruction);
        var qualifiers = new FloatingQualifiers(instruction);
        if (FastPath.Try(operation, fa, fb, qualifiers.IeeeRounding(fpcr), out ulong result, out bool inexact))
        {
            outcome = inexact ? Finish(operation, qualifiers, result, fpcr, TrapSummary.Inexact) : FloatingOutcome.Completed(result, fpcr);
            return;
        }

        outcome = ExecuteExactly(operation, qualifiers, fa, fb, fpcr);
    }

    /// <summary>Whether the unit has an instruction.</summary>
    /// <param name="instruction">The instruction word.</param>
    public static bool Has(uint instruction) => FloatingDecoder.Decode(instruction) != FloatingOperation.Illegal;

    /// <summary>Runs one instruction without the host's arithmetic: every case, slowly.</summary>
    /// <param name="operation">The operation.</param>
    /// <param name="qualifiers">Its qualifiers.</param>
    /// <param name="fa">Fa.</param>
    /// <param name="fb">Fb.</param>
    /// <param name="fpcr">The FPCR.</param>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static FloatingOutcome ExecuteExactly(FloatingOperation operation, FloatingQualifiers qualifiers, ulong fa, ulong fb, ulong fpcr)
    {
        switch (operation)
        {
            case FloatingOperation.Illegal:
                return FloatingOutcome.Illegal(fpcr);
            case FloatingOperation.Itofs:
                return FloatingOutcome.Completed(RegisterFormats.FromS((uint)fa), fpcr);
            case FloatingOperation.Itoff:
                return FloatingOutcome.Completed(RegisterFormats.FromF((uint)fa), fpcr);
            case FloatingOperation.Itoft:
                return FloatingOutcome.Completed(fa, fpcr);
            case FloatingOperation.Cvtlq:
                return FloatingOutcome.Completed(RegisterFormats.ToQuadword(fb), fpcr);
            case FloatingOperation.Cpys:
                return FloatingOutcome.Completed((fa & IeeeImage.Sign) | (fb & ~IeeeImage.Sign), fpcr);
            case FloatingOperation.Cpysn:
                return FloatingOutcome.Completed((~fa & IeeeImage.Sign) | (fb & ~IeeeImage.Sign), fpcr);
            case FloatingOperation.Cpyse:
                return FloatingOutcome.Completed((fa & ~IeeeImage.Fraction) | (fb & IeeeImage.Fraction), fpcr);
            case FloatingOperation.Cvtql:
                return Finish(operation, qualifiers, IntegerConversions.ToLongword(fb, out TrapSummary raised), fpcr, raised);
            case FloatingOperation.Sqrtf or FloatingOperation.Sqrtg:
            case >= FloatingOperation.Addf and <= FloatingOperation.Cvtqg:
                return ExecuteVax(operation, qualifiers, fa, fb, fpcr);
            default:
                return ExecuteIeee(operation, qualifiers, fa, fb, fpcr);
        }
    }

    private static FloatingOutcome ExecuteIeee(FloatingOperation operation, FloatingQualifiers qualifiers, ulong fa, ulong fb, ulong fpcr)
    {
        var operands = new IeeeOperands(operation, qualifiers, fpcr);
        if (!operands.Accept(ref fa, ref fb))
        {
            return FloatingOutcome.OperandTrap(operands.Fpcr, operands.Trap);
        }

        ulong result = Compute(operation, qualifiers, fa, fb, fpcr, out TrapSummary raised);
        return Finish(operation, qualifiers, result, fpcr, raised);
    }

    /// <summary>The result of an IEEE operation on any operands, denormal ones too: what the hardware computes where it accepts them, and software completion where not.</summary>
    /// <param name="operation">An IEEE operation.</param>
    /// <param name="qualifiers">Its qualifiers.</param>
    /// <param name="fa">Fa.</param>
    /// <param name="fb">Fb.</param>
    /// <param name="fpcr">The FPCR, for the rounding and underflows.</param>
    /// <param name="raised">The exceptions.</param>
    internal static ulong Compute(FloatingOperation operation, FloatingQualifiers qualifiers, ulong fa, ulong fb, ulong fpcr, out TrapSummary raised)
    {
        RoundingMode mode = qualifiers.IeeeRounding(fpcr);
        bool flush = qualifiers.FlushesUnderflow(fpcr);
        var s = new IeeeArithmetic(IeeeFormat.S, IeeeFormat.S, mode, flush);
        var t = new IeeeArithmetic(IeeeFormat.T, IeeeFormat.T, mode, flush);
        return operation switch
        {
            FloatingOperation.Sqrts => s.SquareRoot(fb, out raised),
            FloatingOperation.Sqrtt => t.SquareRoot(fb, out raised),
            FloatingOperation.Adds => s.Add(fa, fb, out raised),
            FloatingOperation.Subs => s.Subtract(fa, fb, out raised),
            FloatingOperation.Muls => s.Multiply(fa, fb, out raised),
            FloatingOperation.Divs => s.Divide(fa, fb, out raised),
            FloatingOperation.Addt => t.Add(fa, fb, out raised),
            FloatingOperation.Subt => t.Subtract(fa, fb, out raised),
            FloatingOperation.Mult => t.Multiply(fa, fb, out raised),
            FloatingOperation.Divt => t.Divide(fa, fb, out raised),
            FloatingOperation.Cvtst => (t with { Source = IeeeFormat.S }).Convert(fb, out raised),
            FloatingOperation.Cvtts => (s with { Source = IeeeFormat.T }).Convert(fb, out raised),
            FloatingOperation.Cvttq => IntegerConversions.FromT(fb, mode, out raised),
            FloatingOperation.Cvtqs => s.FromInteger(fb, out raised),
            FloatingOperation.Cvtqt => t.FromInteger(fb, out raised),
            _ => IeeeComparison.Compare(operation, fa, fb, out raised),
        };
    }

    private static FloatingOutcome ExecuteVax(FloatingOperation operation, FloatingQualifiers qualifiers, ulong fa, ulong fb, ulong fpcr)
    {
        TrapSummary software = qualifiers.Software ? TrapSummary.SoftwareCompletion : TrapSummary.None;
        if (!VaxArithmetic.OperandsAreNumbers(operation, fa, fb))
        {
            return FloatingOutcome.OperandTrap(fpcr, software | TrapSummary.InvalidOperation);
        }

        // VAX instructions leave the FPCR alone, and none of them has /I.
        ulong result = VaxArithmetic.Execute(operation, fa, fb, qualifiers.VaxRounding, out TrapSummary raised);
        TrapSummary trap = raised & ~qualifiers.Ignored;
        return trap == TrapSummary.None ? FloatingOutcome.Completed(result, fpcr) : FloatingOutcome.ResultTrap(result, fpcr, software | trap);
    }

    /// <summary>Records the exceptions of a result, and traps on those that the instruction asks for.</summary>
    private static FloatingOutcome Finish(FloatingOperation operation, FloatingQualifiers qualifiers, ulong result, ulong fpcr, TrapSummary raised)
    {
        TrapSummary wanted = raised & ~qualifiers.Ignored;
        if (qualifiers.Software)
        {
            // Every exception goes to software, that keeps the user's own masks; the summary names those that the FPCR does not mask.
            fpcr = FloatingControl.Record(fpcr, wanted);
            return wanted == TrapSummary.None
                ? FloatingOutcome.Completed(result, fpcr)
                : FloatingOutcome.ResultTrap(result, fpcr, TrapSummary.SoftwareCompletion | (wanted & FloatingControl.Enabled(fpcr)));
        }

        // CVTQS and CVTQT note an inexact result where they are asked to trap on it, and only there: as on the machine that the vectors were recorded on.
        fpcr = operation is FloatingOperation.Cvtqs or FloatingOperation.Cvtqt ? fpcr : FloatingControl.Record(fpcr, raised);
        return wanted == TrapSummary.None ? FloatingOutcome.Completed(result, fpcr) : FloatingOutcome.ResultTrap(result, fpcr, wanted);
    }
}
