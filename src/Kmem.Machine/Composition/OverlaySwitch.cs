using Kmem.Abstractions;

namespace Kmem.Machine.Composition;

/// <summary>The ranges of one overlay, each with what stands there in its two states.</summary>
internal sealed class OverlaySwitch : IOverlaySwitch
{
    private readonly List<Piece> _pieces = [];
    private readonly List<OverlayState> _states = [];

    public int Count => _pieces.Count;

    public OverlayState ResetState { get; init; }

    public OverlayState this[int index] => _states[index];

    public void Add(IRegionMapping? on, IRegionMapping? off)
    {
        _pieces.Add(new Piece(on, off));
        _states.Add(OverlayState.Off);
        Select(_pieces.Count - 1, OverlayState.Off);
    }

    public void Select(int index, OverlayState state)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(index);
        ArgumentOutOfRangeException.ThrowIfGreaterThanOrEqual(index, _pieces.Count);
        Piece piece = _pieces[index];
        _states[index] = state;
        bool read = (state & OverlayState.Read) != 0, write = (state & OverlayState.Write) != 0;
        if ((piece.On ?? piece.Off) is not { } any)
        {
            return;
        }

        // The two sides have one priority, so for a moment both would claim the range: one transaction hides that moment.
        using IDisposable change = any.Space.BeginChange();
        if (piece.On is { } on)
        {
            (on.ReadEnabled, on.WriteEnabled) = (read, write);
        }

        if (piece.Off is { } off)
        {
            (off.ReadEnabled, off.WriteEnabled) = (!read, !write);
        }
    }

    public void SelectAll(OverlayState state)
    {
        for (int i = 0; i < Count; i++)
        {
            Select(i, state);
        }
    }

    private sealed record Piece(IRegionMapping? On, IRegionMapping? Off);
}
