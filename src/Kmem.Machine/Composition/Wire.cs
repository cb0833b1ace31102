using Kmem.Abstractions;

namespace Kmem.Machine.Composition;

/// <summary>An output of a device with all that it drives.</summary>
/// <param name="name">Full name, for example <c>com1.irq</c>.</param>
internal sealed class OutputLine(string name) : IIrqLine
{
    private readonly List<(InputPin Pin, bool Inverted)> _targets = [];
    private bool _level;

    public string Name { get; } = name;

    public IEnumerable<InputPin> Targets => _targets.Select(t => t.Pin);

    public bool Level
    {
        get => _level;
        set
        {
            if (_level != value)
            {
                _level = value;
                foreach ((InputPin pin, bool inverted) in _targets)
                {
                    pin.Drive(this, value != inverted);
                }
            }
        }
    }

    public void Connect(InputPin pin, bool inverted)
    {
        _targets.Add((pin, inverted));
        pin.Drive(this, _level != inverted);
    }
}

/// <summary>An input of a device; several drivers of a level line are combined by or.</summary>
/// <param name="name">Full name, for example <c>pic.in.4</c>.</param>
/// <param name="changed">Called with each new level.</param>
internal sealed class InputPin(string name, Action<bool> changed)
{
    private readonly HashSet<OutputLine> _active = [];

    public string Name { get; } = name;

    public void Drive(OutputLine source, bool level)
    {
        bool before = _active.Count > 0;
        _ = level ? _active.Add(source) : _active.Remove(source);
        bool after = _active.Count > 0;
        if (before != after)
        {
            changed(after);
        }
    }
}
