using Kmem.Plugins.CpuAlpha.Floating;

namespace Kmem.CpuAlpha.Tests.Vectors;

/// <summary>What an operating system does at an arithmetic trap of a /S instruction: the IEEE result, and a signal for what the program wants to hear of.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, appendix B, "Software Completion". The arithmetic is the CPU's own, which takes denormal operands as well.</remarks>
internal static class SoftwareCompletion
{
    /// <summary>Completes an IEEE instruction.</summary>
    /// <param name="instruction">The instruction word.</param>
    /// <param name="fa">Fa before it.</param>
    /// <param name="fb">Fb before it.</param>
    /// <param name="fpcr">The FPCR before it; the exceptions are added.</param>
    /// <param name="result">The register image for Fc.</param>
    /// <returns>Whether the program gets a signal.</returns>
    public static bool Complete(uint instruction, ulong fa, ulong fb, ref ulong fpcr, out ulong result)
    {
        var qualifiers = new FloatingQualifiers(instruction);
        FloatingOperation operation = FloatingDecoder.Decode(instruction);
        TrapSummary raised;
        if (operation == FloatingOperation.Cvtql)
        {
            result = IntegerConversions.ToLongword(fb, out raised);
        }
        else
        {
            // DNZ speaks of the operands, so it holds for software too.
            _ = new IeeeOperands(operation, qualifiers, fpcr).Accept(ref fa, ref fb);
            result = FloatingUnit.Compute(operation, qualifiers, fa, fb, fpcr, out raised);
        }

        TrapSummary wanted = raised & ~qualifiers.Ignored;

        // Integer overflow has neither a disable bit nor a signal of its own: programs find it in the FPCR.
        TrapSummary enabled = wanted & FloatingControl.Enabled(fpcr) & ~TrapSummary.IntegerOverflow;
        fpcr = FloatingControl.Record(fpcr, wanted);
        return enabled != TrapSummary.None;
    }
}
