namespace Kmem.CpuX86.Tests.Vectors;

/// <summary>What a 386 or later does otherwise than the recorded 80286 in one case.</summary>
/// <param name="Reason">The rule, one line of the reviewed list.</param>
/// <param name="Outcome">How the case must end instead; null where it must end as recorded but for flags, or can't be judged.</param>
/// <param name="Flags">Flags that are not compared, in the register and in the frame of an exception.</param>
/// <param name="IsLeftOut">Whether the recorded end tells nothing about this CPU.</param>
internal sealed record RealDifference(string Reason, RealOutcome? Outcome = null, ulong Flags = 0, bool IsLeftOut = false);
