using Xunit;

namespace Kmem.Exec.Tests;

/// <summary>A test that traces programs; skipped, with the reason, where that can't be done or a program is missing.</summary>
internal sealed class ClientFactAttribute : FactAttribute
{
    public ClientFactAttribute(params string[] programs)
    {
        Skip = ClientProgram.Obstacle ?? (Array.Find(programs, p => !ClientProgram.Has(p)) is { } missing ? $"there is no '{missing}' here" : null);
    }
}

/// <summary>As <see cref="ClientFactAttribute"/>, for theories.</summary>
internal sealed class ClientTheoryAttribute : TheoryAttribute
{
    public ClientTheoryAttribute(params string[] programs)
    {
        Skip = ClientProgram.Obstacle ?? (Array.Find(programs, p => !ClientProgram.Has(p)) is { } missing ? $"there is no '{missing}' here" : null);
    }
}
