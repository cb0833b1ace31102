using Kmem.Abstractions;

namespace Kmem.Testing;

/// <summary>An overlay switch that only remembers.</summary>
/// <param name="count">Number of ranges.</param>
public sealed class TestOverlay(int count) : IOverlaySwitch
{
    private readonly OverlayState[] _states = new OverlayState[count];

    /// <inheritdoc/>
    public int Count => _states.Length;

    /// <inheritdoc/>
    public OverlayState this[int index] => _states[index];

    /// <inheritdoc/>
    public void Select(int index, OverlayState state) => _states[index] = state;
}
