namespace Kmem.Cli.Running;

/// <summary>Finds a text in a stream of bytes.</summary>
/// <remarks>Source: D. E. Knuth, J. H. Morris, V. R. Pratt, "Fast Pattern Matching in Strings", SIAM J. Comput. 6 (1977).</remarks>
internal sealed class TextMatcher
{
    private readonly byte[] _wanted;
    private readonly int[] _fallback;
    private int _matched;

    /// <summary>Looks for a text of at least one byte.</summary>
    public TextMatcher(byte[] wanted)
    {
        (_wanted, _fallback) = (wanted, new int[wanted.Length]);
        for (int i = 1, length = 0; i < wanted.Length; i++)
        {
            while (length > 0 && wanted[i] != wanted[length])
            {
                length = _fallback[length - 1];
            }

            length += wanted[i] == wanted[length] ? 1 : 0;
            _fallback[i] = length;
        }
    }

    /// <summary>Takes the next byte; true when the text ends with it.</summary>
    public bool Take(byte value)
    {
        while (_matched > 0 && value != _wanted[_matched])
        {
            _matched = _fallback[_matched - 1];
        }

        _matched += value == _wanted[_matched] ? 1 : 0;
        if (_matched < _wanted.Length)
        {
            return false;
        }

        _matched = _fallback[^1];
        return true;
    }
}
