namespace Kmem.Plugins.CpuAlpha.Floating;

/// <summary>CMPTUN, CMPTEQ, CMPTLT and CMPTLE on register images; denormal operands have gone before.</summary>
/// <remarks>Source: Alpha Architecture Reference Manual, section 4.10.6 "IEEE Floating Compare", and table B-2.</remarks>
internal static class IeeeComparison
{
    /// <summary>2.0 where the relation holds, else zero.</summary>
    /// <param name="operation">One of the four comparisons.</param>
    /// <param name="a">The left number.</param>
    /// <param name="b">The right number.</param>
    /// <param name="raised">Invalid operation: of a signaling NaN always, of a quiet one by an order relation.</param>
    public static ulong Compare(FloatingOperation operation, ulong a, ulong b, out TrapSummary raised)
    {
        raised = TrapSummary.None;
        if (IeeeImage.IsNaN(a) || IeeeImage.IsNaN(b))
        {
            bool ordered = operation is FloatingOperation.Cmptlt or FloatingOperation.Cmptle;
            if (ordered || IeeeImage.IsSignaling(a) || IeeeImage.IsSignaling(b))
            {
                raised = TrapSummary.InvalidOperation;
            }

            return operation == FloatingOperation.Cmptun ? IeeeImage.True : 0;
        }

        (long x, long y) = (Ordinal(a), Ordinal(b));
        bool holds = operation switch
        {
            FloatingOperation.Cmpteq => x == y,
            FloatingOperation.Cmptlt => x < y,
            FloatingOperation.Cmptle => x <= y,
            _ => false,
        };
        return holds ? IeeeImage.True : 0;
    }

    /// <summary>An integer in the order of the numbers; both zeros are 0. Serves VAX numbers as well.</summary>
    /// <param name="image">The register image of a number.</param>
    public static long Ordinal(ulong image) => (long)image < 0 ? -(long)(image & ~IeeeImage.Sign) : (long)image;
}
