using Kmem.Abstractions;

namespace Kmem.Testing;

/// <summary>An output line that counts its edges.</summary>
public sealed class TestLine : IIrqLine
{
    private bool _level;

    /// <summary>How often the line went from low to high.</summary>
    public int Rises { get; private set; }

    /// <inheritdoc/>
    public bool Level
    {
        get => _level;
        set
        {
            Rises += value && !_level ? 1 : 0;
            _level = value;
        }
    }
}
