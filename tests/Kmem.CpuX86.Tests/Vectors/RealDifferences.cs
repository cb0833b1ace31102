namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>The reviewed list of what an 80286 does and a 386 or later does otherwise, by its manual.</summary>
internal static class RealDifferences
{
    /// <summary>Why a case is not for this CPU; null where it is.</summary>
    public static string? Explain(RealCase test) => null;
}
